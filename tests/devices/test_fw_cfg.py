"""fw_cfg against QEMU's description of it."""

from __future__ import annotations

import pytest

from vmm.devices.fw_cfg import FwCfg
from vmm.errors import VmmError


def item(device: FwCfg, selector: int, length: int) -> bytes:
    device.port_write(0x510, 2, selector)
    return bytes(device.port_read(0x511, 1) for _ in range(length))


@pytest.fixture
def device() -> FwCfg:
    return FwCfg(
        cpus=3, ram_size=0x1_2345_6789, files={"opt/b": b"second", "etc/a": b"first!!"}, cmdline="console=ttyS0"
    )


def test_the_signature_and_the_traditional_interface_are_there(device):
    assert item(device, 0x0000, 4) == b"QEMU"
    assert item(device, 0x0001, 4) == b"\x01\0\0\0"


def test_ram_size_and_cpu_count_are_little_endian(device):
    assert item(device, 0x0003, 8) == b"\x89\x67\x45\x23\x01\0\0\0"
    assert item(device, 0x0005, 2) == b"\x03\0"


def test_selecting_starts_the_item_over_and_its_end_reads_as_zero(device):
    assert item(device, 0x0000, 2) == b"QE"
    assert item(device, 0x0000, 6) == b"QEMU\0\0"


def test_an_item_that_does_not_exist_reads_as_zero(device):
    assert item(device, 0x0077, 3) == b"\0\0\0"


def test_the_directory_lists_files_by_name_with_big_endian_numbers(device):
    assert item(device, 0x0019, 4) == b"\0\0\0\x02"
    directory = item(device, 0x0019, 4 + 2 * 64)[4:]
    assert directory[:64] == b"\0\0\0\x07" + b"\0\x20" + b"\0\0" + b"etc/a".ljust(56, b"\0")
    assert directory[64:] == b"\0\0\0\x06" + b"\0\x21" + b"\0\0" + b"opt/b".ljust(56, b"\0")


def test_a_file_is_read_at_the_selector_its_entry_names(device):
    assert item(device, 0x0020, 7) == b"first!!"
    assert item(device, 0x0021, 6) == b"second"


def test_the_command_line_ends_with_a_nul_that_its_size_counts(device):
    assert item(device, 0x0014, 4) == b"\x0e\0\0\0"
    assert item(device, 0x0015, 14) == b"console=ttyS0\0"


def test_a_byte_write_neither_selects_nor_changes_data(device):
    item(device, 0x0000, 1)
    device.port_write(0x511, 1, 0x05)
    assert device.port_read(0x511, 1) == ord("E")


def test_a_word_read_gives_one_byte_under_ones(device):
    item(device, 0x0000, 0)
    assert device.port_read(0x511, 2) == 0xFF00 | ord("Q")


def test_a_file_name_longer_than_its_field_is_refused():
    with pytest.raises(VmmError, match="has 56 bytes; it must have 1 to 55"):
        FwCfg(cpus=1, ram_size=0, files={"x" * 56: b""})


def test_reset_selects_the_signature(device):
    item(device, 0x0003, 2)
    device.reset()
    assert device.port_read(0x511, 1) == ord("Q")
