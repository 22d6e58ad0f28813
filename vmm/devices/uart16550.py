"""The PC16550D UART of a PC as Python has it; its registers, FIFO and interrupts are `native/devices/uart16550.c`.

What is sent is out at once. Receiving is paced, and that is here: a byte takes its frame's time at the programmed rate.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, ClassVar

from vmm.core.native import lib, part_of
from vmm.devices import serial_wires
from vmm.devices.serial_wire import SerialWire
from vmm.errors import within
from vmm.protocols import Clock, Line

if TYPE_CHECKING:
    from vmm._native import vmm_machine

RECEIVED = 1
"""Of IER."""


class Uart16550:
    """Number 0 or 1 of a machine's UARTs, at eight ports, any multiple of 8."""

    OUTSIDE: ClassVar = ("receive", "arrive", "set_modem_inputs")

    PORTS: ClassVar[tuple[tuple[int, int], ...]] = ((0x3F8, 8),)
    port_width = 1

    def __init__(self, machine: vmm_machine, number: int, *, clock: Clock, irq: Line, console: bool = False) -> None:
        self._machine, self._number, self._irq = machine, number, irq
        self._port = part_of(machine, lib.vmm_16550_of(machine, number))
        frame_ns = partial(lib.vmm_16550_frame_ns, machine, number)
        self._wire = SerialWire(clock=clock, frame_ns=frame_ns, arrived=self.arrive)
        serial_wires.connect(self._port.wires, irq=irq, timeout=clock.timer(self._time_out), console=console)
        self.reset()

    def reset(self) -> None:
        """Master reset; the modem at the other end is there and ready, and nothing is on its way."""
        self._wire.reset()
        lib.vmm_16550_reset(self._machine, self._number)

    # ---- what reaches it from the world ----

    def receive(self, data: bytes) -> None:
        """Put bytes on the wire to the guest; each arrives a frame after the one before."""
        self._wire.put(data)

    def arrive(self, byte: int) -> None:
        """A whole character has come over the wire, now; in loopback the receiver is not connected to that."""
        within("byte", byte, 256)
        lib.vmm_16550_arrive(self._machine, self._number, byte)

    def set_modem_inputs(self, signals: int) -> None:
        """Drive CTS, DSR, RI and DCD, in the places of MSR[7:4]."""
        lib.vmm_16550_set_modem(self._machine, self._number, signals)

    def _time_out(self) -> None:
        lib.vmm_16550_time_out(self._machine, self._number)

    # ---- its registers ----

    def port_read(self, port: int, size: int) -> int:
        return lib.vmm_16550_read(self._machine, self._number, port & 7)

    def port_write(self, port: int, size: int, value: int) -> None:
        lib.vmm_16550_write(self._machine, self._number, port & 7, value)

    @property
    def ier(self) -> int:
        """Interrupts enabled, 4 bits."""
        return self._port.ier

    @property
    def lcr(self) -> int:
        """Line control, 8 bits."""
        return self._port.lcr

    @property
    def mcr(self) -> int:
        """Modem control, 5 bits."""
        return self._port.mcr

    @property
    def scratch(self) -> int:
        return self._port.scratch

    @property
    def divisor(self) -> int:
        """16 bits; 1 is 115200 baud."""
        return self._port.divisor

    @property
    def fifo_enabled(self) -> bool:
        return bool(self._port.fifo_enabled)

    @property
    def asserted(self) -> str:
        """What holds the line until it is read, in words; empty: nothing does."""
        return "received data (bit 0 of LSR)" if self.received and self.ier & RECEIVED else ""

    @property
    def received(self) -> bytes:
        """What has come and was not read."""
        received = self._port.received
        return bytes(received.data[n] for n in range(received.count))
