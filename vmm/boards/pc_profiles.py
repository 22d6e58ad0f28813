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

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from vmm.core.native import lib
from vmm.errors import unknown

if TYPE_CHECKING:
    from vmm._native import Struct, vmm_ioapic, vmm_lapic, vmm_machine, vmm_x86

DEFAULT = "default"
NAMES = (DEFAULT, "p6", "kvm", "qemu", "bochs", "bochs-2.6.8")


def _vcpus(native: vmm_machine) -> Iterator[vmm_x86]:
    return (lib.vmm_x86_of(native.vcpus[index]) for index in range(native.vcpu_count))


def _lapics(native: vmm_machine) -> Iterator[vmm_lapic]:
    return (x86.lapic for x86 in _vcpus(native))


def _ioapic(native: vmm_machine) -> Iterator[vmm_ioapic]:
    return iter((lib.vmm_ioapic_of(native),))


class Knob(NamedTuple):
    """One difference: a configuration field of the core's structs, which is 1 in some profiles and else 0."""

    structs: Callable[[vmm_machine], Iterator[Struct]]
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


def apply(native: vmm_machine, profile: str) -> None:
    """Configure a machine whose vCPUs there are; VmmError for an unknown profile."""
    if profile not in NAMES:
        raise unknown("profile of board pc", profile, NAMES)
    for knob in KNOBS:
        for struct in knob.structs(native):
            setattr(struct, knob.field, profile in knob.profiles)
