"""A look at memory, and the branch that follows it: whether it would go the same way now."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from vmm.diagnoses.code import Code

NEAR, FEW = 96, 8
"""Bytes before a place in which a look at memory is looked for; instructions between it and its branch."""
IMMEDIATE, REGISTER = 2, 1
"""Capstone's operands."""
SIZES = {"ldrb": 1, "ldrh": 2}
UNSIGNED: dict[str, Callable[[int, int], bool]] = {
    "e": lambda a, b: a == b, "ne": lambda a, b: a != b,
    "ae": lambda a, b: a >= b, "b": lambda a, b: a < b, "a": lambda a, b: a > b, "be": lambda a, b: a <= b,
}  # fmt: skip
SIGNED = {"ge": UNSIGNED["ae"], "l": UNSIGNED["b"], "g": UNSIGNED["a"], "le": UNSIGNED["be"]}
ARM = {
    "eq": "e", "ne": "ne", "hs": "ae", "lo": "b", "hi": "a", "ls": "be", "ge": "ge", "lt": "l", "gt": "g", "le": "le",
}  # fmt: skip
ZERO = {"cbz": "e", "cbnz": "ne"}


@dataclass(frozen=True)
class Look:
    """It reads `address` at `at`, and branches at `branch`."""

    at: int
    branch: int
    address: int
    would_branch: bool
    """With what is there now."""


def last_look(code: Code, before: int) -> Look | None:
    """The one nearest before an instruction, which comes behind its branch where that is not taken; None: there is
    none, or none that can be worked out.
    """
    found = code.before(before, NEAR)
    for number, branch in enumerate(found):
        condition = _condition(branch)
        if condition:
            return _of(code, branch, condition, found[number + 1 : number + 1 + FEW])
    return None


def _condition(branch: Any) -> str | None:
    name = branch.mnemonic
    if name in ZERO:
        return ZERO[name]
    if name.startswith("j"):
        return name[1:] if name[1:] in UNSIGNED | SIGNED else None
    if name.startswith("b"):
        return ARM.get(name[1:].lstrip("."))
    return None


def _of(code: Code, branch: Any, condition: str, before: Sequence[Any]) -> Look | None:
    right = 0 if branch.mnemonic in ZERO else None
    for instruction in before:
        if right is None:
            right = _compared_to(instruction)
            if right is None:
                return None
        reads = [address for address, writes in code.memory(instruction, code.now) if not writes]
        if reads:
            value = code.value(reads[0], _size(instruction))
            if value is None:
                return None
            left, right = value, right & (1 << 8 * _size(instruction)) - 1
            if condition in SIGNED:
                left, right = (_signed(each, 8 * _size(instruction)) for each in (left, right))
            would = (SIGNED.get(condition) or UNSIGNED[condition])(left, right)
            return Look(instruction.address, branch.address, reads[0], would)
    return None


def _compared_to(instruction: Any) -> int | None:
    """A constant; None: it is no comparison with one."""
    operands = instruction.operands
    if instruction.mnemonic == "cmp" and operands[1].type == IMMEDIATE:
        return int(operands[1].imm)
    if instruction.mnemonic == "test" and [each.type for each in operands] == [REGISTER] * 2:
        return 0 if operands[0].reg == operands[1].reg else None
    return None


def _size(instruction: Any) -> int:
    name = instruction.mnemonic
    if name in SIZES:
        return SIZES[name]
    if name.startswith("ld"):
        return 8 if instruction.op_str.startswith("x") else 4
    return int(max(each.size for each in instruction.operands))


def _signed(value: int, bits: int) -> int:
    return value - (1 << bits) if value >> (bits - 1) & 1 else value
