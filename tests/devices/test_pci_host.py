"""PCI configuration mechanism #1 with no device behind it."""

from __future__ import annotations

import pytest

from vmm.devices.pci_host import PciHost


@pytest.fixture
def host() -> PciHost:
    return PciHost()


def test_the_address_reads_back_without_its_reserved_bits(host):
    host.port_write(0xCF8, 4, 0xFFFFFFFF)
    assert host.port_read(0xCF8, 4) == 0x80FFFFFC


@pytest.mark.parametrize(("size", "ones"), [(1, 0xFF), (2, 0xFFFF), (4, 0xFFFFFFFF)])
def test_every_function_answers_that_it_is_not_there(host, size, ones):
    for address in (0x80000000, 0x8000F800, 0x80FFFF00):
        host.port_write(0xCF8, 4, address)
        host.port_write(0xCFC, 4, 0)
        assert host.port_read(0xCFC, size) == ones


def test_a_narrow_access_is_not_one_to_the_address(host):
    host.port_write(0xCF8, 4, 0x80000000)
    host.port_write(0xCFB, 1, 0x01)
    assert host.port_read(0xCFB, 1) == 0xFF
    assert host.port_read(0xCF8, 4) == 0x80000000


def test_reset_clears_the_address(host):
    host.port_write(0xCF8, 4, 0x80000000)
    host.reset()
    assert host.port_read(0xCF8, 4) == 0
