"""Devices of a script's own: where they may sit, and what happens when they fail."""

from __future__ import annotations

import pytest

from vmm.errors import VmmError
from vmm.loaders.image import MIB
from vmm.machine.config import Config
from vmm.machine.machine import Machine

AT = 0xFED80000


class Register:
    """One 32-bit register that reads as its address's low byte and raises when it is written."""

    def mmio_read(self, address: int, size: int) -> int:
        return address & 0xFF

    def mmio_write(self, address: int, size: int, value: int) -> None:
        raise ZeroDivisionError(f"{value:#x}")


class Port:
    port_width = 1

    def port_read(self, port: int, size: int) -> int:
        return 0x5A

    def port_write(self, port: int, size: int, value: int) -> None: ...


def machine(code: str) -> Machine:
    m = Machine(Config(memory=MIB, board="pc,pit=off"))
    m.memory.write(0x1000, bytes.fromhex(code))
    m.cpu.enter_protected32(0x1000, {"rsp": 0x8000})
    return m


def test_a_guest_reads_it():
    m = machine("a10480d8fe f4")  # mov eax, [fed88004h]; hlt
    m.attach(Register(), memory=(0xFED88000, 16))
    m.run(insns=2)
    assert m.cpu["eax"] == 4


def test_a_guest_reads_its_port():
    m = machine("66ba0003 ec f4")  # mov dx, 300h; in al, dx; hlt
    m.attach(Port(), ports=(0x300, 2))
    m.run(insns=2)
    assert m.cpu["eax"] & 0xFF == 0x5A


def test_an_error_in_it_ends_the_run_and_the_machine_can_go_on():
    m = machine("c7050000d8fe07000000 90 90 f4")  # mov dword [fed80000h], 7; nop; nop; hlt
    m.attach(Register(), memory=(AT, 16))
    with pytest.raises(ZeroDivisionError, match="0x7") as caught:
        m.run(insns=10)
    assert caught.traceback[-1].path.name == "test_script_devices.py"
    assert m.run(insns=2).reason == "count"
    assert m.cpu.pc == 0x100C


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ({"memory": (0xFEC00800, 16)}, "overlaps that of another device at 0xfec00000"),
        ({"memory": (AT - 8, 16)}, "overlaps that of another device at 0xfed80000"),
        ({"memory": (0x1000, 16)}, "outside the device hole"),
        ({}, "give either memory or ports"),
        ({"memory": (AT, 16), "ports": (0xE0, 1)}, "give either memory or ports"),
        ({"ports": (0xE0, 1)}, "Register has no port_read"),
    ],
)
def test_a_place_that_is_taken_or_none_is_refused(place, said):
    m = machine("f4")
    m.attach(Register(), memory=(AT, 16))
    with pytest.raises(VmmError, match=said):
        m.attach(Register(), **place)


def test_a_port_that_is_taken_is_refused():
    with pytest.raises(VmmError, match="0x60"):
        machine("f4").attach(Port(), ports=(0x60, 1))
