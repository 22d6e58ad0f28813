"""A machine that runs in a callback of another's leaves that one's run as it was."""

from __future__ import annotations

from vmm.loaders.image import MIB
from vmm.machine.config import Config
from vmm.machine.machine import Machine

CODE, SEEN = 0x7C00, 0x20000


class Port:
    """Each write runs another machine for a while."""

    port_width = 1

    def __init__(self) -> None:
        self.other = Machine(Config(memory=MIB, console=None))
        self.other.memory.write(CODE, bytes.fromhex("ebfe"))
        self.other.cpu.enter_protected32(CODE, {})

    def port_read(self, port: int, size: int) -> int:
        return 0

    def port_write(self, port: int, size: int, value: int) -> None:
        self.other.run(insns=5)


def test_what_it_stores_afterwards_is_part_of_its_snapshots_and_its_own_code_follows() -> None:
    """out 80h, al; mov [SEEN], ecx; mov byte [next], 90h; nop; next: inc eax; jmp $ — and back to a snapshot."""
    machine = Machine(Config(memory=MIB, console=None))
    machine.attach(Port(), ports=(0x80, 1))
    code = bytes.fromhex("e680 890d00000200 c605107c000090 90 40 ebfe")
    machine.memory.write(CODE, code)
    machine.cpu.enter_protected32(CODE, {"rcx": 0x1234})
    machine.cpu["eax"] = 0
    before = machine.snapshot()
    machine.run(insns=6)
    assert (machine.u32(SEEN), machine.cpu["eax"]) == (0x1234, 0)
    machine.restore(before)
    assert (machine.u32(SEEN), machine.memory.read(CODE + 0x10, 1)) == (0, b"\x40")
