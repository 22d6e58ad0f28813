"""The wire to a serial port's receiver: each byte put on it arrives a frame after the one before."""

from __future__ import annotations

from collections.abc import Callable

from vmm.protocols import Clock


class SerialWire:
    """`frame_ns` is how long a frame takes as the port is set now; `arrived` gets each byte."""

    def __init__(self, *, clock: Clock, frame_ns: Callable[[], int], arrived: Callable[[int], None]) -> None:
        self._clock = clock
        self._frame_ns = frame_ns
        self._arrived = arrived
        self._arrival = clock.timer(self._arrive)
        self.reset()

    def reset(self) -> None:
        """Nothing is on its way."""
        self.waiting = bytearray()
        self.arrival_ns = 0
        self._arrival.cancel()

    def put(self, data: bytes) -> None:
        """Behind what is on its way already."""
        idle = not self.waiting
        self.waiting += data
        if idle and data:
            self.arrival_ns = self._clock.now()
            self._await_arrival()

    def _await_arrival(self) -> None:
        self.arrival_ns += self._frame_ns()
        self._arrival.at(self.arrival_ns)

    def _arrive(self) -> None:
        byte = self.waiting.pop(0)
        if self.waiting:
            self._await_arrival()
        self._arrived(byte)
