"""Arm PrimeCell UART PL011, revision r1p1. Source: Arm DDI0183, chapters "Functional Overview" and 3.

Sending takes no time: a byte written to DR is at `output` at once, and the transmitter is empty again. Receiving is
paced: a byte takes its frame's time at the programmed rate. Bytes are never cut to the word length, and no parity,
framing or break errors occur. The enables and the hardware flow control of CR are kept and not acted upon: images for
QEMU's virt often write to DR and nothing else. No infrared encoder and no DMA controller are there to act on theirs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from vmm.devices.rate import Rate
from vmm.devices.serial_wire import SerialWire
from vmm.errors import within
from vmm.protocols import Clock, Line

MEMORY = (0x09000000, 0x1000)
"""Where QEMU's virt has it; any multiple of 4 KiB will do."""

UARTCLK = 24_000_000
"""Hertz, as on QEMU's virt."""
QUARTERS = Rate(4 * UARTCLK)
"""A bit lasts 16 UARTCLK cycles times the divisor, which counts in 64ths: a quarter of a cycle each."""
SMALLEST_DIVISOR = 1 << 6
LARGEST_DIVISOR = 0xFFFF << 6

FIFO_SIZE = 16
TRIGGER_LEVELS = (2, 4, 8, 12, 14)  # characters, by IFLS[5:3]; the codes above are reserved
TIMEOUT_BITS = 32

DR = 0x000
RSR = ECR = 0x004
FR = 0x018
ILPR = 0x020
IBRD = 0x024
FBRD = 0x028
LCR_H = 0x02C
CR = 0x030
IFLS = 0x034
IMSC = 0x038
RIS = 0x03C
MIS = 0x040
ICR = 0x044
DMACR = 0x048
PERIPH_ID_0 = 0xFE0

DR_OVERRUN = 0x800

RSR_OVERRUN = 0x8

FR_CTS = 0x001
FR_DSR = 0x002
FR_DCD = 0x004
FR_RECEIVE_EMPTY = 0x010
FR_RECEIVE_FULL = 0x040
FR_TRANSMIT_EMPTY = 0x080
FR_RI = 0x100

LCR_PARITY = 0x02
LCR_TWO_STOPS = 0x08
LCR_FIFO = 0x10
LCR_WORD_SHIFT = 5

CR_LOOP = 0x0080
CR_DTR = 0x0400
CR_RTS = 0x0800
CR_OUT1 = 0x1000
CR_OUT2 = 0x2000

INT_RI = 0x001
INT_CTS = 0x002
INT_DCD = 0x004
INT_DSR = 0x008
INT_RECEIVE = 0x010
INT_TRANSMIT = 0x020
INT_TIMEOUT = 0x040
INT_OVERRUN = 0x400

MODEM = (
    (FR_CTS, INT_CTS, CR_RTS),
    (FR_DSR, INT_DSR, CR_DTR),
    (FR_DCD, INT_DCD, CR_OUT1),
    (FR_RI, INT_RI, CR_OUT2),
)
"""Each modem input, the interrupt of its change, and the output it sees in loopback."""

AT_RESET = {ILPR: 0, IBRD: 0, FBRD: 0, LCR_H: 0, CR: 0x300, IFLS: 0x12, IMSC: 0, DMACR: 0}
"""The registers that keep what is written to them."""
WRITABLE = {
    DR: 0xFF,
    ILPR: 0xFF,
    IBRD: 0xFFFF,
    FBRD: 0x3F,
    LCR_H: 0xFF,
    CR: 0xFF87,
    IFLS: 0x3F,
    IMSC: 0x7FF,
    ICR: 0x7FF,
    DMACR: 0x7,
}
"""Bits that a write reaches; none of a register that is not here."""

IDENTIFICATION = dict(zip(range(PERIPH_ID_0, 0x1000, 4), (0x11, 0x10, 0x14, 0x00, 0x0D, 0xF0, 0x05, 0xB1), strict=True))
"""UARTPeriphID0-3 and UARTPCellID0-3. Revision 1 tells drivers that the FIFOs hold 16 characters, not 32."""


class Pl011:
    """A UART; `output` is called with each byte sent, `irq` is UARTINTR, the OR of the masked interrupts."""

    OUTSIDE: ClassVar = ("receive", "arrive", "set_modem_inputs")

    def __init__(self, *, clock: Clock, irq: Line, output: Callable[[bytes], None]) -> None:
        self._clock = clock
        self._irq = irq
        self._output = output
        self._wire = SerialWire(clock=clock, frame_ns=lambda: self._bits_ns(self._frame_bits()), arrived=self.arrive)
        self._timeout = clock.timer(self._time_out)
        self._readers = {
            DR: self._read_dr,
            RSR: lambda: self.receive_status,
            FR: self._read_fr,
            RIS: lambda: self.raw,
            MIS: self._masked,
        }
        self._writers = {
            DR: self._write_dr,
            ECR: self._write_ecr,
            LCR_H: self._write_lcr_h,
            CR: self._write_cr,
            ICR: self._write_icr,
        }
        self.reset()

    def reset(self) -> None:
        """Reset; the modem at the other end is there and ready, and nothing is on its way."""
        self.registers = dict(AT_RESET)
        self.divisor = SMALLEST_DIVISOR  # in 64ths
        self.received: list[int] = []  # the receive FIFO, or the holding register alone
        self.last_received = 0
        self.lost = False  # a character, since the last one that found room
        self.receive_status = 0
        self.raw = 0
        self.modem_inputs = FR_CTS | FR_DSR | FR_DCD
        self._wire.reset()
        self._timeout.cancel()
        self._drive()

    def receive(self, data: bytes) -> None:
        """Put bytes on the wire to the guest; each arrives a frame after the one before."""
        self._wire.put(data)

    def set_modem_inputs(self, signals: int) -> None:
        """Drive CTS, DSR, DCD and RI, in the places of FR."""
        self._change_modem(self.registers[CR], signals)
        self._drive()

    def mmio_read(self, address: int, size: int) -> int:
        offset = address & 0xFFF
        if offset in self._readers:
            return self._readers[offset]()
        return self.registers.get(offset, IDENTIFICATION.get(offset, 0))

    def mmio_write(self, address: int, size: int, value: int) -> None:
        offset = address & 0xFFF
        value &= WRITABLE.get(offset, 0)
        if offset in self._writers:
            self._writers[offset](value)
        elif offset in self.registers:
            self.registers[offset] = value
        self._drive()

    # ---- registers ----

    def _read_dr(self) -> int:
        if self.received:
            self.last_received = self.received.pop(0)
        self._settle()
        self._drive()
        return self.last_received

    def _read_fr(self) -> int:
        value = FR_TRANSMIT_EMPTY | self._modem_signals()
        if not self.received:
            value |= FR_RECEIVE_EMPTY
        if len(self.received) == self._depth():
            value |= FR_RECEIVE_FULL
        return value

    def _write_dr(self, value: int) -> None:
        # The interrupt marks a way through the trigger level (UARTTXINTR), and a byte that leaves at once has gone up
        # and down it; the line drops between the two, as an edge-triggered controller must see each byte's.
        self.raw &= ~INT_TRANSMIT
        self._drive()
        self.raw |= INT_TRANSMIT
        if self.registers[CR] & CR_LOOP:
            self._take(value)
        else:
            self._output(bytes([value]))

    def _write_ecr(self, _: int) -> None:
        self.receive_status = 0

    def _write_lcr_h(self, value: int) -> None:
        """Also the strobe that makes the divisor of IBRD and FBRD count (3.3.7)."""
        changed = value ^ self.registers[LCR_H]
        self.registers[LCR_H] = value
        divisor = self.registers[IBRD] << 6 | self.registers[FBRD]
        self.divisor = min(max(divisor, SMALLEST_DIVISOR), LARGEST_DIVISOR)
        if changed & LCR_FIFO:
            self.received.clear()
            self.lost = False
            self._settle()

    def _write_cr(self, value: int) -> None:
        self._change_modem(value, self.modem_inputs)

    def _write_icr(self, value: int) -> None:
        self.raw &= ~value
        if value & INT_TIMEOUT:
            self._restart_timeout()

    # ---- receiver ----

    def _depth(self) -> int:
        return FIFO_SIZE if self.registers[LCR_H] & LCR_FIFO else 1

    def _trigger(self) -> int:
        if not self.registers[LCR_H] & LCR_FIFO:
            return 1
        return TRIGGER_LEVELS[min(self.registers[IFLS] >> 3, len(TRIGGER_LEVELS) - 1)]

    def _bits_ns(self, bits: int) -> int:
        return QUARTERS.ns(bits * self.divisor)

    def _frame_bits(self) -> int:
        lcr = self.registers[LCR_H]
        word = 5 + (lcr >> LCR_WORD_SHIFT & 3)
        return 1 + word + bool(lcr & LCR_PARITY) + (2 if lcr & LCR_TWO_STOPS else 1)

    def arrive(self, byte: int) -> None:
        """A whole character has come over the wire, now; in loopback the receiver is not connected to that."""
        within("byte", byte, 256)
        if not self.registers[CR] & CR_LOOP:
            self._take(byte)
            self._drive()

    def _take(self, byte: int) -> None:
        """A whole character has come: into the FIFO if there is room, with the news of any that found none before."""
        if len(self.received) < self._depth():
            self.received.append(byte | (DR_OVERRUN if self.lost else 0))
            self.lost = False
            if len(self.received) == self._trigger():
                self.raw |= INT_RECEIVE
        else:
            self.lost = True
            self.receive_status = RSR_OVERRUN
            self.raw |= INT_OVERRUN
        self._restart_timeout()

    def _settle(self) -> None:
        """Characters have gone: what they held up falls."""
        if len(self.received) < self._trigger():
            self.raw &= ~INT_RECEIVE
        if not self.received:
            self.raw &= ~INT_TIMEOUT
            self._timeout.cancel()

    def _restart_timeout(self) -> None:
        """32 bit periods without a character make what is below the trigger level known to the CPU (UARTRTINTR)."""
        if self.received:
            self._timeout.at(self._clock.now() + self._bits_ns(TIMEOUT_BITS))

    def _time_out(self) -> None:
        self.raw |= INT_TIMEOUT
        self._drive()

    # ---- modem and interrupts ----

    def _modem_signals(self) -> int:
        if not self.registers[CR] & CR_LOOP:
            return self.modem_inputs
        return sum(signal for signal, _, output in MODEM if self.registers[CR] & output)

    def _change_modem(self, cr: int, inputs: int) -> None:
        before = self._modem_signals()
        self.registers[CR], self.modem_inputs = cr, inputs
        changed = before ^ self._modem_signals()
        self.raw |= sum(interrupt for signal, interrupt, _ in MODEM if changed & signal)

    def _masked(self) -> int:
        return self.raw & self.registers[IMSC]

    def _drive(self) -> None:
        self._irq.set(bool(self._masked()))
