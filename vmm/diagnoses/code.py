"""The guest's code as the disassembler has it, and which registers and memory its instructions are about."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from vmm.arch import named
from vmm.errors import VmmError

if TYPE_CHECKING:
    from vmm.diagnoses.diagnosis import Patient

LONGEST = 15
MEMORY, WRITES, ALL = 3, 2, (1 << 64) - 1
"""Capstone's operands in memory, and its mark of those that are written."""
GENERAL = re.compile(r"[xwr](?P<number>\d+)[dwb]?|[re]?(?P<letters>[acdb]x|[sb]p|[sd]i)|(?P<byte>[acdb])[lh]")
BY_LETTERS = ("ax", "cx", "dx", "bx", "sp", "bp", "si", "di")
ALIASES = {64: {"lr": 30, "fp": 29}, 32: {"lr": 14, "ip": 12, "fp": 11, "sl": 10, "sb": 9}}
"""By bits, ARM's."""


def general(name: str, bits: int) -> Iterator[int]:
    """The general registers, as the core numbers them, that a name is of."""
    found = GENERAL.fullmatch(name)
    if found and found["number"]:
        yield int(found["number"])
    elif found:
        yield BY_LETTERS.index(found["letters"] or f"{found['byte']}x")
    elif name in ALIASES[64 if bits == 64 else 32]:
        yield ALIASES[64 if bits == 64 else 32][name]


Registers = Callable[[str], int]
"""What a register of that name holds."""


class Code:
    """Of a vCPU, as it is where the run ended."""

    def __init__(self, patient: Patient, vcpu: int) -> None:
        self._cpu = patient.cpus[vcpu]
        self._disassembler = named(patient.architecture).dump().disassembler(self._cpu.bits)
        self._disassembler.detail = True

    @property
    def bits(self) -> int:
        """As the vCPU's."""
        return int(self._cpu.bits)

    def now(self, name: str) -> int:
        """What a register holds now."""
        return int(self._cpu[name])

    def instructions(self, linear: int, most: int) -> Iterator[Any]:
        """From there on; none where nothing can be read."""
        for size in (most * LONGEST, LONGEST, 4):
            try:
                code = bytes(self._cpu.read(linear, size))
            except VmmError:
                continue
            yield from self._disassembler.disasm(code, linear, count=most)
            return

    def before(self, linear: int, size: int) -> list[Any]:
        """Those that end where `linear` begins, of at most so many bytes, the last first; x86: of the first start from
        which the instructions come to that end.
        """
        for start in range(linear - size, linear):
            try:
                found = list(self._disassembler.disasm(bytes(self._cpu.read(start, linear - start)), start))
            except VmmError:
                continue
            if found and found[-1].address + found[-1].size == linear:
                return found[::-1]
        return []

    def value(self, linear: int, size: int) -> int | None:
        """Of so many bytes there now; None: nothing can be read."""
        try:
            return int.from_bytes(self._cpu.read(linear, size), "little")
        except VmmError:
            return None

    def memory(self, instruction: Any, register: Registers) -> Iterator[tuple[int, bool]]:
        """The addresses of its operands in memory, with these registers, and whether it writes there."""
        for operand in instruction.operands:
            if operand.type != MEMORY:
                continue
            at = operand.mem
            address = at.disp
            for number, scale in ((at.base, 1), (at.index, getattr(at, "scale", 1))):
                name = instruction.reg_name(number) if number else None
                if name:
                    address += scale * self._value(instruction, name, register)
            writes = bool(operand.access & WRITES) or instruction.mnemonic.startswith("st")
            yield address & (ALL if self.bits == 64 else 0xFFFF_FFFF), writes

    def _value(self, instruction: Any, name: str, register: Registers) -> int:
        if name in ("rip", "eip"):
            return int(instruction.address + instruction.size)
        if name == "pc":
            return int(instruction.address + (8 if self.bits == 32 else 4) & ~3)
        return register(name)
