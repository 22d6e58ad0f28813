"""Where references for a PC's interrupts honestly differ, and what each of them does: `profile=NAME` of the board.

The default is what the manuals rule: the Intel SDM and the 82093AA datasheet. Where they leave a choice, it is what two
of KVM, Bochs and QEMU do: an NMI waits for the end of an STI shadow, an xAPIC that is disabled keeps its registers, and
a message that nobody accepts is no error, as on every processor since the Pentium 4. So the default has none of the
rows below; each names the profiles that have it.

`p6` is a processor of that family with an 82093AA, as Intel's manuals describe them. The others are emulators as their
sources are: `kvm` Linux's arch/x86/kvm, `qemu` QEMU's TCG with hw/intc, `bochs` Bochs 2.6.9 to 3.0, `bochs-2.6.8` those
before it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from vmm.core.native import lib
from vmm.errors import unknown

if TYPE_CHECKING:
    from vmm._native import vmm_16550, vmm_ioapic, vmm_lapic, vmm_machine, vmm_pic, vmm_x86

DEFAULT = "default"
NAMES = (DEFAULT, "p6", "kvm", "qemu", "bochs", "bochs-2.6.8")


class Pc(NamedTuple):
    """What is configured."""

    native: vmm_machine
    devices: Mapping[str, Any]


def _vcpus(pc: Pc) -> Iterator[vmm_x86]:
    return (lib.vmm_x86_of(pc.native.vcpus[index]) for index in range(pc.native.vcpu_count))


def _lapics(pc: Pc) -> Iterator[vmm_lapic]:
    return (x86.lapic for x86 in _vcpus(pc))


def _ioapic(pc: Pc) -> Iterator[vmm_ioapic]:
    return iter((lib.vmm_ioapic_of(pc.native),))


def _pic(pc: Pc) -> Iterator[vmm_pic]:
    return iter((lib.vmm_pic_of(pc.native),))


def _uarts(pc: Pc) -> Iterator[vmm_16550]:
    return (lib.vmm_16550_of(pc.native, number) for number in range(lib.VMM_16550S))


class Knob(NamedTuple):
    """One difference: a field of the core's structs or of devices, which is 1 in some profiles and else 0."""

    structs: Callable[[Pc], Iterator[Any]]
    field: str
    profiles: tuple[str, ...]
    """That have it."""
    why: str
    """What it is, and the places in manuals and sources that say so."""


KNOBS = (
    Knob(
        _lapics, "withdraws", ("kvm", "qemu"),
        "A TPR that masks a request before INTA takes INTR back. SDM vol. 3A 11.9 gives the spurious vector instead, "
        "and so does Bochs (acknowledge_int). KVM wants a vector above PPR when it injects (kvm_apic_has_interrupt); "
        "QEMU lowers the request when TPR is written (apic_update_irq).",
    ),
    Knob(
        _lapics, "forgets", ("p6",),
        "Clearing IA32_APIC_BASE.EN resets the local APIC. SDM vol. 3A 11.4.3: its state may be lost, and on the P6 "
        "family's 3-wire bus only a hardware reset brings it back; here enabling it again does, in the state of that "
        "reset. KVM keeps all (kvm_lapic_set_base); QEMU (apic_set_base) and Bochs (set_base) all but SVR.",
    ),
    Knob(
        _lapics, "keeps_x2apic", ("kvm", "qemu", "bochs", "bochs-2.6.8"),
        "Clearing IA32_APIC_BASE.EN in x2APIC mode keeps the registers. SDM vol. 3A 11.12.5.1: but for the id, they "
        "are not preserved; here they are as after INIT. KVM, QEMU and Bochs do as they do in xAPIC mode, see above.",
    ),
    Knob(
        _lapics, "accept_errors", ("p6", "bochs", "bochs-2.6.8"),
        "ESR tells of IPIs that nobody accepts. SDM vol. 3A 11.5.3: send accept and receive accept error are those of "
        "the P6 family and the Pentium. Bochs sets the sender's (send_ipi); KVM and QEMU set neither.",
    ),
    Knob(
        _vcpus, "nmi_in_sti_shadow", ("qemu",),
        "An NMI is delivered in an STI shadow. SDM vol. 2B, STI: it may be inhibited there. KVM (vmx_nmi_blocked, "
        "svm_nmi_blocked) and Bochs (handleAsyncEvent) hold it; QEMU heeds the shadow for maskable interrupts alone "
        "(x86_cpu_pending_interrupt).",
    ),
    Knob(
        _pic, "admits_lower", ("kvm", "qemu"),
        "In special fully nested mode a slave's request in service holds back none of the master's inputs below it. "
        "231468, The Special Fully Nested Mode: it is the slave alone that is not locked out. KVM and QEMU leave IR2 "
        "out when they compare priorities (pic_get_irq).",
    ),
    Knob(
        _pic, "withdraws_int", ("kvm", "qemu"),
        "A level-triggered request that falls before INTA takes INT with it. 231468, Interrupt Sequence: an input that "
        "is low by then gives the default IR7, and so does Bochs (lower_irq leaves INT up). KVM and QEMU lower INT "
        "(pic_update_irq).",
    ),
    Knob(
        _pic, "keeps_edges", ("kvm", "qemu"),
        "An edge-triggered request outlives the fall of its input. 231468, Edge and Level Triggered Modes: an input "
        "must stay high until INTA. Bochs clears IRR (lower_irq); KVM (pic_set_irq1) and QEMU (pic_set_irq) do so for "
        "levels alone.",
    ),
    Knob(
        _uarts, "ignores_out2", ("qemu",),
        "A UART interrupts whatever its OUT2 is. IBM PC/AT Technical Reference, Serial/Parallel Adapter: OUT2 gates "
        "the interrupt driver, and so it does in Bochs (serial.cc). QEMU has no gate (serial_update_irq); KVM has no "
        "UART.",
    ),
    Knob(
        _ioapic, "holds_edges", ("bochs-2.6.8",),
        "An edge on a masked pin is delivered when it is unmasked. 82093AA datasheet 3.2.4, Interrupt Mask: it is "
        "neither delivered nor held; QEMU (ioapic_set_irq), KVM (ioapic_write_indirect) and newer Bochs agree.",
    ),
    Knob(
        _ioapic, "ignores_polarity", ("kvm", "qemu", "bochs", "bochs-2.6.8"),
        "The polarity bit of an entry means nothing: a pin is asserted when its device says so. Against 82093AA "
        "datasheet 3.2.4, Interrupt Input Pin Polarity: ioapic_set_irq of KVM and of QEMU, set_irq_level of Bochs.",
    ),
)  # fmt: skip


def apply(native: vmm_machine, devices: Mapping[str, Any], profile: str) -> None:
    """Configure a machine whose vCPUs and devices there are; VmmError for an unknown profile."""
    if profile not in NAMES:
        raise unknown("profile of board pc", profile, NAMES)
    for knob in KNOBS:
        for struct in knob.structs(Pc(native, devices)):
            setattr(struct, knob.field, profile in knob.profiles)
