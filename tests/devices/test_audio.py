"""The audio device by its registers' description, on a clock that is moved by hand."""

from __future__ import annotations

import pytest

from devices.fakes import FakeClock, FakeLine
from vmm.devices.audio import (
    BUFFER,
    BYTES,
    CONTROL,
    FILLED,
    MOST_BYTES,
    PERIOD,
    PERIODS,
    STATUS,
    UNDERRUNS,
    Audio,
)
from vmm.errors import VmmError

MS = 1_000_000
HALVES = b"left" + b"then"


class Ram:
    base, size, rom_size = 0, 0x1000, 0

    def read(self, address: int, size: int) -> bytes:
        if address + size > self.size:
            raise VmmError("nothing there")
        return (bytes(0x100) + HALVES)[address : address + size]

    def write(self, address: int, data: bytes) -> None:
        raise AssertionError("it only reads")


class Player:
    """One that plays halves of a millisecond and four bytes."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.line = FakeLine(self.clock)
        self.device = Audio(clock=self.clock, irq=self.line, memory=Ram())
        for register, value in ((PERIOD, 1000), (BUFFER, 0x100), (BYTES, 4), (CONTROL, 1)):
            self.write(register, value)

    def write(self, register: int, value: int = 1) -> None:
        self.device.mmio_write(0xFEB00000 + register, 4, value)

    def read(self, register: int) -> int:
        return self.device.mmio_read(0xFEB00000 + register, 4)

    def serve(self) -> None:
        self.write(STATUS)
        self.write(FILLED)


def test_halves_play_by_turns_and_interrupt_when_they_are_over() -> None:
    player = Player()
    heard = [player.device.playing]
    for _ in range(3):
        player.clock.advance(MS)
        assert player.line.level
        heard.append(player.device.playing)
        player.serve()
        assert not player.line.level
    assert heard == [b"left", b"then", b"left", b"then"]
    assert (player.read(PERIODS), player.read(UNDERRUNS)) == (4, 0)
    assert player.line.rises == [MS, 2 * MS, 3 * MS]


@pytest.mark.parametrize(("late_ns", "underruns"), [(MS - 1, 0), (MS, 1), (3 * MS, 3)])
def test_a_half_has_to_be_filled_before_the_other_is_over(late_ns: int, underruns: int) -> None:
    player = Player()
    player.clock.advance(MS)
    player.clock.advance(late_ns)
    assert player.read(UNDERRUNS) == underruns
    player.serve()
    player.clock.advance(MS)
    assert player.read(UNDERRUNS) == underruns, "the next half was filled"


def test_an_underrun_is_silence_and_the_line_stays_high() -> None:
    player = Player()
    player.clock.advance(2 * MS)
    assert (player.read(UNDERRUNS), player.device.playing, player.read(FILLED)) == (1, b"", 0)
    assert player.line.rises == [MS]


def test_playing_again_begins_anew() -> None:
    player = Player()
    player.clock.advance(3 * MS)
    player.write(CONTROL, 0)
    assert player.clock.idle
    player.write(CONTROL, 1)
    assert (player.read(PERIODS), player.read(UNDERRUNS), player.device.playing) == (1, 0, b"left")


def test_what_a_guest_may_write_does_no_harm() -> None:
    player = Player()
    player.write(BUFFER, 0xFFFFFFF0)
    player.write(BYTES, 0xFFFFFFFF)
    player.write(PERIOD, 0)
    player.write(0x40)
    assert (player.read(BYTES), player.read(0x40), player.device.mmio_read(1, 1)) == (MOST_BYTES, 0, 0)
    player.clock.advance(MS)
    player.serve()
    player.clock.advance(1000)
    assert player.device.playing == b""
    player.device.reset()
    assert (player.line.level, player.read(PERIODS)) == (False, 0)
