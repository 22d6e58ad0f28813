"""A bank of flash against JESD68.01 (CFI) and the datasheet of Intel's 28F256J3, "Command Operations".

A bank is two chips of 16 bits side by side. Ids and query are what a guest reads from the flash of QEMU 7.2's `virt`.
"""

from __future__ import annotations

import random

import pytest

from vmm.devices.pflash import Pflash

BASE, SIZE, BLOCK = 0x4000000, 0x4000000, 0x40000
BOTH = 0x00010001
ARRAY, STATUS, ID, QUERY, CLEAR = (command * BOTH for command in (0xFF, 0x70, 0x90, 0x98, 0x50))
PROGRAM, ERASE, BUFFERED, CONFIRM = (command * BOTH for command in (0x40, 0x20, 0xE8, 0xD0))
READY = 0x80 * BOTH
WRONG = 0xB0 * BOTH
"""SR.7, SR.5 and SR.4: an improper command sequence."""


class Contents:
    """Erased flash."""

    def __init__(self) -> None:
        self.written: dict[int, int] = {}

    def read(self, address: int, size: int) -> bytes:
        assert BASE <= address <= address + size <= BASE + SIZE
        return bytes(self.written.get(address + n, 0xFF) for n in range(size))

    def write(self, address: int, data: bytes) -> None:
        assert BASE <= address <= address + len(data) <= BASE + SIZE
        self.written |= {address + n: byte for n, byte in enumerate(data)}


class Bank:
    def __init__(self) -> None:
        self.contents = Contents()
        self.asked: list[bool] = []
        self.chip = Pflash(memory=self.contents, base=BASE, size=SIZE, answers=self.asked.append)

    def write(self, *values: int, at: int = 0, size: int = 4) -> None:
        for value in values:
            self.chip.mmio_write(BASE + at, size, value)

    def read(self, at: int = 0, size: int = 4) -> int:
        return self.chip.mmio_read(BASE + at, size)

    def array(self, at: int = 0) -> int:
        self.write(ARRAY)
        return self.read(at)


@pytest.fixture
def bank() -> Bank:
    return Bank()


def test_it_is_read_as_memory_at_first_and_nobody_is_asked(bank):
    bank.contents.write(BASE + 4, b"\x12\x34\x56\x78")
    assert (bank.read(0), bank.read(4), bank.asked) == (0xFFFFFFFF, 0x78563412, [])


def test_the_ids_are_intels(bank):
    bank.write(ID)
    assert [bank.read(at) for at in (0, 4, 8, 12)] == [0x00890089, 0x00180018, 0, 0]
    assert bank.read(0, 8) == 0x00180018_00890089
    assert [bank.read(at, 1) for at in range(4)] == [0x89, 0, 0x89, 0]
    assert bank.read(2, 2) == 0x89


QUERIED = {
    0x10: b"QRY", 0x13: b"\x01\x00", 0x15: b"\x31\x00", 0x17: bytes(4), 0x1B: b"\x45\x55\x00\x00",
    0x1F: b"\x07\x07\x0a\x00\x04\x04\x04\x00", 0x27: b"\x19", 0x28: b"\x02\x00", 0x2A: b"\x0b\x00", 0x2C: b"\x01",
    0x2D: b"\xff\x00\x00\x02", 0x31: b"PRI10", 0x3F: b"\x01", 0x40: bytes(8),
}  # fmt: skip
"""By word: a chip of 2^25 bytes, buffers of 2^11, one region of 256 blocks of 128 KiB."""


def test_the_query_tells_the_geometry(bank):
    bank.write(QUERY, at=0x55 * 4)
    for word, expected in QUERIED.items():
        assert bytes(bank.read(4 * (word + n)) & 0xFF for n in range(len(expected))) == expected
        assert all(bank.read(4 * (word + n)) == byte * BOTH for n, byte in enumerate(expected))


@pytest.mark.parametrize(("size", "ready"), [(1, 0x80), (2, 0x80), (4, READY), (8, READY | READY << 32)])
def test_status_is_each_chips(bank, size, ready):
    bank.write(STATUS)
    assert bank.read(0x100, size) == ready


def test_who_reads_is_told_when_it_changes(bank):
    bank.write(STATUS, ID, QUERY, ARRAY, ARRAY, ID, CLEAR)
    assert bank.asked == [True, True, True, False, True, False]


def test_who_reads_is_told_when_status_changes(bank):
    """An erase that is not confirmed is a wrong sequence: bits 4 and 5."""
    bank.write(STATUS, ERASE, ARRAY)
    assert (bank.asked, bank.read(0)) == ([True, True], 0x00B000B0)
    bank.write(STATUS)
    assert bank.asked == [True, True]


def test_programming_clears_bits_and_status_is_read_until_the_array_is(bank):
    bank.write(PROGRAM, 0x12345678, at=0x100)
    assert bank.read(0x100) == READY
    assert (bank.array(0x100), bank.read(0x104)) == (0x12345678, 0xFFFFFFFF)
    bank.write(PROGRAM, 0xFF0000FF, at=0x100)
    assert bank.array(0x100) == 0x12000078


@pytest.mark.parametrize("setup", [0x40, 0x10])
@pytest.mark.parametrize(("size", "value", "expected"), [(1, 0x5A, 0xFFFFFF5A), (2, 0x1234, 0xFFFF1234)])
def test_less_than_the_bus_is_programmed_alone(bank, setup, size, value, expected):
    bank.write(setup, value, at=0x100, size=size)
    assert bank.array(0x100) == expected


def test_a_doubleword_is_two_cycles(bank):
    """Low half first: the set-up and its data in one store."""
    bank.write(0xCAFEBABE << 32 | PROGRAM, at=0x100, size=8)
    assert bank.array(0x104) == 0xCAFEBABE


def test_erasing_makes_ones_of_its_block_alone(bank):
    for at in (0, BLOCK - 4, BLOCK, 2 * BLOCK - 4, 2 * BLOCK):
        bank.write(PROGRAM, 0, at=at)
    bank.write(ERASE, CONFIRM, at=BLOCK + 0x1234 * 4)
    assert bank.read() == READY
    bank.write(ARRAY)
    erased = [bank.read(at) == 0xFFFFFFFF for at in (0, BLOCK - 4, BLOCK, 2 * BLOCK - 4, 2 * BLOCK)]
    assert erased == [False, False, True, True, False]


@pytest.mark.parametrize("second", [ARRAY, STATUS, ERASE, 0])
def test_erasing_must_be_confirmed(bank, second):
    bank.write(PROGRAM, 0, at=0x100)
    bank.write(ERASE, second, at=0x100)
    assert bank.read() == WRONG
    assert bank.array(0x100) == 0
    bank.write(STATUS)
    assert bank.read() == WRONG  # until it is cleared
    bank.write(CLEAR, STATUS)
    assert bank.read() == READY


def test_a_buffer_is_programmed_when_it_is_confirmed(bank):
    words = [0xA0000000 + n for n in range(1024)]  # 4 KiB: 2 KiB a chip
    bank.write(BUFFERED, at=0x1000)
    assert bank.read(0x1000) == READY
    bank.write(1023 * BOTH, at=0x1000)
    for n, word in enumerate(words):
        bank.write(word, at=0x1000 + 4 * n)
    assert not bank.contents.written
    bank.write(CONFIRM, at=0x1000)
    assert bank.read() == READY
    bank.write(ARRAY)
    assert [bank.read(0x1000 + 4 * n) for n in range(1025)] == [*words, 0xFFFFFFFF]


@pytest.mark.parametrize(
    ("count", "words", "last"),
    [
        (BOTH, [(0x100, 1), (0x104, 2)], ARRAY),  # not confirmed
        (BOTH, [(BLOCK - 4, 1), (BLOCK, 2)], CONFIRM),  # in two blocks
    ],
)
def test_a_buffer_that_is_not_right_is_not_programmed(bank, count, words, last):
    bank.write(BUFFERED, count)
    for at, word in words:
        bank.write(word, at=at)
    bank.write(last)
    assert bank.read() == WRONG
    assert not bank.contents.written


def test_more_than_a_buffer_holds_is_refused_at_its_count(bank):
    bank.write(BUFFERED, 0xFFFF * BOTH)
    assert bank.read() == WRONG
    assert bank.array(0) == 0xFFFFFFFF


def test_locking_is_accepted_and_means_nothing(bank):
    bank.write(0x60 * BOTH, 0x01 * BOTH)
    assert bank.read() == READY
    bank.write(PROGRAM, 0, at=0x100)
    assert bank.array(0x100) == 0
    bank.write(0x60 * BOTH, 0x33 * BOTH)
    assert bank.read() == WRONG


@pytest.mark.parametrize("command", [0x00, 0xF0, 0x33])
def test_what_is_no_command_leads_back_to_the_array(bank, command):
    """F0h is another maker's reset, with which drivers look for their chips."""
    bank.write(ID, command)
    assert bank.read() == 0xFFFFFFFF


def test_reset_leads_back_to_the_array_and_keeps_the_contents(bank):
    bank.write(PROGRAM, 0, at=0x100)
    bank.write(ERASE)
    bank.chip.reset()
    assert (bank.asked[-1], bank.read(0x100)) == (False, 0)
    bank.write(CONFIRM, STATUS)
    assert bank.read() == READY
    assert bank.array(0x100) == 0


COMMANDS = (0xFF, 0x70, 0x90, 0x98, 0x50, 0x40, 0x10, 0x20, 0xE8, 0xD0, 0x60, 0xB0, 0x01, 0x00)


def test_no_sequence_of_stores_is_too_much(bank):
    """Any store and load of a guest; what is programmed stays within the bank (`Contents`)."""
    chance = random.Random(6)
    for _ in range(3000):
        size = chance.choice((1, 2, 4, 8))
        at = chance.choice((0, SIZE - 8, BLOCK - 8, chance.randrange(0, SIZE, 8)))
        value = chance.choice((chance.choice(COMMANDS) * BOTH, chance.getrandbits(8 * size)))
        bank.write(value & (1 << 8 * size) - 1, at=at, size=size)
        assert 0 <= bank.read(at, size) < 1 << 8 * size
