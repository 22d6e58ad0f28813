"""The BIOS data area and CMOS as firmware leaves them, and the screen that a script reads.

IBM PS/2 BIOS Interface Technical Reference, "BIOS Data Area"; IBM PC/AT Technical Reference, "CMOS RAM". What a sector
that SeaBIOS 1.16 boots on QEMU's pc finds is the same, but for devices that are not here: a parallel port, a diskette
drive, a pointing device; and it has one serial port.
"""

from __future__ import annotations

import pytest
from x86.x86_bench import HLT, X86Bench

from vmm.errors import VmmError
from vmm.machine.config import Config
from vmm.machine.machine import Machine

MIB = 1 << 20


def word(machine: Machine, address: int) -> int:
    return int.from_bytes(machine.memory.read(address, 2), "little")


def cmos(machine: Machine, register: int) -> int:
    rtc = machine.board.devices["rtc"]
    rtc.port_write(0x70, 1, register)
    return rtc.port_read(0x71, 1)


def cmos_word(machine: Machine, register: int) -> int:
    return cmos(machine, register) | cmos(machine, register + 1) << 8


@pytest.mark.parametrize(
    ("offset", "value"),
    [
        (0x00, 0x3F8), (0x02, 0x2F8), (0x04, 0), (0x06, 0),  # serial ports
        (0x08, 0), (0x0A, 0), (0x0C, 0),  # parallel ports
        (0x0E, 0x9FC0),  # segment of the extended data area
        (0x10, 0x0422),  # coprocessor, 80 columns in colour, two serial ports
        (0x13, 639),  # KiB below it
        (0x17, 0), (0x1A, 0x1E), (0x1C, 0x1E), (0x80, 0x1E), (0x82, 0x3E),  # the keyboard: no key, an empty ring
        (0x49, 0x5003), (0x4C, 0x1000), (0x4E, 0), (0x50, 0), (0x60, 0x0607), (0x63, 0x3D4), (0x85, 16),  # the screen
        (0x6C, 0), (0x6E, 0),  # ticks since midnight, when the clock starts
        (0x72, 0),  # no warm start
        (0x7C, 0x0A0A),  # time-outs of the serial ports
    ],
)  # fmt: skip
def test_a_field_of_the_data_area(offset: int, value: int) -> None:
    assert word(Machine(Config()), 0x400 + offset) == value


def test_bytes_of_the_data_area() -> None:
    area = Machine(Config()).memory.read(0x400, 0x100)
    assert [area[at] for at in (0x62, 0x84, 0x87, 0x88, 0x89, 0x96)] == [0, 24, 0x60, 0xF9, 0x51, 0x10]


def test_the_extended_data_area_says_its_size_and_ends_at_640_kib() -> None:
    machine = Machine(Config())
    area = word(machine, 0x40E) << 4
    assert machine.memory.read(area, 1)[0] * 1024 + area == 640 * 1024
    assert word(machine, 0x413) * 1024 == area


@pytest.mark.parametrize(
    ("ram", "above_1_mib", "above_16_mib"),
    [
        (MIB, 0, 0),
        (2 * MIB, 1024, 0),
        (16 * MIB, 15 * 1024, 0),
        (17 * MIB, 16 * 1024, 16),
        (64 * MIB, 63 * 1024, 48 * 16),
        (65 * MIB, 0xFFFF, 49 * 16),
        (128 * MIB, 0xFFFF, 0x700),  # as QEMU's
        (3072 * MIB, 0xFFFF, 3056 * 16),
    ],
)
def test_cmos_says_how_much_memory_there_is(ram: int, above_1_mib: int, above_16_mib: int) -> None:
    machine = Machine(Config(memory=ram))
    assert cmos_word(machine, 0x15) == 640
    assert cmos_word(machine, 0x17) == cmos_word(machine, 0x30) == above_1_mib
    assert cmos_word(machine, 0x34) == above_16_mib
    assert cmos(machine, 0x14) == 2


def test_the_checksum_of_cmos_is_right() -> None:
    machine = Machine(Config())
    total = sum(cmos(machine, register) for register in range(0x10, 0x2E))
    assert cmos(machine, 0x2E) << 8 | cmos(machine, 0x2F) == total > 0


def test_booting_again_writes_the_data_area_and_clears_the_screen_but_keeps_cmos() -> None:
    bench = X86Bench("protected32", HLT, board=",reset=reboot")
    machine = bench.machine
    machine.memory.write(0x400, bytes(0x100))
    machine.memory.write(0xB8000, b"X\x07")
    rtc, display = machine.board.devices["rtc"], machine.board.devices["crtc"]
    for device, index, value in ((rtc, 0x40, 0x5A), (display, 0x0D, 80)):
        port = device.PORTS[0][0]
        device.port_write(port, 1, index)
        device.port_write(port + 1, 1, value)
    machine._board.hand_over()
    assert word(machine, 0x413) == 639
    assert machine.screen == [""] * 25
    assert cmos(machine, 0x40) == 0x5A


def test_a_script_reads_what_a_guest_has_written_to_the_screen() -> None:
    code = bytes.fromhex(
        "66c705 00800b00 4807"  # mov word [0b8000h],0748h
        "66c705 a2800b00 691f"  # mov word [0b80a2h],1f69h: the second of the second row
        "66bad403 b00f ee 42 b051 ee"  # mov dx,3d4h; mov al,0fh; out dx,al; inc edx; mov al,81; out dx,al
    )
    bench = X86Bench("protected32", code + HLT)
    bench.machine.run()
    assert bench.machine.screen == ["H", " i", *[""] * 23]
    assert bench.machine.board.devices["crtc"].cursor == (1, 1)


def test_a_snapshot_has_the_screen_and_its_registers() -> None:
    machine = Machine(Config())
    before = machine.snapshot()
    machine.memory.write(0xB8000, b"X\x07")
    machine.board.devices["crtc"].port_write(0x3D4, 1, 0x0A)
    machine.restore(before)
    assert machine.screen[0] == ""
    assert machine.board.devices["crtc"].port_read(0x3D4, 1) == 0


def test_a_board_without_a_display_says_so() -> None:
    with pytest.raises(VmmError, match="board virt has no display"):
        _ = Machine(Config(board="virt")).screen
