"""Intel 8254 programmable interval timer. Source: Intel 82C54 datasheet, order number 231244.

A counter is not stepped at every clock pulse. It is kept as it stood at some pulse and brought to the present one when
somebody looks, by arithmetic; OUT of counter 0, the PC's IRQ 0, is handed to the clock as a wave, and that of counter 2
to port 61h.
Where the datasheet is silent: before its first programming a counter stands still with OUT low, as after a mode 0
control word; a count of 1 in modes 2 and 3, which it forbids, counts as 2; the bytes of a two-byte count take effect
together, with the second; a latched count is read from its first byte on, wherever unlatched reads had got to.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar, NamedTuple

from vmm.devices.bcd import from_bcd, to_bcd
from vmm.devices.rate import Rate
from vmm.protocols import FOREVER, Clock, Line, Wave

CLOCK = Rate(14_318_180, 12)
"""The PC's colour-burst crystal divided by 12: 1.193182 MHz."""

CONTROL_PORT = 3
SELECT_READ_BACK = 3

# Control word, "Control Word Format"
CONTROL_BCD = 0x01
CONTROL_ACCESS = 0x30  # 0: counter latch command
ACCESS_LOW, ACCESS_HIGH, ACCESS_BOTH = 1, 2, 3
ACCESSED_BYTES = {ACCESS_LOW: slice(0, 1), ACCESS_HIGH: slice(1, 2), ACCESS_BOTH: slice(0, 2)}

# Read-back command, "Read-Back Command Format"; both are active low
READ_BACK_NO_COUNT = 0x20
READ_BACK_NO_STATUS = 0x10

# Status byte, "Status Byte"; its low six bits are the control word's
STATUS_OUT = 0x80
STATUS_NULL_COUNT = 0x40


class Mode(NamedTuple):
    """How a mode differs from the others: "Mode Definitions" and "Gate Pin Operations Summary"."""

    idle_out: bool  # OUT after the control word
    loaded_out: bool  # OUT once a count has been loaded
    write_loads: bool  # a written count is loaded at the next pulse, even while counting
    gate_loads: bool  # a rising gate loads at the next pulse
    gate_holds: bool  # a low gate stops the counting
    strobes: bool  # OUT goes low for one pulse at terminal count
    periodic: bool  # reloads itself for ever
    step: int  # what one pulse takes off the count


MODES = TERMINAL_COUNT, ONE_SHOT, RATE_GENERATOR, SQUARE_WAVE, SOFTWARE_STROBE, HARDWARE_STROBE = (
    #    idle   loaded write  gate   gate
    #    OUT    OUT    loads  loads  holds  strobe period step
    Mode(False, False, True, False, True, False, False, 1),
    Mode(True, False, False, True, False, False, False, 1),
    Mode(True, True, False, True, True, False, True, 1),
    Mode(True, True, False, True, True, False, True, 2),
    Mode(True, True, True, False, True, True, False, 1),
    Mode(True, True, False, True, False, True, False, 1),
)
MODE_FIELD = (*MODES, RATE_GENERATOR, SQUARE_WAVE)
"""By bits 3-1 of the control word, whose bit 3 means nothing in modes 2 and 3."""


class Toggles(NamedTuple):
    """When OUT will change if nobody interferes, in the terms of `vmm.protocols.Wave.start`."""

    first_tick: int
    high_ticks: int
    low_ticks: int
    toggles: int


@dataclass
class Counter:
    """One counter as it stood at clock pulse `tick`: call `advance` before anything else."""

    gate: bool
    tick: int = 0
    control: int = ACCESS_BOTH << 4  # low six bits of the control word
    out: bool = False
    armed: bool = False  # a count has been written since the control word
    loading: bool = False  # the next pulse moves the count register into the counting element
    counting: bool = False  # a count has been loaded since the control word
    expired: bool = False  # terminal count reached; the counting element runs on, OUT stays
    null_count: bool = True  # the count register holds what has not been loaded yet
    count: int = 0  # count register, as written
    element: int = 0  # counting element, 0 to 65536 (10000 in BCD); the largest reads as 0
    loaded: int = 0  # what the counting element last started from
    first_byte: int | None = None  # of a two-byte count that is being written
    second_read: bool = False  # the next unlatched read gives the second byte
    latched_count: bytes = b""  # what is still to be read
    latched_status: int | None = None

    @property
    def mode(self) -> Mode:
        return MODE_FIELD[self.control >> 1 & 7]

    @property
    def access(self) -> int:
        return self.control >> 4

    @property
    def modulus(self) -> int:
        return 10_000 if self.control & CONTROL_BCD else 0x10000

    def advance(self, tick: int) -> None:
        """Bring the counter to clock pulse `tick`, at or after its own."""
        pulses = tick - self.tick
        self.tick = tick
        if not pulses:
            return
        if self.mode.strobes:
            self.out = True
        if self.loading:
            self._load()
            pulses -= 1
        if self.counting and (self.gate or not self.mode.gate_holds):
            self._count(pulses)

    def forecast(self) -> Toggles | None:
        """What OUT will do after `tick`; None if it stays as it is."""
        count = self._initial() if self.loading else self.element or self.modulus
        runs = (self.gate or not self.mode.gate_holds) and (self.loading or self.counting)
        start = self.tick + self.loading
        if self.mode.periodic:
            return self._forecast_wave(start) if runs else None

        settled = self.mode.loaded_out if self.loading or self.mode.strobes else self.out
        ticks = [] if settled == self.out else [self.tick + 1]
        if runs and (self.loading or not self.expired):
            ticks += [start + count, start + count + 1] if self.mode.strobes else [start + count]
        if not ticks:
            return None
        # Three toggles at most, so there are two phases between them and each has its own length.
        phases = [later - earlier for earlier, later in pairwise(ticks)] + [0, 0]
        low, high = phases[:2] if self.out else reversed(phases[:2])
        return Toggles(ticks[0], high, low, len(ticks))

    def program(self, control: int) -> None:
        """Take a control word for this counter."""
        self.control = control & 0x3F
        self.out = self.mode.idle_out
        self.armed = self.loading = self.counting = False
        self.null_count = True
        self.first_byte = None
        self.second_read = False
        self.latched_count = b""
        self.latched_status = None

    def set_gate(self, level: bool) -> None:
        if level and not self.gate and self.armed and self.mode.gate_loads:
            self.loading = True
        if not level and self.mode.periodic:
            self.out = True
        self.gate = level

    def write(self, value: int) -> None:
        """Take a byte of the count."""
        if self.mode is TERMINAL_COUNT:
            self.out = False
        if self.access == ACCESS_BOTH and self.first_byte is None:
            self.first_byte = value
            if self.mode is TERMINAL_COUNT:
                self.counting = self.loading = False
            return
        self.count = value if self.access == ACCESS_LOW else value << 8 | (self.first_byte or 0)
        self.first_byte = None
        self.armed = self.null_count = True
        if self.mode.write_loads or (self.mode.periodic and not self.counting):
            self.loading = True

    def read(self) -> int:
        """A byte of the latched status, else of the latched count, else of the count as it is."""
        if self.latched_status is not None:
            status, self.latched_status = self.latched_status, None
            return status
        if self.latched_count:
            byte, self.latched_count = self.latched_count[0], self.latched_count[1:]
            return byte
        readable = self._readable()
        byte = readable[self.second_read]
        self.second_read = len(readable) == 2 and not self.second_read
        return byte

    def latch_count(self) -> None:
        """Hold the count until it is read; a count still held stays."""
        self.latched_count = self.latched_count or self._readable()

    def latch_status(self) -> None:
        """Hold the status byte until it is read; one still held stays."""
        if self.latched_status is None:
            self.latched_status = (
                (STATUS_OUT if self.out else 0) | (STATUS_NULL_COUNT if self.null_count else 0) | self.control
            )

    def _readable(self) -> bytes:
        value = self.element % self.modulus
        raw = to_bcd(value) if self.control & CONTROL_BCD else value
        return raw.to_bytes(2, "little")[ACCESSED_BYTES[self.access]]

    def _initial(self) -> int:
        """The count register as a number of pulses."""
        count = from_bcd(self.count) % self.modulus if self.control & CONTROL_BCD else self.count
        return max(count or self.modulus, 2 if self.mode.periodic else 1)

    def _reload(self) -> None:
        self.loaded = self._initial()
        self.element = self.loaded - self.loaded % self.mode.step
        self.null_count = False

    def _load(self) -> None:
        self._reload()
        self.out = self.mode.loaded_out
        self.loading = self.expired = False
        self.counting = True

    def _count(self, pulses: int) -> None:
        if not self.mode.periodic:
            self._count_down(pulses)
        elif self.mode.step == 1:
            self._count_rate(pulses)
        else:
            self._count_square(pulses)

    def _count_down(self, pulses: int) -> None:
        left = self.element or self.modulus
        if not self.expired and pulses >= left:
            self.expired = True
            self.out = not self.mode.strobes or pulses > left
        self.element = (self.element - pulses) % self.modulus

    def _count_rate(self, pulses: int) -> None:
        """Mode 2: high from `loaded` to 2, low at 1."""
        if pulses >= self.element:
            pulses -= self.element
            self._reload()
            pulses %= self.loaded
        self.element -= pulses
        self.out = self.element != 1

    def _count_square(self, pulses: int) -> None:
        """Mode 3: an odd count is loaded less one, and lasts one pulse more while OUT is high."""
        left = self._square_left()
        if pulses >= left:
            self.out = not self.out
            self._reload()
            pulses = (pulses - left) % self.loaded
            left = self._square_left()
            if pulses >= left:
                self.out = not self.out
                pulses -= left
        self.element -= 2 * pulses

    def _square_left(self) -> int:
        return self.element // 2 + (self.loaded % 2 if self.out else 0)

    def _forecast_wave(self, start: int) -> Toggles:
        count = self._initial()
        low = 1 if self.mode.step == 1 else count // 2
        if self.loading:
            left = count - low
        elif self.mode.step == 1:
            left = self.element - self.out
        else:
            left = self._square_left()
        return Toggles(start + left, count - low, low, FOREVER)


class I8254:
    """Three counters at ports 40h-42h and their control word at 43h; OUT of counter 0 drives `irq`."""

    PORTS: ClassVar[tuple[tuple[int, int], ...]] = ((0x40, 4),)
    port_width = 1

    def __init__(self, *, clock: Clock, irq: Line) -> None:
        self._clock = clock
        self._waves: dict[int, Wave] = {0: clock.wave(irq)}
        self.reset()

    def reset(self) -> None:
        """The state at power-on; the PC ties the gates of counters 0 and 1 high."""
        tick = CLOCK.ticks(self._clock.now())
        self.counters = [Counter(gate=gate, tick=tick) for gate in (True, True, False)]
        for index in self._waves:
            self._drive(index)

    def connect(self, index: int, wave: Wave) -> None:
        """OUT of counter `index` is this wave from now on."""
        self._waves[index] = wave
        self._drive(index)

    def out(self, index: int) -> bool:
        """The OUT pin of counter `index` now."""
        return self._counter(index).out

    def gate(self, index: int) -> bool:
        """The GATE pin of counter `index` now."""
        return self.counters[index].gate

    def set_gate(self, index: int, level: bool) -> None:
        """Drive the GATE pin of counter `index`."""
        self._counter(index).set_gate(level)
        self._drive(index)

    def port_read(self, port: int, size: int) -> int:
        index = port & 3
        return 0xFF if index == CONTROL_PORT else self._counter(index).read()

    def port_write(self, port: int, size: int, value: int) -> None:
        index = port & 3
        if index == CONTROL_PORT:
            self._control(value)
        else:
            self._counter(index).write(value)
            self._drive(index)

    def _control(self, value: int) -> None:
        index = value >> 6
        if index == SELECT_READ_BACK:
            self._read_back(value)
        elif value & CONTROL_ACCESS:
            self._counter(index).program(value)
            self._drive(index)
        else:
            self._counter(index).latch_count()

    def _read_back(self, value: int) -> None:
        for index in range(3):
            if not value & 2 << index:
                continue
            counter = self._counter(index)
            if not value & READ_BACK_NO_COUNT:
                counter.latch_count()
            if not value & READ_BACK_NO_STATUS:
                counter.latch_status()

    def _counter(self, index: int) -> Counter:
        counter = self.counters[index]
        counter.advance(CLOCK.ticks(self._clock.now()))
        return counter

    def _drive(self, index: int) -> None:
        """Say what OUT of counter `index` will do, where somebody wants to know."""
        if index not in self._waves:
            return
        counter, wave = self._counter(index), self._waves[index]
        toggles = counter.forecast()
        if toggles is None:
            wave.stop(counter.out)
            return
        wave.start(origin_ns=0, hz_num=CLOCK.num, hz_den=CLOCK.den, level=counter.out, **toggles._asdict())
