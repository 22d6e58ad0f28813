"""The DMA engine by its registers' description, on a clock that is moved by hand."""

from __future__ import annotations

from devices.fakes import FakeClock, FakeLine, FakeRam
from vmm.devices.dma import (
    BYTES,
    CHANNEL,
    ERRORS,
    LEFT,
    MOST_BYTES,
    PACE,
    SOURCE,
    START,
    STATUS,
    TARGET,
    Dma,
)

US = 1000
TEXT = bytes(range(40))


class Engine:
    """Channels 0 and 1 copy 40 bytes from 100h, to 200h by 2 us a burst, and to 300h by 3 us."""

    def __init__(self) -> None:
        self.clock, self.ram = FakeClock(), FakeRam()
        self.line = FakeLine(self.clock)
        self.device = Dma(clock=self.clock, irq=self.line, memory=self.ram)
        self.ram.write(0x100, TEXT)
        for channel, target, pace in ((0, 0x200, 2), (1, 0x300, 3)):
            for register, value in ((SOURCE, 0x100), (TARGET, target), (BYTES, 40), (PACE, pace)):
                self.write(channel * CHANNEL + register, value)

    def write(self, register: int, value: int = 1) -> None:
        self.device.mmio_write(0xFEB02000 + register, 4, value)

    def read(self, register: int) -> int:
        return self.device.mmio_read(0xFEB02000 + register, 4)


def test_a_burst_after_the_other_and_the_interrupt_behind_the_last() -> None:
    engine = Engine()
    engine.write(START)
    for us, copied in ((1, 0), (2, 16), (3, 16), (4, 32), (5, 32)):
        engine.clock.advance_to(us * US)
        assert engine.ram.read(0x200, 40) == TEXT[:copied].ljust(40, b"\0")
        assert (engine.read(START), engine.read(LEFT), engine.line.level) == (1, 40 - copied, False)
    engine.clock.advance_to(6 * US)
    assert engine.ram.read(0x200, 41) == TEXT + b"\0"
    assert (engine.read(START), engine.read(LEFT), engine.read(STATUS), engine.line.rises) == (0, 0, 1, [6 * US])
    assert engine.device.asserted == "STATUS bit 0"
    engine.write(STATUS, 1)
    assert (engine.line.level, engine.device.asserted, engine.clock.idle) == (False, "", True)


def test_two_channels_share_the_line() -> None:
    engine = Engine()
    engine.write(START)
    engine.write(CHANNEL + START)
    engine.clock.advance_to(9 * US)
    assert engine.ram.read(0x300, 40) == TEXT
    assert (engine.read(STATUS), engine.line.rises, engine.device.asserted) == (3, [6 * US], "STATUS bit 0 and 1")
    engine.write(STATUS, 1)
    assert engine.line.level
    engine.write(STATUS, 2)
    assert not engine.line.level


def test_what_it_has_still_to_write() -> None:
    engine = Engine()
    assert engine.device.owed == ()
    engine.write(CHANNEL + START)
    engine.clock.advance(3 * US)
    assert engine.device.owed == (("DMA channel 1", 0x310, 24),)


def test_registers_that_change_meanwhile_are_for_the_next_start() -> None:
    engine = Engine()
    engine.write(START)
    engine.write(TARGET, 0x400)
    engine.write(BYTES, 1)
    engine.write(START)
    engine.clock.advance(6 * US)
    assert engine.ram.read(0x200, 40) == TEXT
    engine.write(START)
    engine.clock.advance(2 * US)
    assert engine.ram.read(0x400, 2) == TEXT[:1] + b"\0"


def test_where_it_ends_at_an_error_it_says_what_is_left() -> None:
    engine = Engine()
    engine.write(TARGET, 0x1000 - 16)  # the end of RAM
    engine.write(START)
    engine.clock.advance(2 * US)
    assert (engine.read(LEFT), engine.read(ERRORS)) == (24, 0)
    engine.clock.advance(2 * US)
    assert (engine.read(LEFT), engine.read(ERRORS), engine.read(STATUS), engine.read(START)) == (24, 1, 1, 0)
    assert (engine.device.owed, engine.clock.idle) == ((), True)


def test_nothing_that_a_guest_may_write_does_harm() -> None:
    engine = Engine()
    for register, value in ((TARGET, 0xFF8), (BYTES, 0xFFFFFFFF), (PACE, 0)):
        engine.write(register, value)
    assert engine.read(BYTES) == MOST_BYTES
    engine.write(START)
    engine.clock.advance(US)
    assert (engine.read(STATUS), engine.read(ERRORS), engine.read(START)) == (1, 1, 0), "beyond the end of RAM"
    assert engine.read(LEFT) == MOST_BYTES, "none of it is copied"
    engine.write(ERRORS, 1)
    engine.write(BYTES, 0)
    engine.write(START)
    engine.clock.advance(US)
    assert (engine.read(STATUS), engine.read(ERRORS)) == (1, 0), "nothing to copy is copied"
    engine.write(0x88, 1)
    assert (engine.read(0x88), engine.read(0x1C), engine.device.mmio_read(1, 1), engine.read(SOURCE)) == (
        0,
        0,
        0,
        0x100,
    )
    engine.write(CHANNEL + START)
    engine.device.reset()
    assert (engine.line.level, engine.device.owed, engine.clock.idle) == (False, (), True)
