"""Empty virtio-mmio slots: a driver's probe finds a transport and no device (virtio 1.1, section 4.2.2)."""

from __future__ import annotations

import pytest

from vmm.devices.virtio_mmio import MEMORY, EmptyVirtioMmio


@pytest.mark.parametrize("slot", [0, 1, 31])
def test_every_slot_is_an_empty_legacy_transport(slot):
    first = 0x0A000000 + slot * 0x200
    words = [EmptyVirtioMmio().mmio_read(first + offset, 4) for offset in range(0, 0x10, 4)]
    assert words[0].to_bytes(4, "little") == b"virt"
    assert words[1:3] == [1, 0]
    assert words[3].to_bytes(4, "little") == b"QEMU"


def test_everything_else_reads_as_zero():
    slots = EmptyVirtioMmio()
    assert {slots.mmio_read(0x0A000000 + offset, 4) for offset in range(0x10, 0x200, 4)} == {0}


def test_writes_change_nothing():
    slots = EmptyVirtioMmio()
    for offset in range(0, 0x200, 4):
        slots.mmio_write(0x0A000000 + offset, 4, 0xFFFFFFFF)
    assert [slots.mmio_read(0x0A000000 + offset, 4) for offset in (0x00, 0x04, 0x08, 0x70)] == [0x74726976, 1, 0, 0]


def test_there_are_32_slots():
    assert MEMORY == (0x0A000000, 0x4000)
