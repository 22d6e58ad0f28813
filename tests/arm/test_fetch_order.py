"""Rule 25, A64: which exception a fetch gives that cannot succeed (DDI0487 D1.12, synchronous exceptions' priorities).

A PC that is not a multiple of 4 comes before the Instruction Abort of its fetch, that before PSTATE.IL; and it is the
same exception however the run is cut: in one piece, by instructions, or stopped right where the fetch is to be made.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from arm.arm_bench import (
    CODE,
    DAIF,
    DATA,
    EL0,
    EL1H,
    ELXH_GROUP,
    FETCH,
    FETCH_LOWER,
    IL,
    ILLEGAL,
    LOWER_A64,
    PAGE_EL0,
    PAGE_EL1,
    PAGE_UXN,
    PC_ALIGNMENT,
    Arm64Bench,
    syndrome,
)  # fmt: skip
from arm.opcodes import a64

TRANSLATION_3, EXTERNAL = 0b000111, 0b010000
"""Fault status codes."""
Run = Callable[[Arm64Bench, int], None]
NOBODY = 0x7000_0000
"""An address of the second gigabyte that nothing decodes."""
ABSENT, FORBIDDEN, PRESENT = DATA, DATA + 0x1000, DATA + 0x2000


def at_eret(pc: int, state: int, *, paging: bool) -> Arm64Bench:
    """About to return from EL1 to `pc` with SPSR `state`."""
    bench = Arm64Bench(a64("eret"), EL1H | DAIF, elr_el1=pc, spsr_el1=state)
    if paging:
        bench.paging()
        bench.page(CODE, PAGE_EL1)
        bench.page(ABSENT, 0)
        bench.page(FORBIDDEN, PAGE_UXN)
        bench.page(PRESENT, PAGE_EL0 if state & 0xF == EL0 else PAGE_EL1)
    return bench


def whole(bench: Arm64Bench, pc: int) -> None:
    bench.step(2)


def by_steps(bench: Arm64Bench, pc: int) -> None:
    bench.step()
    bench.step()


def stopped_there(bench: Arm64Bench, pc: int) -> None:
    assert bench.machine.run(until=pc, insns=2).reason == "breakpoint"
    assert (bench.cpu.pc, bench.numbers) == (pc, [])
    bench.step()


def watched(bench: Arm64Bench, pc: int) -> None:
    """A snapshot there and back."""
    bench.step()
    snapshot = bench.machine.snapshot()
    bench.step()
    bench.machine.restore(snapshot)
    bench.step()


CASES = [
    (ABSENT, 0, None, TRANSLATION_3),
    (ABSENT + 2, 0, PC_ALIGNMENT, 0),
    (ABSENT + 1, IL, PC_ALIGNMENT, 0),
    (ABSENT, IL, None, TRANSLATION_3),
    (ABSENT + 0xFFE, 0, PC_ALIGNMENT, 0),
    (PRESENT + 0xFFE, 0, PC_ALIGNMENT, 0),
    (PRESENT + 3, IL, PC_ALIGNMENT, 0),
    (PRESENT, IL, ILLEGAL, 0),
]


@pytest.mark.parametrize("run", [whole, by_steps, stopped_there, watched])
@pytest.mark.parametrize("source", [EL0, EL1H])
@pytest.mark.parametrize(("pc", "il", "number", "iss"), CASES)
def test_alignment_comes_before_the_abort_and_the_abort_before_the_illegal_state(
    run: Run, source: int, pc: int, il: int, number: int | None, iss: int
) -> None:
    """D1.12: priorities 2, 3 and 5. An SPSR with IL set makes PSTATE.IL 1 (D1.11.4)."""
    bench = at_eret(pc, source | DAIF | il, paging=True)
    run(bench, pc)
    number = number if number is not None else FETCH_LOWER if source == EL0 else FETCH
    assert bench.numbers[-1:] == [number] and len(set(bench.numbers)) == 1
    bench.assert_taken(
        number, LOWER_A64 if source == EL0 else ELXH_GROUP, after=2, elr=pc, spsr=source | DAIF | il,
        esr=syndrome(number, iss), far=None if number == ILLEGAL else pc,
    )  # fmt: skip


@pytest.mark.parametrize("run", [whole, by_steps, stopped_there])
def test_el0_may_not_fetch_but_an_unaligned_pc_is_told_first(run: Run) -> None:
    """A permission fault is an Instruction Abort, too."""
    bench = at_eret(FORBIDDEN + 2, EL0 | DAIF, paging=True)
    run(bench, FORBIDDEN + 2)
    bench.assert_taken(
        PC_ALIGNMENT, LOWER_A64, after=2, elr=FORBIDDEN + 2, spsr=EL0 | DAIF, esr=syndrome(PC_ALIGNMENT),
        far=FORBIDDEN + 2,
    )  # fmt: skip


@pytest.mark.parametrize("run", [whole, by_steps, stopped_there])
@pytest.mark.parametrize(
    ("pc", "il", "number", "iss"),
    [(NOBODY, 0, FETCH, EXTERNAL), (NOBODY, IL, FETCH, EXTERNAL), (NOBODY + 2, 0, PC_ALIGNMENT, 0),
     (NOBODY + 2, IL, PC_ALIGNMENT, 0)],
)  # fmt: skip
def test_it_is_so_where_nothing_answers_on_the_bus(run: Run, pc: int, il: int, number: int, iss: int) -> None:
    """D4.5: the external abort of a fetch; a guest's error is told once, and for an abort only."""
    bench = at_eret(pc, EL1H | DAIF | il, paging=False)
    run(bench, pc)
    bench.assert_taken(number, ELXH_GROUP, after=2, elr=pc, spsr=EL1H | DAIF | il, esr=syndrome(number, iss), far=pc)
    errors = [event for event in bench.machine.trace.last(64) if event.kind == "guest error"]
    assert len(errors) == (number == FETCH)
