"""Flags that an instruction leaves undefined (SDM vol. 2) are something all the same, and the same in both gears."""

from collections.abc import Iterator

import pytest

from vmm.loaders.image import MIB
from vmm.machine.config import Config
from vmm.machine.machine import Machine

CODE, STACK, STATUS = 0x1000, 0x8000, 0x8D5
REGISTERS = {"rax": 0x3FFF0005, "rbx": 0x80000013, "rcx": 3, "rdx": 0, "rsp": STACK, "rflags": 2}
BEHIND = "eb00" + "90" * 12
"""JMP to the next instruction, which ends a block; and room for the run to end behind it."""
INSNS = 12


@pytest.fixture(scope="module")
def flags_behind():
    """The status flags in each gear behind a block of `code`, in hexadecimal digits."""
    machines = {
        gear: Machine(Config(memory=4 * MIB, board="pc,pit=off", gear=gear, console=None))
        for gear in ("precise", "fast")
    }
    fresh = {gear: machine.snapshot() for gear, machine in machines.items()}

    def behind(code: str) -> dict[str, int]:
        for gear, machine in machines.items():
            machine.restore(fresh[gear])
            machine.memory.write(CODE, bytes.fromhex(code + BEHIND))
            machine.cpu.enter_protected32(CODE, REGISTERS)
            assert machine.run(insns=INSNS).reason == "count"
        return {gear: machine.cpu["rflags"] & STATUS for gear, machine in machines.items()}

    return behind


@pytest.mark.parametrize(
    ("code", "carry"),
    [
        ("0fa3c3", 1), ("0fabc3", 1), ("0fb3c3", 1), ("0fbbc3", 1),
        ("0fbae307", 0), ("0fbaeb07", 0), ("0fbaf307", 0), ("0fbafb07", 0),
    ],
)  # fmt: skip
def test_bt_and_its_like_change_cf_alone_in_the_middle_of_a_block_too(flags_behind, code, carry):
    """ADD of 7Fh and 1 sets OF, SF and AF, which processors leave alone; EBX has bit 80h modulo 32, and not bit 7."""
    assert flags_behind("b07f 0401" + code) == {"precise": 0x890 | carry, "fast": 0x890 | carry}


BEFORE = ("b07f0401", "b0002c01", "b0ffb302f6e3", "f9b07fd0d0")
"""MOV AL and ADD, SUB, MUL BL; STC, MOV AL and RCL."""


def one_byte() -> Iterator[str]:
    """The arithmetic of the map of one byte, between BL or EBX and EAX, or with an immediate operand."""
    for operation in range(0, 0x40, 8):
        for form, rest in (("0", "c3"), ("1", "c3"), ("2", "c3"), ("3", "c3"), ("4", "7f"), ("5", "01000080")):
            yield f"{operation + int(form):02x}{rest}"
    for digit in range(8):
        modrm = f"{0xC3 + 8 * digit:02x}"
        yield from (f"80{modrm}07", f"81{modrm}07000080", f"83{modrm}f7", f"d0{modrm}", f"d1{modrm}", f"d3{modrm}")
        yield from (f"{shift}{modrm}{count}" for shift in ("c0", "c1", "66c1") for count in ("00", "01", "07", "1f"))
        if digit in (2, 3, 4, 5):
            yield f"f7{modrm}"
    yield from (f"{opcode:02x}" for opcode in (*range(0x40, 0x50), 0x27, 0x2F, 0x37, 0x3F, 0x9E, 0x9F, 0xF5))
    yield from ("69c307000080", "6bc307", "85c3", "a87f", "d40a", "d50a")


def two_bytes() -> Iterator[str]:
    for opcode in (0xA3, 0xA5, 0xAB, 0xAD, 0xAF, 0xB1, 0xB3, 0xBB, 0xBC, 0xBD, 0xC1, *range(0x90, 0xA0)):
        yield from (f"{prefix}0f{opcode:02x}c3" for prefix in ("", "66"))
    yield from (f"0f{opcode}c3{count}" for opcode in ("a4", "ac") for count in ("00", "01", "07", "1f"))


@pytest.mark.parametrize("codes", [one_byte, two_bytes])
def test_no_flags_depend_on_the_instructions_that_were_translated_with_one(flags_behind, codes):
    differing = []
    for code in (before + code for code in codes() for before in BEFORE):
        found = flags_behind(code)
        if found["precise"] != found["fast"]:
            differing.append(code)
    assert differing == []
