"""Whether code goes on to read a register that was changed under it: what the disassembler says of its instructions."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vmm.diagnoses.code import Code, general

if TYPE_CHECKING:
    from vmm.diagnoses.diagnosis import Patient

MOST = 16
"""Instructions that are looked at."""
VECTOR = re.compile(r"(?P<kind>xmm|[vqdsbh])(?P<number>\d+)")
JUMP, RELATIVE, LEAVES = 1, 7, (2, 3, 4, 5)
"""Capstone's groups: of jumps, of what is relative to the program counter, of calls, returns and interrupts."""
ALWAYS = ("jmp", "b")
TARGET = re.compile(r"#?0x([0-9a-f]+)$")


def _vectors(name: str, bits: int) -> Iterator[int]:
    """The vector registers; A32 has 32 of 64 bits, of which Q is two, and S half of one."""
    found = VECTOR.fullmatch(name)
    if not found:
        return
    number, kind = int(found["number"]), found["kind"]
    if bits == 64 or kind in ("d", "xmm"):
        yield number
    elif kind == "q":
        yield from (2 * number, 2 * number + 1)
    elif kind == "s":
        yield number // 2


def read_next(patient: Patient, vcpu: int, linear: int, changed: int, *, vector: bool) -> tuple[int, str] | None:
    """Which instruction from `linear` on reads one of the registers `changed` (a bit each) before it is written,
    whichever way branches go, and what it calls that register; None where that cannot be told.
    """
    return _Reader(Code(patient, vcpu), _vectors if vector else general).reads(linear, changed, MOST)


@dataclass(frozen=True)
class _Reader:
    code: Code
    of: Callable[[str, int], Iterator[int]]

    def reads(self, linear: int, changed: int, most: int) -> tuple[int, str] | None:
        """Of the next `most` instructions."""
        for instruction in self.code.instructions(linear, most):
            most -= 1
            reads, writes = ([instruction.reg_name(each) for each in some] for some in instruction.regs_access())
            for name in reads:
                if changed & self._bits(name):
                    return int(instruction.address), str(name)
            for name in writes:
                changed &= ~self._bits(name)
            if not changed or any(instruction.group(group) for group in LEAVES):
                return None
            if instruction.group(JUMP) or instruction.group(RELATIVE):
                return self._branch(instruction, changed, most)
        return None

    def _branch(self, instruction: Any, changed: int, most: int) -> tuple[int, str] | None:
        to = TARGET.search(instruction.op_str)
        taken = to and self.reads(int(to[1], 16), changed, most)
        if not taken or instruction.mnemonic in ALWAYS:
            return taken or None
        return self.reads(instruction.address + instruction.size, changed, most)

    def _bits(self, name: str) -> int:
        return sum(1 << number for number in self.of(name, self.code.bits))
