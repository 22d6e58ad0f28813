"""A vCPU that goes round and round on one word of memory, which only somebody else can change."""

from __future__ import annotations

from typing import Any, NamedTuple

from vmm.diagnoses.code import Code
from vmm.diagnoses.diagnosis import Patient

SPUN = 1000
"""Instructions for which nothing happened on the vCPU."""
LOOP = 16
"""Instructions of a loop, at most: the core keeps the last 32."""
COUNTS = (
    "inc", "dec", "add", "adc", "sub", "sbb", "rsb", "loop", "lea", "lock inc", "lock dec", "lock add", "lock xadd",
)  # fmt: skip
EXCHANGES = ("xchg", "lock ", "cmpxchg", "stxr", "stlxr", "strex", "stlex", "swp", "cas", "ldset")
"""How mnemonics begin; the latter of what takes a lock."""


class Spin(NamedTuple):
    """At `at` it reads `word`, over and over."""

    at: int
    word: int


def spin(patient: Patient, code: Code, vcpu: int) -> Spin | None:
    """What a vCPU spins on where it stands; None: it does not, or what it does may come to an end by itself."""
    recent = patient.cpus[vcpu].recent()
    addresses = sorted(set(recent))
    if len(recent) < 2 * LOOP or len(addresses) > LOOP:
        return None
    loop = [each for at in addresses for each in code.instructions(at, 1)]
    read = {address: each.address for each in loop for address, _ in code.memory(each, code.now)}
    if len(read) != 1 or any(_comes_to_an_end(code, each) for each in loop):
        return None
    ((word, at),) = read.items()
    return Spin(at, word)


def _comes_to_an_end(code: Code, instruction: Any) -> bool:
    """It counts, or writes what it has worked out: the loop may be a delay."""
    if instruction.mnemonic.startswith(COUNTS):
        return True
    writes = any(writes for _, writes in code.memory(instruction, code.now))
    return writes and not instruction.mnemonic.startswith(EXCHANGES)
