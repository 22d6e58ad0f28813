"""What x86 alone has in the middle of a block: registers of a device of its own, flags that are put off."""

from __future__ import annotations

import pytest

from vmm.loaders.image import MIB
from vmm.machine.config import Config
from vmm.machine.machine import Machine

CODE, STACK = 0x100000, 0x170000


def about_to(code: str, **registers: int) -> Machine:
    """In the fast gear and 32-bit code without paging, `code` in hexadecimal digits before it."""
    machine = Machine(Config(memory=4 * MIB, board="pc,pit=off", gear="fast", console=None))
    machine.memory.write(CODE, bytes.fromhex(code))
    machine.cpu.enter_protected32(CODE, {"rsp": STACK, **registers})
    return machine


def test_registers_of_a_device_are_reached_at_their_count() -> None:
    """The APIC's timer counts with time, and what is read of it says when: 2 stores, 6 INC, the load, 3 INC and HLT."""

    def mov(address: int, value: int) -> str:
        return "c705" + address.to_bytes(4, "little").hex() + value.to_bytes(4, "little").hex()

    read = "a1" + 0xFEE00390.to_bytes(4, "little").hex()
    code = mov(0xFEE003E0, 0xB) + mov(0xFEE00380, 1 << 30) + "43" * 6 + read + "43" * 3 + "f4"
    values = []
    for gear in ("fast", "precise"):
        machine = Machine(Config(memory=4 * MIB, board="pc,pit=off", gear=gear, console=None))
        machine.memory.write(CODE, bytes.fromhex(code))
        machine.cpu.enter_protected32(CODE, {"rsp": STACK})
        machine.run()
        values.append((machine.cpu["rax"], machine.instructions))
    assert values[0] == values[1]
    assert values[0][1] == 2 + 6 + 1 + 3 + 1


@pytest.mark.parametrize(
    ("code", "flags"),
    [
        ("01c0 d113", 0x40),  # ADD EAX, EAX; RCL [EBX], 1
        ("01c0 0f9003", 0x40),  # ADD EAX, EAX; SETO [EBX]
    ],
    ids=["RCL", "SETcc"],
)
def test_flags_that_were_put_off_are_there_where_a_run_ends(code: str, flags: int) -> None:
    """ADD of 0 and 0 leaves ZF and PF; the access behind it goes to no memory, where the run ends."""
    machine = about_to(code + "f4", rax=0, rbx=0xFFFFFFB0 - 0x40000000)
    machine.run(insns=2)
    assert machine.cpu["rflags"] & 0x8D5 & ~4 == flags
