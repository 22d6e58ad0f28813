"""The 8259A pair as a reader sees it: one property a register of the datasheet (Intel 231468)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from vmm.core.native import ffi, lib, part_of

if TYPE_CHECKING:
    from vmm._native import vmm_i8259, vmm_machine


class Chip:
    """One 8259A; registers are 8 bits, one a pin."""

    def __init__(self, native: vmm_i8259) -> None:
        self._native = native

    @property
    def irr(self) -> int:
        """Latched requests."""
        return self._native.irr

    @property
    def isr(self) -> int:
        """Interrupts in service."""
        return self._native.isr

    @property
    def imr(self) -> int:
        """Masked pins."""
        return self._native.imr

    @property
    def elcr(self) -> int:
        """Pins that are level triggered."""
        return self._native.elcr

    @property
    def vector(self) -> int:
        """The vector of IR0 (ICW2)."""
        return self._native.vector

    @property
    def lowest(self) -> int:
        """The pin of lowest priority; 7 unless rotated."""
        return self._native.lowest

    @property
    def output(self) -> bool:
        """The INT pin."""
        return bool(self._native.output)

    def __repr__(self) -> str:
        return f"<8259A irr={self.irr:#04x} isr={self.isr:#04x} imr={self.imr:#04x}>"

    def _repr_html_(self) -> str:
        from vmm.intc.notebook import chip

        return chip(self)


class Pic:
    """Master and slave as a PC wires them; where `decide` is given, as scripts have them."""

    def __init__(self, native: vmm_machine, decide: Callable[..., Any] | None = None) -> None:
        self._native, self._decide = native, decide
        pair = lib.vmm_pic_of(native)
        self.master, self.slave = (Chip(part_of(native, ffi.addressof(pair.chip[n]))) for n in range(2))

    def write(self, chip: int, a0: int, value: int) -> None:
        """A command or data byte, as OUT to the chip's port `a0` would bring it."""
        if self._decide:
            self._decide("pic", chip, a0, value)
        else:
            lib.vmm_pic_write(self._native, chip, a0, value)

    def _repr_html_(self) -> str:
        from vmm.intc.notebook import pair

        return pair(self)
