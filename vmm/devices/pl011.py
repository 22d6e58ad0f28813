"""The Arm PL011 UART as Python has it; its registers, FIFO and interrupts are `native/devices/pl011.c`.

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

OFFSET = 0xFFF
"""Of an address within its page; any multiple of 4 KiB will do."""


class Pl011:
    """The UART of a machine; `irq` is UARTINTR, the OR of the masked interrupts."""

    OUTSIDE: ClassVar = ("receive", "arrive", "set_modem_inputs")

    def __init__(self, machine: vmm_machine, *, clock: Clock, irq: Line, console: bool = False) -> None:
        self._machine, self._irq = machine, irq
        self._port = part_of(machine, lib.vmm_pl011_of(machine))
        self._wire = SerialWire(clock=clock, frame_ns=partial(lib.vmm_pl011_frame_ns, machine), arrived=self.arrive)
        serial_wires.connect(self._port.wires, irq=irq, timeout=clock.timer(self._time_out), console=console)
        self.reset()

    def reset(self) -> None:
        """Reset; the modem at the other end is there and ready, and nothing is on its way."""
        self._wire.reset()
        lib.vmm_pl011_reset(self._machine)

    # ---- what reaches it from the world ----

    def receive(self, data: bytes) -> None:
        """Put bytes on the wire to the guest; each arrives a frame after the one before."""
        self._wire.put(data)

    def arrive(self, byte: int) -> None:
        """A whole character has come over the wire, now; in loopback the receiver is not connected to that."""
        within("byte", byte, 256)
        lib.vmm_pl011_arrive(self._machine, byte)

    def set_modem_inputs(self, signals: int) -> None:
        """Drive CTS, DSR, DCD and RI, in the places of FR."""
        lib.vmm_pl011_set_modem(self._machine, signals)

    def _time_out(self) -> None:
        lib.vmm_pl011_time_out(self._machine)

    # ---- its registers ----

    def mmio_read(self, address: int, size: int) -> int:
        return lib.vmm_pl011_read(self._machine, address & OFFSET)

    def mmio_write(self, address: int, size: int, value: int) -> None:
        lib.vmm_pl011_write(self._machine, address & OFFSET, value & 0xFFFF_FFFF)

    @property
    def line_control(self) -> int:
        """UARTLCR_H, 8 bits."""
        return self._port.lcr_h

    @property
    def control(self) -> int:
        """UARTCR, 16 bits."""
        return self._port.cr

    @property
    def divisor(self) -> int:
        """The one that counts, in 64ths."""
        return self._port.divisor

    @property
    def raw(self) -> int:
        """UARTRIS, 11 bits."""
        return self._port.raw

    @property
    def mask(self) -> int:
        """UARTIMSC, 11 bits."""
        return self._port.imsc

    @property
    def asserted(self) -> str:
        """The status bits that hold the line, in words; empty: none does."""
        bits = self.raw & self.mask
        return f"UARTMIS {bits:#05x}" if bits else ""

    @property
    def received(self) -> tuple[int, ...]:
        """What has come and was not read: characters, with bit 11 where one was lost before."""
        received = self._port.received
        return tuple(received.data[n] for n in range(received.count))
