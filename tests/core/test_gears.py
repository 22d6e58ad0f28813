"""A gear is a policy: the fast one counts block by block, and each run in it is that of the precise one: trace hash,
counts, time, registers, stops, what was executed last, console. Held by every bundled guest and every case.
"""

from __future__ import annotations

import random
import sys
from pathlib import Path

import pytest

from core.gears import FAST, PRECISE, play, run, seen
from vmm import boot
from vmm.casebook.case import Asked, images
from vmm.catalog import guests

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))

import fuzz_gears
import fuzz_long
from fuzz_cases import KINDS

MOST = 30_000
"""Instructions of a guest's run: each is past its first interrupts by then."""
MOST_OF_A_CASE = 10_000
GUESTS = sorted(guest.name for guest in guests())
PRECISE_ALONE = "+rtm"
"""A transaction is looked at instruction by instruction, and a machine that has them refuses the fast gear."""
CASES = sorted(
    (each for each in images() if PRECISE_ALONE not in each.case.machines[each.arch].get("cpu", "")),
    key=lambda each: each.name,
)
SLICED = (
    "x86/rep_interrupted", "x86/real_mode_ivt", "x86/ipi_ping_pong", "x86/syscall_sysenter", "x86/vm86",
    "arm64/el0_user", "arm64/sgi_ping_pong", "arm64/data_abort",
    "arm/it_block_irq", "arm/sgi_ping_pong", "arm/usr_mode",
)  # fmt: skip
LONG = ("x86/isr_bench", "arm64/isr_bench", "arm/isr_bench")
SEED = 7


@pytest.mark.parametrize("name", GUESTS)
def test_a_guest_has_one_run_in_both_gears(name: str) -> None:
    assert run(name, FAST, [MOST]) == run(name, PRECISE, [MOST])


@pytest.mark.parametrize("asked", CASES, ids=lambda each: each.name)
def test_a_case_has_one_run_in_both_gears(asked: Asked) -> None:
    assert play(asked, FAST, MOST_OF_A_CASE) == play(asked, PRECISE, MOST_OF_A_CASE)


@pytest.mark.parametrize("name", SLICED)
def test_stops_anywhere_change_nothing(name: str) -> None:
    chance = random.Random(name)
    slices = [chance.choice((1, 2, 3, 7, 50, 400)) for _ in range(300)]
    assert run(name, FAST, slices) == run(name, PRECISE, [sum(slices)])


@pytest.mark.parametrize("name", (*SLICED, *LONG))
def test_a_way_there_and_back_leaves_no_trace(name: str) -> None:
    machine = boot(name, gear=FAST, console=None)
    for insns in (700, 33, 1_000):
        machine.run(insns=insns)
        before = machine.snapshot()
        machine.run(insns=777)
        machine.restore(before)
    machine.run(insns=2_000)
    whole = boot(name, gear=PRECISE, console=None)
    whole.run(insns=3_733)
    assert seen(machine) == seen(whole)


@pytest.mark.parametrize("number", range(0, 2 * len(fuzz_long.KINDS), 2))
def test_a_long_program_has_one_run_in_both_gears(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fuzz_long, "INSTRUCTIONS", 30_000)
    fuzz_long.run(SEED, number)


@pytest.mark.slow
@pytest.mark.parametrize("number", range(2 * len(KINDS)))
def test_a_random_program_has_one_run_in_both_gears(number: int) -> None:
    fuzz_gears.run(SEED, number)
