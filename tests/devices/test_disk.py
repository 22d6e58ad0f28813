"""The disk by its registers' description, on a clock that is moved by hand."""

from __future__ import annotations

import pytest

from devices.fakes import FakeClock, FakeLine, FakeRam
from vmm.devices.disk import (
    ADDRESS,
    BLOCK,
    BLOCKS,
    BYTES,
    COMMAND,
    DONE,
    IN_VAIN,
    READ,
    SEEK,
    STATUS,
    WRITE,
    Disk,
)
from vmm.errors import VmmError

US = 1000
FULL = bytes(n % 251 for n in range(BYTES))


class Drive:
    """One that takes 50 us."""

    def __init__(self) -> None:
        self.clock, self.ram = FakeClock(), FakeRam()
        self.line = FakeLine(self.clock)
        self.device = Disk(clock=self.clock, irq=self.line, memory=self.ram)
        self.write(SEEK, 50)

    def write(self, register: int, value: int = 1) -> None:
        self.device.mmio_write(0xFEB03000 + register, 4, value)

    def read(self, register: int) -> int:
        return self.device.mmio_read(0xFEB03000 + register, 4)

    def command(self, command: int, block: int, address: int = 0) -> None:
        for register, value in ((BLOCK, block), (ADDRESS, address), (COMMAND, command)):
            self.write(register, value)


def test_a_block_is_in_memory_when_it_interrupts_and_not_before() -> None:
    drive = Drive()
    drive.device.insert(7, FULL)
    drive.command(READ, 7)
    assert drive.device.owed == (("the disk", 0, BYTES),)
    drive.clock.advance(50 * US - 1)
    assert (drive.ram.read(0, BYTES), drive.read(COMMAND), drive.line.level) == (bytes(BYTES), READ, False)
    drive.clock.advance(1)
    assert (drive.ram.read(0, BYTES), drive.read(COMMAND), drive.read(STATUS)) == (FULL, 0, DONE)
    assert (drive.line.level, drive.device.asserted, drive.device.owed) == (True, "STATUS bit 0", ())
    drive.write(STATUS, DONE)
    assert (drive.line.level, drive.device.asserted) == (False, "")


def test_what_was_written_is_read_again() -> None:
    drive = Drive()
    drive.ram.write(0, FULL)
    drive.command(WRITE, 3)
    assert drive.device.owed == ()
    drive.clock.advance(50 * US)
    drive.ram.write(0, bytes(BYTES))
    drive.device.reset()
    drive.command(READ, 3)
    drive.clock.advance(US)
    assert drive.ram.read(0, BYTES) == FULL, "a reset leaves what is on the disk; SEEK is 0, as 1"


def test_one_command_at_a_time() -> None:
    drive = Drive()
    drive.device.insert(1, FULL)
    drive.ram.write(0, b"kept")
    drive.command(WRITE, 0)
    drive.command(READ, 1)
    drive.clock.advance(100 * US)
    assert (drive.ram.read(0, 4), drive.read(STATUS)) == (b"kept", DONE)
    drive.command(4, 1)
    assert drive.read(COMMAND) == 0


@pytest.mark.parametrize(("block", "address"), [(BLOCKS, 0), (0, 1), (0, 0xFFFFFFFF)])
def test_a_block_or_memory_that_is_not_there_is_done_in_vain(block: int, address: int) -> None:
    for command in (READ, WRITE):
        drive = Drive()
        drive.command(command, block, address)
        drive.clock.advance(50 * US)
        assert (drive.read(STATUS), drive.device.blocks, drive.line.level) == (DONE | IN_VAIN, {}, True)


def test_what_is_put_onto_it() -> None:
    device = Drive().device
    device.insert(BLOCKS - 2, FULL + b"end")
    assert device.blocks == {BLOCKS - 2: FULL, BLOCKS - 1: b"end".ljust(BYTES, b"\0")}
    for block, data in ((BLOCKS - 1, FULL + b"\0"), (-1, b""), (0, "text")):
        with pytest.raises(VmmError, match="a disk has 65536 blocks"):
            device.insert(block, data)
