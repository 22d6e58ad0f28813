"""What devices say to a guest, as scripts have it instead."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vmm.core.native import lib
from vmm.errors import VmmError, within
from vmm.inputs.decisions import Inputs

if TYPE_CHECKING:
    from vmm._native import vmm_machine

PORTS = 1 << 16


class Answers:
    """Of one machine."""

    def __init__(self, native: vmm_machine, inputs: Inputs) -> None:
        self._native, self._inputs = native, inputs
        inputs.register({"answer": self._answer})

    def answer(self, where: int, value: int, *, port: bool = False) -> None:
        """The next read of the device register at physical address `where`, or of port `where`, gives `value`, cut to
        the width that is read; the device is asked all the same. It waits for that read alone, and is one at a time.
        VmmError where no devices are, and for a value of more than 64 bits.
        """
        within("value that is read", value, 1 << 64)
        self.check(where, port=port)
        self._inputs.decide("answer", lib.VMM_PLACE_PORT if port else lib.VMM_PLACE_MEMORY, where, value)

    def check(self, where: int, *, port: bool) -> None:
        """VmmError where there are no devices."""
        if port:
            within("port", where, PORTS if self._native.port_range_count else 0)
        elif not self._native.hole_first <= where < self._native.hole_end:
            raise VmmError(f"{where:#x} is no address of devices: {self._hole()}")

    def _hole(self) -> str:
        return f"they are from {self._native.hole_first:#x} to {self._native.hole_end - 1:#x}"

    def _answer(self, place: int, where: int, value: int) -> None:
        answer = self._native.answer
        answer.place, answer.at, answer.value = place, where, value
