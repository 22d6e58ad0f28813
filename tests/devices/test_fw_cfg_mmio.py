"""fw_cfg in memory against QEMU's description of its register locations; the items are test_fw_cfg's."""

from __future__ import annotations

import pytest

from vmm.devices.fw_cfg_mmio import FwCfgMmio

BASE = 0x09020000


def select(device: FwCfgMmio, selector: int) -> None:
    """Store the selector's two bytes big-endian; the bus hands over what lies in memory as a little-endian number."""
    device.mmio_write(BASE + 8, 2, (selector & 0xFF) << 8 | selector >> 8)


def item(device: FwCfgMmio, selector: int, *sizes: int) -> bytes:
    """Select, then load at the data register as wide as told, and give what the loads put into memory."""
    select(device, selector)
    return b"".join(device.mmio_read(BASE, size).to_bytes(size, "little") for size in sizes)


@pytest.fixture
def device() -> FwCfgMmio:
    return FwCfgMmio(cpus=3, ram_size=0x1_2345_6789, files={"opt/a": b"0123456789abcdef"})


@pytest.mark.parametrize("sizes", [(1, 1, 1, 1), (2, 2), (4,), (1, 2, 1)])
def test_the_signature_is_a_string_however_wide_it_is_read(device, sizes):
    assert item(device, 0x0000, *sizes) == b"QEMU"


def test_eight_bytes_are_the_next_eight_in_memory_order(device):
    assert item(device, 0x0020, 8, 8) == b"0123456789abcdef"


def test_a_read_over_the_end_is_filled_with_zeros(device):
    assert item(device, 0x0000, 8) == b"QEMU\0\0\0\0"


def test_numbers_of_items_are_little_endian_and_the_directorys_big(device):
    assert item(device, 0x0003, 8) == b"\x89\x67\x45\x23\x01\0\0\0"
    assert item(device, 0x0019, 4, 4) == b"\0\0\0\x01\0\0\0\x10"


def test_dma_is_neither_announced_nor_there(device):
    assert item(device, 0x0001, 4) == b"\x01\0\0\0"
    assert device.mmio_read(BASE + 16, 8) == 0
    device.mmio_write(BASE + 16, 8, 0x4000_0000)
    assert item(device, 0x0000, 4) == b"QEMU"


@pytest.mark.parametrize(
    ("offset", "size"), [(8, 1), (8, 4), (0, 2), (16, 2)], ids=["byte", "word", "data register", "DMA register"]
)
def test_only_a_halfword_at_the_selector_selects(device, offset, size):
    assert item(device, 0x0020, 1) == b"0"
    device.mmio_write(BASE + offset, size, 0)
    assert device.mmio_read(BASE, 1) == ord("1")


def test_the_selector_cannot_be_read_and_reading_it_moves_nothing(device):
    select(device, 0x0020)
    assert device.mmio_read(BASE + 8, 2) == 0
    assert device.mmio_read(BASE, 1) == ord("0")


def test_reset_selects_the_signature(device):
    item(device, 0x0020, 4)
    device.reset()
    assert device.mmio_read(BASE, 4).to_bytes(4, "little") == b"QEMU"
