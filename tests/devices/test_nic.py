"""The network card by its registers' description, on a clock that is moved by hand."""

from __future__ import annotations

import pytest

from devices.fakes import FakeClock, FakeLine, FakeRam
from vmm.devices.nic import (
    ADDRESS,
    CONTROL,
    COUNT,
    DATA,
    DONE,
    DROPPED,
    ENTRIES,
    HEAD,
    INTERRUPT,
    LOST,
    MESSAGE,
    MOST_BYTES,
    MOST_ENTRIES,
    RECEIVE,
    RECEIVED,
    RING,
    STATUS,
    TAIL,
    TIMER,
    Nic,
)
from vmm.errors import VmmError

US = 1000
BUFFERS, ROOM = 0x400, 8
WIRE_NS = (8 + 60 + 4 + 12) * 8
"""The least frame at 1 Gbit/s: preamble, 60 bytes, check, gap (IEEE 802.3 3.1.1, 4.4.2)."""


class Told(list[tuple[str, int]]):
    """What a device has for its driver."""

    def comes(self, number: int) -> None:
        self.append(("comes", number))

    def asked(self, number: int) -> None:
        self.append(("asked", number))

    def done(self, number: int) -> None:
        self.append(("done", number))

    def set_up(self) -> None:
        self.append(("set up", 0))


class Card:
    """One with four descriptors at 100h, whose buffers hold eight bytes, all given to it."""

    def __init__(self, control: int = RECEIVE | INTERRUPT, **registers: int) -> None:
        self.clock, self.ram, self.told = FakeClock(), FakeRam(), Told()
        self.line = FakeLine(self.clock)
        self.messages: list[tuple[int, int]] = []
        self.device = Nic(
            clock=self.clock, irq=self.line, memory=self.ram, work=self.told,
            message=lambda address, data: self.messages.append((address, data)),
        )  # fmt: skip
        for n in range(4):
            words = (BUFFERS + n * ROOM, ROOM, 0, 0)
            self.ram.write(0x100 + n * 16, b"".join(word.to_bytes(4, "little") for word in words))
        for register, value in ((RING, 0x100), (ENTRIES, 4), (TAIL, 4), (CONTROL, control)):
            self.write(register, value)

    def write(self, register: int, value: int = 1) -> None:
        self.device.mmio_write(0xFEB01000 + register, 4, value)

    def read(self, register: int) -> int:
        return self.device.mmio_read(0xFEB01000 + register, 4)

    def descriptor(self, n: int) -> list[int]:
        return [int.from_bytes(self.ram.read(0x100 + n * 16 + 4 * i, 4), "little") for i in range(4)]

    def arrive(self, times: int = 1) -> None:
        for _ in range(times):
            self.device.arrive(b"packet")


def test_a_packet_is_in_its_buffer_and_its_descriptor_says_so() -> None:
    card = Card()
    card.device.arrive(b"first")
    card.device.arrive(b"and a long one")
    assert card.ram.read(BUFFERS, 2 * ROOM) == b"first\0\0\0and a lo"
    assert card.descriptor(0) == [BUFFERS, ROOM, DONE | 5, 0]
    assert card.descriptor(1) == [BUFFERS + ROOM, ROOM, DONE | ROOM, 1], "as far as it was stored"
    assert (card.read(HEAD), card.read(DROPPED), card.line.level) == (2, 0, True)


def test_its_line_is_high_until_status_is_cleared() -> None:
    card = Card(control=RECEIVE)
    card.arrive()
    assert not card.line.level, "interrupts are off"
    card.write(CONTROL, RECEIVE | INTERRUPT)
    assert card.line.level
    assert card.device.asserted == "STATUS bit 0"
    card.write(STATUS, RECEIVED)
    assert (card.line.level, card.device.asserted) == (False, "")
    card.arrive()
    assert card.line.level


def test_what_has_no_descriptor_is_dropped_and_one_given_back_takes_the_next() -> None:
    card = Card()
    card.arrive(6)
    assert (card.read(HEAD), card.read(DROPPED), card.read(STATUS)) == (4, 2, RECEIVED | LOST)
    card.write(TAIL, 5)
    card.arrive(2)
    assert (card.read(HEAD), card.read(DROPPED), card.descriptor(0)[3]) == (5, 3, 4)
    card.write(TAIL, 10)
    assert card.read(TAIL) == 5, "more than there are"


def test_it_asks_once_for_so_many() -> None:
    card = Card()
    card.write(COUNT, 3)
    card.arrive(2)
    card.clock.advance(1000 * US)
    assert not card.line.level
    card.arrive()
    assert card.line.level
    card.write(STATUS, RECEIVED)
    assert not card.line.level


def test_it_asks_when_none_has_come_for_a_time() -> None:
    card = Card()
    card.write(COUNT, 3)
    card.write(TIMER, 10)
    card.arrive()
    card.clock.advance(9 * US)
    card.arrive()
    card.clock.advance(10 * US - 1)
    assert not card.line.level
    card.clock.advance(1)
    assert card.line.rises == [19 * US]
    card.clock.advance(1 * US)
    card.arrive()
    card.clock.advance(50 * US)
    card.write(STATUS, RECEIVED)
    card.clock.advance(10 * US)
    assert card.line.rises == [19 * US, 80 * US], "of the third, from when STATUS was cleared"


def test_enough_that_came_before_status_was_cleared_are_asked_for_at_once() -> None:
    card = Card()
    card.write(COUNT, 2)
    card.arrive(4)
    card.write(STATUS, RECEIVED)
    assert (card.read(STATUS), len(card.line.rises)) == (RECEIVED, 2), "it fell in between"
    card.write(STATUS, RECEIVED)
    assert card.read(STATUS) == 0


def test_a_message_instead_of_the_line_once_each_time() -> None:
    card = Card(control=RECEIVE | INTERRUPT | MESSAGE)
    card.write(ADDRESS, 0xFEE00000)
    card.write(DATA, 0x45)
    card.arrive(2)
    assert (card.messages, card.line.rises) == ([(0xFEE00000, 0x45)], [])
    card.write(STATUS, RECEIVED)
    assert len(card.messages) == 2, "for the second packet, which had come meanwhile"
    card.write(STATUS, RECEIVED)
    assert len(card.messages) == 2


def test_traffic_comes_at_its_times() -> None:
    card = Card(control=RECEIVE)
    card.clock.advance(5 * US)
    card.device.traffic(3, 10 * US, 4, 2)
    assert card.read(HEAD) == 1
    card.clock.advance(WIRE_NS - 1)
    assert card.read(HEAD) == 1
    card.clock.advance(1)
    assert card.read(HEAD) == 2
    card.clock.advance(10 * US - WIRE_NS - 1)
    assert card.read(HEAD) == 2
    card.clock.advance(1)
    assert (card.read(HEAD), card.ram.read(BUFFERS + 2 * ROOM, 4)) == (3, bytes([2, 3, 4, 5]))
    assert card.clock.idle


def test_a_burst_that_takes_longer_than_its_time_puts_the_next_one_off() -> None:
    card = Card(control=RECEIVE)
    card.device.traffic(3, 100, 60, 2)
    for packets in (1, 2, 3):
        assert card.read(HEAD) == packets
        card.clock.advance(WIRE_NS)
    assert card.clock.idle


def test_packets_alone_come_as_often_as_is_said() -> None:
    card = Card(control=RECEIVE)
    card.device.traffic(3, 100, 60)
    card.clock.advance(200)
    assert card.read(HEAD) == 3


def test_who_looks_on_is_told_of_each_packet() -> None:
    card = Card()
    card.write(COUNT, 2)
    card.arrive(2)
    card.write(TAIL, 5)
    card.write(RING, 0x100)
    card.write(TAIL, 4)
    card.arrive()
    assert card.told == [
        ("set up", 0), ("comes", 0), ("comes", 1), ("asked", 1), ("done", 0), ("done", 1), ("comes", 2),
    ]  # fmt: skip


def test_nothing_that_a_guest_may_write_does_harm() -> None:
    card = Card()
    card.ram.write(0x100, b"\xff" * 8)
    card.arrive()
    assert (card.read(HEAD), card.read(DROPPED)) == (0, 1)
    card.write(ENTRIES, 0xFFFFFFFF)
    card.write(RING, 0xFFFFFFF0)
    card.write(TAIL, MOST_ENTRIES)
    card.arrive()
    assert (card.read(ENTRIES), card.read(HEAD), card.read(DROPPED)) == (MOST_ENTRIES, 0, 2)
    card.write(ENTRIES, 0)
    card.write(0x40)
    assert (card.read(ENTRIES), card.read(0x40), card.device.mmio_read(1, 1)) == (1, 0, 0)
    card.write(TIMER, 0xFFFFFFFF)
    card.device.reset()
    assert (card.line.level, card.read(HEAD), card.read(DROPPED), card.clock.idle) == (False, 0, 0, True)


@pytest.mark.parametrize(
    "wrong", [(0, 1), (1, 0), (1, 1, -1), (1, 1, MOST_BYTES + 1), (1, 1, 0, 0), ("1", 1), (1, 1 << 60)]
)
def test_traffic_that_makes_no_sense(wrong: tuple[int, ...]) -> None:
    with pytest.raises(VmmError, match="traffic: "):
        Card().device.traffic(*wrong)
    with pytest.raises(VmmError, match="a packet is at most"):
        Card().device.arrive(bytes(MOST_BYTES + 1))
