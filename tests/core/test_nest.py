"""Handlers under way: which return ends which, also after some that never return because they unwound the stack.

An event's depth is the number of handlers under way, the one that it begins or ends included.
"""

from __future__ import annotations

import pytest
from x86.x86_bench import CODE, INT, IRET, STACK, X86Bench, handler, le

FIRST, SECOND, THIRD = 0x40, 0x41, 0x42
DEEPER = STACK - 0x100
"""ESP of the code that FIRST interrupts: some calls below STACK, or in another stack than FAR."""
FAR = STACK + 0x100000
BEHIND = CODE + 2
"""The instruction after INT FIRST."""


def unwind(vector: int, stack: int = STACK) -> bytes:
    """The handler of `vector` as longjmp: mov esp, stack; jmp BEHIND."""
    return b"\xbc" + le(stack, 4) + b"\xe9" + le(BEHIND - handler(vector) - 10, 4)


def history(first: bytes, behind: bytes = b"", second: bytes = IRET, ring: int = 0) -> list[tuple[str, int, int]]:
    """(kind, vector, depth) of deliveries and returns: INT FIRST, with `behind` after it, and handlers."""
    bench = X86Bench("protected32", INT(FIRST) + behind, ring=ring, rsp=DEEPER)
    bench.gate(FIRST, dpl=3)
    for vector, code in ((FIRST, first), (SECOND, second), (THIRD, IRET)):
        bench.handler(vector, code)
    bench.step(12)
    events = bench.machine.trace.last(4096)
    return [(event.kind, event.number, event.depth) for event in events if event.kind in ("delivered", "returned")]


@pytest.mark.parametrize("ring", [0, 3])
def test_the_last_handler_returns_first(ring: int) -> None:
    """From ring 3 too, where the handler's stack lies above the interrupted one, which nobody unwound."""
    assert history(INT(SECOND) + IRET, ring=ring) == [
        ("delivered", FIRST, 1),
        ("delivered", SECOND, 2),
        ("returned", SECOND, 2),
        ("returned", FIRST, 1),
    ]


def test_a_handler_that_unwound_the_stack_is_forgotten_by_the_next_one() -> None:
    assert history(unwind(FIRST), INT(SECOND)) == [
        ("delivered", FIRST, 1),
        ("delivered", SECOND, 1),
        ("returned", SECOND, 1),
    ]


def test_it_does_not_return_when_some_other_frame_is_resumed() -> None:
    """An IRET of a frame that the code made itself, as schedulers do."""
    resume = bytes.fromhex("6a02 6a08 68") + le(BEHIND + 12, 4) + IRET  # push 2; push 8; push behind it; iret
    assert history(unwind(FIRST), INT(SECOND) + resume)[-1] == ("returned", SECOND, 1)


def test_so_are_all_that_were_under_way() -> None:
    assert history(INT(SECOND), INT(THIRD), second=unwind(SECOND)) == [
        ("delivered", FIRST, 1),
        ("delivered", SECOND, 2),
        ("delivered", THIRD, 1),
        ("returned", THIRD, 1),
    ]


def test_a_stack_a_mebibyte_away_is_another_one() -> None:
    assert history(unwind(FIRST, FAR), INT(SECOND)) == [
        ("delivered", FIRST, 1),
        ("delivered", SECOND, 2),
        ("returned", SECOND, 2),
    ]
