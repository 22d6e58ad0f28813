"""What single steps read and write of RAM, as it was before and as it is behind them."""

from __future__ import annotations

import pytest

import vmm
from vmm.errors import VmmError
from vmm.machine.machine import accesses_of
from vmm.scenario.triggers import NextBoundary

SOURCE = """
#include "x86/guest.h"
    GUEST_PROTECTED32
    movl    $0x11223344, n
begin:
    incw    n+2
    movb    n, %al
    nop
    push    %eax
    POWER_OFF
    VAR     n
"""


@pytest.fixture
def machine(tmp_path):
    path = tmp_path / "guest.S"
    path.write_text(SOURCE)
    made = vmm.boot(path, memory=1 << 21, console=None)
    made.run(until="begin")
    return made


def test_steps(machine):
    """INC of two bytes reads 1122h and writes 1123h; MOV reads 44h; PUSH writes below ESP."""
    n, stack = machine.address("n"), machine.cpu["esp"] - 4
    steps = []
    with accesses_of(machine) as accesses:
        assert accesses.physical(machine.cpu, n) == n
        for _ in range(4):
            accesses.clear()
            machine.run(until=NextBoundary())
            steps.append([(each.physical, each.value, each.writes) for each in accesses.take()])
    assert steps[0] == [(n + 2, b"\x22\x11", False), (n + 2, b"\x23\x11", True)]
    assert steps[1:3] == [[(n, b"\x44", False)], []]
    assert [each[::2] for each in steps[3]] == [(stack, True)]


def test_who_looks_changes_nothing(machine):
    begin = machine.snapshot()
    machine.run()
    seen = machine.trace.hash, machine.instructions, str(machine.stop)
    machine.restore(begin)
    with accesses_of(machine):
        machine.run()
    assert (machine.trace.hash, machine.instructions, str(machine.stop)) == seen


def test_one_at_a_time(machine):
    with accesses_of(machine), pytest.raises(VmmError, match="nobody else"), accesses_of(machine):
        pass
    with accesses_of(machine):
        pass
