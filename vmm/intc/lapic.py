"""A local APIC as a reader sees it: one property a register (Intel SDM vol. 3A chapter 11).

Vectors are numbers from 16 to 255; sets hold vectors. Reading changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from vmm.core.native import NEVER, lib
from vmm.errors import VmmError, unknown

if TYPE_CHECKING:
    from vmm._native import Array, vmm_vcpu

ENTRIES = {
    "cmci": lib.VMM_LVT_CMCI,
    "timer": lib.VMM_LVT_TIMER,
    "thermal": lib.VMM_LVT_THERMAL,
    "performance": lib.VMM_LVT_PERFORMANCE,
    "lint0": lib.VMM_LVT_LINT0,
    "lint1": lib.VMM_LVT_LINT1,
    "error": lib.VMM_LVT_ERROR,
}
DELIVERY = ("fixed", "lowest priority", "SMI", "reserved", "NMI", "INIT", "startup", "ExtINT")
"""Delivery modes by their number, in LVT, ICR, IOAPIC and MSI alike."""

VERSION = 0x30
BSP, X2APIC, ENABLED = lib.VMM_APIC_BSP, lib.VMM_APIC_X2APIC, lib.VMM_APIC_ENABLE
SOFTWARE_ENABLED = 1 << 8


def vectors(words: Array[int]) -> frozenset[int]:
    """The bits of eight 32-bit words."""
    return frozenset(32 * i + n for i in range(8) for n in range(32) if words[i] >> n & 1)


class LvtEntry(NamedTuple):
    """An entry of the local vector table (11.5.1)."""

    vector: int
    delivery: str
    """One of DELIVERY."""
    masked: bool
    level: bool
    remote_irr: bool


class LocalApic:
    """The local APIC of one vCPU; where `decide` is given, as scripts have it."""

    def __init__(self, vcpu: vmm_vcpu, decide: Callable[..., Any] | None = None) -> None:
        self._vcpu, self._decide = vcpu, decide
        self._apic = lib.vmm_lapic_of(vcpu)

    @property
    def id(self) -> int:
        """8 bits, 32 in x2APIC mode."""
        return self._apic.id

    @property
    def version(self) -> int:
        """8 bits of the version register (11.4.8); FFh in another mode than xAPIC, in which memory does not show it."""
        return lib.vmm_lapic_read(self._vcpu, VERSION) & 0xFF

    @property
    def mode(self) -> str:
        """One of "disabled", "xAPIC" and "x2APIC", as IA32_APIC_BASE says."""
        base = self._apic.base
        return "disabled" if not base & ENABLED else "x2APIC" if base & X2APIC else "xAPIC"

    @property
    def base(self) -> int:
        """Physical address of its registers in xAPIC mode."""
        return self._apic.base >> 12 << 12

    @property
    def is_bsp(self) -> bool:
        """The bootstrap processor's."""
        return bool(self._apic.base & BSP)

    @property
    def software_enabled(self) -> bool:
        """SVR[8]: else it accepts no fixed interrupts and masks its own."""
        return bool(self._apic.svr & SOFTWARE_ENABLED)

    @property
    def spurious_vector(self) -> int:
        """SVR[7:0]."""
        return self._apic.svr & 0xFF

    @property
    def tpr(self) -> int:
        """Task priority, 8 bits; CR8 is its high half."""
        return self._apic.tpr

    @property
    def ppr(self) -> int:
        """Processor priority, 8 bits: only a vector of a higher class interrupts."""
        return lib.vmm_lapic_priority(self._vcpu)

    @property
    def irr(self) -> frozenset[int]:
        """Requested and not yet acknowledged."""
        return vectors(self._apic.irr)

    @property
    def isr(self) -> frozenset[int]:
        """In service: acknowledged, EOI to come."""
        return vectors(self._apic.isr)

    @property
    def tmr(self) -> frozenset[int]:
        """Whose last request was level-triggered: their EOI is told to the IOAPIC."""
        return vectors(self._apic.tmr)

    @property
    def esr(self) -> int:
        """Error status as the last write of it latched it."""
        return self._apic.esr

    @property
    def errors(self) -> int:
        """Errors collected since then, in the places of ESR."""
        return self._apic.esr_pending

    def entry(self, name: str) -> LvtEntry:
        """An entry of the local vector table by its name in ENTRIES; VmmError for any other."""
        if name not in ENTRIES:
            raise unknown("LVT entry", name, ENTRIES)
        raw = self._apic.lvt[ENTRIES[name]]
        return LvtEntry(
            vector=raw & 0xFF,
            delivery=DELIVERY[raw >> 8 & 7],
            masked=bool(raw >> 16 & 1),
            level=bool(raw >> 15 & 1),
            remote_irr=bool(raw >> 14 & 1),
        )

    @property
    def timer_count(self) -> int:
        """The timer's current count, in ticks of the divided bus clock."""
        return lib.vmm_lapic_count(self._vcpu)

    @property
    def timer_expiry_ns(self) -> int | None:
        """Virtual time at which the count reaches 0; None while it stands."""
        end = self._apic.timer_end
        return None if end == NEVER else end

    @property
    def tsc_deadline(self) -> int | None:
        """IA32_TSC_DEADLINE while it is armed."""
        return self._apic.tsc_deadline or None

    def event(self, name: str) -> None:
        """Let a source of the local vector table have an event, as its hardware would."""
        if name not in ENTRIES:
            raise unknown("LVT entry", name, ENTRIES)
        if self._decide:
            self._decide("lapic event", self._vcpu.index, name)
        else:
            lib.vmm_lapic_event(self._vcpu, ENTRIES[name])

    def lint(self, pin: int, level: bool) -> None:
        """Drive LINT0 or LINT1; VmmError for any other pin."""
        if pin not in (0, 1):
            raise VmmError(f"no pin LINT{pin}: LINT0 and LINT1 are")
        if self._decide:
            self._decide("lint", self._vcpu.index, pin, int(level))
        else:
            lib.vmm_lapic_set_lint(self._vcpu, pin, level)

    def __repr__(self) -> str:
        state = f"irr={sorted(self.irr)} isr={sorted(self.isr)} ppr={self.ppr:#04x}"
        return f"<local APIC {self.id} {self.mode} {state}>"

    def _repr_html_(self) -> str:
        from vmm.intc.notebook import local_apic

        return local_apic(self)
