"""What the architecture leaves UNPREDICTABLE is the same however it is looked at."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from arm.arm_bench import CODE, DATA, Arm32Bench
from arm.opcodes import t32
from vmm.machine.machine import accesses_of

LDRD_PC = bytes.fromhex("d0e900f2")
"""LDRD PC, R2, [R0] (DDI0406 A8.8.72: t == 15 is UNPREDICTABLE); Unicorn loads PC, and goes on there."""


@pytest.mark.parametrize("gear", ["precise", "fast"])
@pytest.mark.parametrize("told", [False, True])
def test_a_pair_that_is_loaded_to_pc_is_loaded_whoever_is_told_of_its_accesses(gear: str, told: bool) -> None:
    bench = Arm32Bench(LDRD_PC, thumb=True, gear=gear, r0=DATA)
    bench.write(DATA, CODE + 0x40)
    bench.write(DATA + 4, 0x55)
    bench.memory.write(CODE + 0x40, t32("adds r4, #1") * 2)
    with ExitStack() as stack:
        if told:
            stack.enter_context(accesses_of(bench.machine))
        bench.step(2)
    assert (bench.cpu["r2"], bench.cpu["r4"], bench.cpu.pc) == (0x55, 1, CODE + 0x42)
