"""The IOAPIC as a reader sees it: its redirection table (Intel 82093AA, 290566), and devices' messages (SDM 11.11)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from vmm.core.native import check, lib
from vmm.errors import VmmError
from vmm.intc.lapic import DELIVERY

if TYPE_CHECKING:
    from vmm._native import vmm_machine

PINS = lib.VMM_IOAPIC_PINS


class Redirection(NamedTuple):
    """What a pin sends, and to whom."""

    vector: int
    delivery: str
    """One of DELIVERY."""
    destination: int
    logical: bool
    """The destination is a logical one."""
    level: bool
    active_low: bool
    masked: bool
    remote_irr: bool
    """Of a level: accepted by a local APIC, its EOI to come."""


class IoApic:
    """The IOAPIC of a machine; where `decide` is given, as scripts have it."""

    def __init__(self, native: vmm_machine, decide: Callable[..., Any] | None = None) -> None:
        self._machine, self._decide = native, decide
        self._ioapic = lib.vmm_ioapic_of(native)

    @property
    def id(self) -> int:
        """4 bits."""
        return self._ioapic.id

    @property
    def version(self) -> int:
        """8 bits of the version register (3.2.2)."""
        return int(lib.VMM_IOAPIC_VERSION)

    @property
    def asserted(self) -> frozenset[int]:
        """Pins that devices assert now."""
        return frozenset(pin for pin in range(PINS) if self._ioapic.lines >> pin & 1)

    def pin(self, number: int) -> Redirection:
        """The redirection entry of a pin; VmmError where there is none."""
        if not 0 <= number < PINS:
            raise VmmError(f"no IOAPIC pin {number}: 0-{PINS - 1} are")
        raw = self._ioapic.entry[number]
        return Redirection(
            vector=raw & 0xFF,
            delivery=DELIVERY[raw >> 8 & 7],
            destination=raw >> 56,
            logical=bool(raw >> 11 & 1),
            level=bool(raw >> 15 & 1),
            active_low=bool(raw >> 13 & 1),
            masked=bool(raw >> 16 & 1),
            remote_irr=bool(raw >> 14 & 1),
        )

    def message(self, address: int, data: int) -> None:
        """A device's interrupt message (MSI); VmmError where `address` is not one of theirs."""
        if self._decide:
            self._decide("msi", address, data)
        else:
            check(self._machine, lib.vmm_msi(self._machine, address, data))

    def __repr__(self) -> str:
        waiting = [pin for pin in range(PINS) if self.pin(pin).remote_irr]
        return f"<IOAPIC {self.id} asserted={sorted(self.asserted)} remote IRR={waiting}>"

    def _repr_html_(self) -> str:
        from vmm.intc.notebook import ioapic

        return ioapic(self)
