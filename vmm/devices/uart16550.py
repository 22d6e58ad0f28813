"""National Semiconductor PC16550D UART. Source: PC16550D datasheet, section 8 "Registers".

Sending takes no time: a byte written to THR is at `output` at once, and THR is empty again with its interrupt.
Receiving is paced: a byte takes its frame's time at the programmed rate. Bytes are never cut to the word length, so a
guest that leaves the line control register alone still talks in whole bytes. No parity, framing or break errors occur.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from vmm.devices.rate import Rate
from vmm.devices.serial_wire import SerialWire
from vmm.errors import within
from vmm.protocols import Clock, Line

HALF_BITS = Rate(2 * 115_200)
"""Half bit times at divisor 1, the 1.8432 MHz crystal divided by 8; a stop bit may last one and a half bits."""

FIFO_SIZE = 16
TRIGGER_LEVELS = (1, 4, 8, 14)  # bytes, by FCR[7:6]
TIMEOUT_FRAMES = 4

RBR = THR = DLL = 0
IER = DLM = 1
IIR = FCR = 2
LCR = 3
MCR = 4
LSR = 5
MSR = 6
SCR = 7

IER_DATA = 0x01
IER_THRE = 0x02
IER_LINE = 0x04
IER_MODEM = 0x08

IIR_NONE = 0x01
IIR_MODEM = 0x00
IIR_THRE = 0x02
IIR_DATA = 0x04
IIR_LINE = 0x06
IIR_TIMEOUT = 0x0C
IIR_FIFO_ENABLED = 0xC0

FCR_ENABLE = 0x01
FCR_CLEAR_RECEIVER = 0x02

LCR_WORD = 0x03
LCR_TWO_STOPS = 0x04
LCR_PARITY = 0x08
LCR_DLAB = 0x80

MCR_DTR = 0x01
MCR_RTS = 0x02
MCR_OUT1 = 0x04
MCR_OUT2 = 0x08
MCR_LOOP = 0x10
MCR_WRITABLE = 0x1F

LSR_DATA_READY = 0x01
LSR_OVERRUN = 0x02
LSR_THRE = 0x20
LSR_TRANSMITTER_EMPTY = 0x40

MSR_CTS = 0x10
MSR_DSR = 0x20
MSR_RI = 0x40
MSR_DCD = 0x80
MSR_DELTA_SHIFT = 4  # each delta bit stands this far below its signal

LOOPED = ((MCR_RTS, MSR_CTS), (MCR_DTR, MSR_DSR), (MCR_OUT1, MSR_RI), (MCR_OUT2, MSR_DCD))
"""Which output each modem input sees in loopback."""

RESET_DIVISOR = 12
"""9600 baud. Undefined in hardware; firmware leaves this."""


class Uart16550:
    """A UART at eight ports, any multiple of 8; `output` is called with each byte sent.

    OUT2 gates the interrupt onto `irq`, as on the PC's serial adapter. Interrupts go on in loopback (MCR bit 4 in
    the datasheet), although the adapter's OUT2 pin would be inactive then.
    """

    OUTSIDE: ClassVar = ("receive", "arrive", "set_modem_inputs")

    PORTS: ClassVar[tuple[tuple[int, int], ...]] = ((0x3F8, 8),)
    port_width = 1

    def __init__(self, *, clock: Clock, irq: Line, output: Callable[[bytes], None]) -> None:
        self._clock = clock
        self._irq = irq
        self._output = output
        self.ignores_out2 = False
        """Configuration: interrupts reach `irq` whatever OUT2 is."""
        self._wire = SerialWire(clock=clock, frame_ns=lambda: self._frame_ns(1), arrived=self.arrive)
        self._timeout = clock.timer(self._time_out)
        self._readers = (
            self._read_rbr,
            lambda: self.ier,
            self._read_iir,
            lambda: self.lcr,
            lambda: self.mcr,
            self._read_lsr,
            self._read_msr,
            lambda: self.scratch,
        )
        self._writers = {
            THR: self._write_thr,
            IER: self._write_ier,
            FCR: self._write_fcr,
            LCR: self._write_lcr,
            MCR: self._write_mcr,
            SCR: self._write_scr,
        }
        self.reset()

    def reset(self) -> None:
        """Master reset; the modem at the other end is there and ready, and nothing is on its way."""
        self.ier = self.lcr = self.mcr = self.scratch = 0
        self.divisor = RESET_DIVISOR
        self.fifo_enabled = False
        self.trigger = TRIGGER_LEVELS[0]
        self.received = bytearray()  # the receiver FIFO, or RBR alone
        self.last_received = 0
        self.overrun = False
        self.timed_out = False
        self.thre_interrupt = False
        self.modem_inputs = MSR_CTS | MSR_DSR | MSR_DCD
        self.modem_deltas = 0
        self._wire.reset()
        self._timeout.cancel()
        self._drive()

    def receive(self, data: bytes) -> None:
        """Put bytes on the wire to the guest; each arrives a frame after the one before."""
        self._wire.put(data)

    def set_modem_inputs(self, signals: int) -> None:
        """Drive CTS, DSR, RI and DCD, in the places of MSR[7:4]."""
        self._change_modem(self.mcr, signals)

    def port_read(self, port: int, size: int) -> int:
        register = port & 7
        if self.lcr & LCR_DLAB and register in (DLL, DLM):
            return self.divisor >> 8 * register & 0xFF
        return self._readers[register]()

    def port_write(self, port: int, size: int, value: int) -> None:
        register = port & 7
        if self.lcr & LCR_DLAB and register in (DLL, DLM):
            shift = 8 * register
            self.divisor = self.divisor & ~(0xFF << shift) | value << shift
        elif register in self._writers:
            self._writers[register](value)
            self._drive()

    # ---- registers ----

    def _read_rbr(self) -> int:
        if self.received:
            self.last_received = self.received.pop(0)
        self.timed_out = False
        self._restart_timeout()
        self._drive()
        return self.last_received

    def _read_iir(self) -> int:
        """Reading clears the THRE interrupt if that is what is shown (table "Interrupt Control Functions")."""
        interrupt = self._interrupt()
        if interrupt == IIR_THRE:
            self.thre_interrupt = False
            self._drive()
        return interrupt | (IIR_FIFO_ENABLED if self.fifo_enabled else 0)

    def _read_lsr(self) -> int:
        value = LSR_THRE | LSR_TRANSMITTER_EMPTY
        value |= (LSR_DATA_READY if self.received else 0) | (LSR_OVERRUN if self.overrun else 0)
        self.overrun = False
        self._drive()
        return value

    def _read_msr(self) -> int:
        value = self._modem_signals() | self.modem_deltas
        self.modem_deltas = 0
        self._drive()
        return value

    def _write_thr(self, value: int) -> None:
        # The line drops between "full" and "empty again": an edge-triggered controller must see each THRE.
        self.thre_interrupt = False
        self._drive()
        self.thre_interrupt = True
        if self.mcr & MCR_LOOP:
            self._take(value)
        else:
            self._output(bytes([value]))

    def _write_ier(self, value: int) -> None:
        if value & ~self.ier & IER_THRE:
            self.thre_interrupt = True
        self.ier = value & 0x0F

    def _write_fcr(self, value: int) -> None:
        enable = bool(value & FCR_ENABLE)
        if enable != self.fifo_enabled or (enable and value & FCR_CLEAR_RECEIVER):
            self.received.clear()
            self.timed_out = False
            self._timeout.cancel()
        self.fifo_enabled = enable
        if enable:
            self.trigger = TRIGGER_LEVELS[value >> 6]

    def _write_lcr(self, value: int) -> None:
        self.lcr = value

    def _write_mcr(self, value: int) -> None:
        self._change_modem(value & MCR_WRITABLE, self.modem_inputs)

    def _write_scr(self, value: int) -> None:
        self.scratch = value

    # ---- receiver ----

    def _frame_ns(self, frames: int) -> int:
        """Duration of `frames` characters; divisor 0, undefined in hardware, is the fastest line."""
        word = 5 + (self.lcr & LCR_WORD)
        halves = 2 * (1 + word + bool(self.lcr & LCR_PARITY))
        if not self.lcr & LCR_TWO_STOPS:
            halves += 2
        else:
            halves += 3 if word == 5 else 4
        return HALF_BITS.ns(frames * halves * (self.divisor or 1))

    def arrive(self, byte: int) -> None:
        """A whole character has come over the wire, now; in loopback the receiver is not connected to that."""
        within("byte", byte, 256)
        if not self.mcr & MCR_LOOP:
            self._take(byte)
            self._drive()

    def _take(self, byte: int) -> None:
        """A whole character has come: into the FIFO if there is room, else over what the shift register held."""
        if len(self.received) < (FIFO_SIZE if self.fifo_enabled else 1):
            self.received.append(byte)
        else:
            self.overrun = True
            if not self.fifo_enabled:
                self.received[0] = byte
        self._restart_timeout()

    def _restart_timeout(self) -> None:
        """Four characters' time without one coming or being read makes the rest of the FIFO known to the CPU."""
        if self.fifo_enabled and self.received:
            self._timeout.at(self._clock.now() + self._frame_ns(TIMEOUT_FRAMES))
        else:
            self._timeout.cancel()

    def _time_out(self) -> None:
        self.timed_out = True
        self._drive()

    # ---- modem and interrupts ----

    def _modem_signals(self) -> int:
        if not self.mcr & MCR_LOOP:
            return self.modem_inputs
        return sum(signal for control, signal in LOOPED if self.mcr & control)

    def _change_modem(self, mcr: int, inputs: int) -> None:
        before = self._modem_signals()
        self.mcr, self.modem_inputs = mcr, inputs
        after = self._modem_signals()
        # The ring indicator counts only when it ends (TERI).
        changed = (before ^ after) & ~(after & MSR_RI)
        self.modem_deltas |= changed >> MSR_DELTA_SHIFT
        self._drive()

    def _interrupt(self) -> int:
        """The IIR code of the enabled interrupt of highest priority."""
        sources = (
            (IER_LINE, self.overrun, IIR_LINE),
            (IER_DATA, len(self.received) >= (self.trigger if self.fifo_enabled else 1), IIR_DATA),
            (IER_DATA, self.timed_out, IIR_TIMEOUT),
            (IER_THRE, self.thre_interrupt, IIR_THRE),
            (IER_MODEM, self.modem_deltas, IIR_MODEM),
        )
        return next((code for enable, pending, code in sources if self.ier & enable and pending), IIR_NONE)

    def _drive(self) -> None:
        connected = self.ignores_out2 or bool(self.mcr & MCR_OUT2)  # the bit, not the pin: interrupts go on in loopback
        self._irq.set(connected and self._interrupt() != IIR_NONE)
