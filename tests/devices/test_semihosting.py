"""Semihosting against Arm's description of its operations, for AArch32 and AArch64."""

from __future__ import annotations

import pytest

from vmm.devices.semihosting import Semihosting
from vmm.errors import VmmError

from .fakes import FakeClock, FakeStop

MEMORY = 0x40000000
BLOCK = MEMORY
TEXT = MEMORY + 0x100
APPLICATION_EXIT, RUN_TIME_ERROR = 0x20026, 0x20023
WIDTHS = pytest.mark.parametrize("wide", [False, True], ids=["AArch32", "AArch64"])


def minus_one(wide: bool) -> int:
    return 0xFFFF_FFFF_FFFF_FFFF if wide else 0xFFFF_FFFF


class Guest:
    """128 KiB of memory and a caller."""

    def __init__(self) -> None:
        self.memory = bytearray(0x20000)
        self.clock = FakeClock()
        self.stop = FakeStop()
        self.printed = bytearray()
        self.host = Semihosting(
            read=self.read, write=self.store, output=self.printed.extend, stop=self.stop, clock=self.clock
        )

    def read(self, address: int, size: int) -> bytes:
        offset = self.offset(address, size)
        return bytes(self.memory[offset : offset + size])

    def store(self, address: int, data: bytes) -> None:
        offset = self.offset(address, len(data))
        self.memory[offset : offset + len(data)] = data

    def offset(self, address: int, size: int) -> int:
        if not MEMORY <= address <= address + size <= MEMORY + len(self.memory):
            raise VmmError(f"no memory at {address:#x}")
        return address - MEMORY

    def call(self, operation: int, *fields: int, wide: bool) -> int:
        """A call with a parameter block."""
        width = 8 if wide else 4
        self.store(BLOCK, b"".join(field.to_bytes(width, "little") for field in fields))
        return self.host.call(operation, BLOCK, wide)

    def open(self, name: bytes, mode: int, *, wide: bool) -> int:
        self.store(TEXT, name + b"\0")
        return self.call(0x01, TEXT, mode, len(name), wide=wide)


@pytest.fixture
def guest() -> Guest:
    return Guest()


# ---- console ----


@WIDTHS
def test_a_character_is_printed(guest, wide):
    guest.store(TEXT, b"A")
    guest.host.call(0x03, TEXT, wide)
    assert guest.printed == b"A"


@WIDTHS
def test_a_string_is_printed_up_to_its_nul(guest, wide):
    guest.store(TEXT, b"hello\nworld\0more")
    guest.host.call(0x04, TEXT, wide)
    assert guest.printed == b"hello\nworld"


def test_a_string_may_end_with_the_last_byte_of_memory(guest):
    guest.memory[-3:] = b"ok\0"
    guest.host.call(0x04, MEMORY + len(guest.memory) - 3, True)
    assert guest.printed == b"ok"


def test_a_string_without_an_end_is_cut(guest):
    guest.memory[:] = b"x" * len(guest.memory)
    guest.host.call(0x04, MEMORY, False)
    assert guest.printed == b"x" * 0x10000


def test_a_string_that_runs_out_of_memory_fails(guest):
    guest.memory[-3:] = b"bad"
    assert guest.host.call(0x04, MEMORY + len(guest.memory) - 3, False) == minus_one(False)
    assert not guest.printed


@WIDTHS
@pytest.mark.parametrize("mode", [4, 7, 8, 11])
def test_a_console_opened_for_writing_takes_bytes(guest, mode, wide):
    handle = guest.open(b":tt", mode, wide=wide)
    assert 0 < handle < minus_one(wide)
    guest.store(TEXT, b"a\0b")
    assert guest.call(0x05, handle, TEXT, 3, wide=wide) == 0
    assert guest.printed == b"a\0b"


@WIDTHS
@pytest.mark.parametrize(
    ("name", "mode"), [(b":tt", 0), (b":tt", 3), (b":tt", 12), (b"file", 4), (b":tx", 4), (b":t", 4), (b":tty", 4)]
)
def test_nothing_else_can_be_opened(guest, name, mode, wide):
    assert guest.open(name, mode, wide=wide) == minus_one(wide)


def test_a_long_write_says_how_much_is_left(guest):
    handle = guest.open(b":tt", 4, wide=True)
    assert guest.call(0x05, handle, MEMORY, 0x10005, wide=True) == 5
    assert len(guest.printed) == 0x10000


@WIDTHS
def test_the_console_is_a_terminal_and_can_be_closed(guest, wide):
    handle = guest.open(b":tt", 4, wide=wide)
    assert guest.call(0x09, handle, wide=wide) == 1
    assert guest.call(0x02, handle, wide=wide) == 0


@WIDTHS
def test_handles_that_were_never_given_fail(guest, wide):
    assert guest.call(0x05, 77, TEXT, 1, wide=wide) == minus_one(wide)
    assert guest.call(0x09, 77, wide=wide) == minus_one(wide)
    assert guest.call(0x02, 77, wide=wide) == minus_one(wide)
    assert not guest.printed


# ---- exit ----


@pytest.mark.parametrize(("reason", "status"), [(APPLICATION_EXIT, 0), (RUN_TIME_ERROR, 1), (0, 1)])
def test_exit_in_aarch32_has_only_a_reason(guest, reason, status):
    guest.host.call(0x18, reason, False)
    assert guest.stop.calls == [("exit", status)]


@pytest.mark.parametrize(
    ("reason", "subcode", "status"),
    [(APPLICATION_EXIT, 0, 0), (APPLICATION_EXIT, 42, 42), (RUN_TIME_ERROR, 42, 1), (RUN_TIME_ERROR, 0, 1)],
)
@pytest.mark.parametrize(("operation", "wide"), [(0x18, True), (0x20, True), (0x20, False)])
def test_exit_with_a_block_passes_the_status_on(guest, operation, wide, reason, subcode, status):
    guest.call(operation, reason, subcode, wide=wide)
    assert guest.stop.calls == [("exit", status)]


def test_a_negative_status_is_32_bits_wide(guest):
    guest.call(0x18, APPLICATION_EXIT, 0xFFFF_FFFF_FFFF_FFFE, wide=True)
    assert guest.stop.calls == [("exit", 0xFFFF_FFFE)]


# ---- time ----


@WIDTHS
def test_the_time_is_the_virtual_clocks(guest, wide):
    guest.clock.advance(12_345_678_901)
    assert guest.host.call(0x10, 0, wide) == 1234  # hundredths of a second
    assert guest.host.call(0x11, 0, wide) == 1_704_067_200 + 12  # seconds, from 2024-01-01
    assert guest.host.call(0x31, 0, wide) == 10**9
    assert guest.host.call(0x30, TEXT, wide) == 0
    assert guest.read(TEXT, 8) == (12_345_678_901).to_bytes(8, "little")


# ---- what cannot be done ----


@WIDTHS
@pytest.mark.parametrize("operation", [0x00, 0x06, 0x07, 0x0A, 0x0E, 0x12, 0x13, 0x15, 0x16, 0x17, 0x100, 2**32 - 1])
def test_an_operation_that_is_not_offered_fails(guest, operation, wide):
    assert guest.host.call(operation, BLOCK, wide) == minus_one(wide)


@WIDTHS
@pytest.mark.parametrize("operation", [0x01, 0x02, 0x03, 0x04, 0x05, 0x09, 0x20, 0x30])
def test_a_parameter_that_points_nowhere_fails_and_ends_nothing(guest, operation, wide):
    assert guest.host.call(operation, 0x1000, wide) == minus_one(wide)
    assert not guest.stop.calls
