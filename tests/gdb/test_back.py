"""Backwards: the same states in the other order, by whatever way; the source says what was met before."""

from itertools import pairwise

import pytest

from vmm.debug.past import MOST, NEAR, SPACING
from vmm.inputs.position import Position
from vmm.toolchain import assemble

GUESTS = [
    ("x86/pit_ticks", "sleep", 1), ("x86/rep_interrupted", "_start", 1), ("x86/priority_nesting", "_start", 1),
    ("x86/ipi_ping_pong", "_start", 1), ("arm64/timer_ticks", "wait", 1), ("arm64/sgi_ping_pong", "_start", 2),
    ("arm/it_block_irq", "handler", 1), ("arm/fiq_over_irq", "_start", 1),
]  # fmt: skip
STEPS = 60


def stop_at(client, run, symbol):
    where = run.machine.address(symbol)
    client.ask(f"Z0,{where:x},1")
    stop = client.ask("c")
    client.ask(f"z0,{where:x},1")
    return stop


@pytest.mark.parametrize(("image", "start", "thread"), GUESTS)
def test_steps_back_come_by_what_the_steps_came_by(served, image, start, thread):
    client, run = served(image)
    if start != "_start":
        stop_at(client, run, start)
    client.ask(f"Hg{thread}")
    client.ask(f"Hc{thread}")
    client.ask(f"vCont;s:{thread}")
    states = [client.ask("g")]
    for _ in range(STEPS):
        assert client.ask(f"vCont;s:{thread}").startswith(b"T05thread:%d;" % thread)
        states.append(client.ask("g"))
    hashed = run.machine.trace.hash
    for state in reversed(states[:-1]):
        assert b"replaylog" not in client.ask("bs")
        assert client.ask("g") == state
    for state in states[1:]:
        client.ask(f"vCont;s:{thread}")
        assert client.ask("g") == state
    assert run.machine.trace.hash == hashed


THUMB = """
#include "arm/guest.h"
    GUEST
    ldr     r4, =written
    adr     r0, thumb + 1
    blx     r0
    POWER_OFF
    .thumb
thumb:
    movs    r1, #7
    ite     eq
    streq   r1, [r4]
    strne   r1, [r4]
    bx      lr
    .arm
    .ltorg
    VAR     written
"""
"""Of which one instruction is skipped, and does not count: what is before it and behind it has one position."""


@pytest.fixture
def thumb(tmp_path):
    (tmp_path / "thumb.S").write_text(THUMB)
    return assemble(tmp_path / "thumb.S", arch="arm", out=tmp_path / "thumb.elf")


def test_what_an_it_block_skips_is_stepped_over_back_as_on(served, thumb):
    client, run = served(thumb)
    stop_at(client, run, "thumb")
    on = [run.machine.cpu.pc - run.machine.address("thumb") & ~1]
    for _ in range(4):
        client.ask("s")
        on.append(run.machine.cpu.pc - run.machine.address("thumb") & ~1)
    back = [on[-1]]
    for _ in range(4):
        client.ask("bs")
        back.append(run.machine.cpu.pc - run.machine.address("thumb") & ~1)
    assert on == back[::-1] == [0, 2, 4, 6, 8]


def test_a_watchpoint_on_arm_is_told_before_its_access_which_gdb_steps_over(served, thumb):
    """Its `have_nonsteppable_watchpoint`: it takes the access for one to come, in the way that it goes."""
    client, run = served(thumb)
    stop_at(client, run, "thumb")
    written, store = run.machine.address("written"), run.machine.address("thumb") + 6
    watch = f"2,{written:x},4"
    assert client.ask(f"Z{watch}") == b"OK"
    assert client.ask("c").endswith(b"watch:%x;" % written)
    assert (run.machine.cpu.pc & ~1, run.machine.u32("written")) == (store & ~1, 0)
    client.ask(f"z{watch}")
    client.ask("s")
    assert run.machine.u32("written") == 7
    client.ask(f"Z{watch}")
    client.ask("s")
    assert client.ask("bc").endswith(b"watch:%x;" % written)
    assert run.machine.u32("written") == 7
    client.ask(f"z{watch}")
    client.ask("bs")
    assert (run.machine.cpu.pc & ~1, run.machine.u32("written")) == (store & ~1, 0)


def test_a_step_back_from_a_handler_is_the_instruction_that_it_came_before(served):
    """real_mode_ivt.S: STI shadows NOP, and the interrupt comes behind it."""
    client, run = served("x86/real_mode_ivt")
    stop_at(client, run, "hardware")
    client.ask("bs")
    assert client.pc() == run.machine.address("after_nop")
    assert run.machine.cpu["eflags"] >> 9 & 1
    client.ask("s")
    assert client.pc() == run.machine.address("hardware")


def test_it_goes_back_to_the_breakpoint_that_was_met_last(served):
    client, run = served("x86/pit_ticks")
    tick = run.machine.address("tick")
    client.ask(f"Z0,{tick:x},1")
    for _ in range(5):
        client.ask("c")
    assert run.machine.u32("ticks") == 4
    for ticks in (3, 2, 1, 0):
        assert client.ask("bc").endswith(b"swbreak:;")
        assert (client.pc(), run.machine.u32("ticks")) == (tick, ticks)
    assert client.ask("bc").endswith(b"replaylog:begin;")
    assert run.machine.instructions == 0
    assert client.ask("bs").endswith(b"replaylog:begin;")
    client.ask("c")
    assert (client.pc(), run.machine.u32("ticks")) == (tick, 0)


def test_it_goes_back_to_before_the_write_that_a_watchpoint_is_about(served):
    """pit_ticks.S: only `incl ticks`, the handler's first instruction, writes there; to gdb it is "not yet written"."""
    client, run = served("x86/pit_ticks")
    stop_at(client, run, "awake")
    ticks, tick = map(run.machine.address, ("ticks", "tick"))
    client.ask(f"Z2,{ticks:x},4")
    client.ask("c")
    assert run.machine.u32("ticks") == 2
    assert client.ask("bc").endswith(b"watch:%x;" % ticks)
    assert (client.pc(), run.machine.u32("ticks")) == (tick, 1)
    client.ask("bc")
    assert (client.pc(), run.machine.u32("ticks")) == (tick, 0)


def test_from_its_end_a_run_is_gone_back_in_and_ends_again(served):
    client, run = served("arm64/timer_ticks")
    tick = run.machine.address("tick")
    client.ask("c")
    end, hashed = run.machine.position, run.machine.trace.hash
    client.ask(f"Z1,{tick:x},4")
    assert client.ask("bc").endswith(b"hwbreak:;")
    assert client.pc() == tick
    client.ask(f"z1,{tick:x},4")
    assert client.ask("c").endswith(b"replaylog:end;")
    assert (run.machine.position, run.machine.trace.hash) == (end, hashed)
    assert client.ask("c") == b"W00"
    written = run.written
    assert written.count(b"PASS") == len(written.splitlines())


def test_what_was_decided_comes_again_and_what_is_decided_in_the_past_changes_the_future(served):
    client, run = served("x86/pit_ticks")
    ticks = run.machine.address("ticks")
    stop_at(client, run, "tick")
    client.ask(f"M{ticks:x},4:0a000000")
    stop_at(client, run, "awake")
    assert run.machine.u32("ticks") == 11
    stop_at(client, run, "awake")
    for _ in range(3):
        client.ask("bs")
    stop_at(client, run, "awake")
    assert run.machine.u32("ticks") == 12
    client.ask("bc")
    assert run.machine.instructions == 0
    stop_at(client, run, "awake")
    assert run.machine.u32("ticks") == 11
    client.ask("bc")
    client.ask(f"M{ticks:x},4:14000000")
    stop_at(client, run, "awake")
    assert run.machine.u32("ticks") == 21


LOOP = """
    .globl _start
_start:
    xor     %ecx, %ecx
again:
    inc     %ecx
    mov     %ecx, 0x200000
    jmp     again
"""


@pytest.fixture(scope="module")
def loop(tmp_path_factory):
    """Assembled."""
    source = tmp_path_factory.mktemp("loop") / "loop.S"
    source.write_text(LOOP)
    return assemble(source, out=source.with_suffix(".elf"))


@pytest.fixture
def long(served, loop):
    """Run for a while, and stopped by its limit."""

    def run(insns):
        client, run = served(loop)
        run.machine.limit(insns=insns)
        assert client.ask("c").startswith(b"T18")
        assert run.machine.instructions == insns
        return client, run

    return run


def test_snapshots_lie_the_nearer_the_nearer_they_are_and_are_no_more_than_they_may_be(long):
    client, run = long(SPACING + 8 * NEAR)
    past = run.server.target.past
    assert [at.insns for at in past.moments] == [0, SPACING]
    client.ask("bs")
    end = run.machine.instructions
    assert end == SPACING + 8 * NEAR - 1
    distances = [end - at.insns for at in past.moments]
    assert distances == sorted(distances, reverse=True)
    assert distances[-1] <= NEAR < distances[0]
    assert all(far <= 2 * near + NEAR for far, near in pairwise(distances[1:]))


def test_there_are_no_more_snapshots_than_there_may_be_and_the_first_stays(long):
    client, run = long(10 * MOST)
    past, at = run.server.target.past, run.machine.position
    client.ask("bc")
    for n in range(1, 3 * MOST):
        past.go(Position(n, 10 * n, at.hashed - 1, 0), lambda: False)
        past.keep()
    kept = [moment.insns for moment in past.moments]
    assert len(kept) <= MOST
    assert (kept[0], kept[-1]) == (0, 3 * MOST - 1)
    gaps = [after - before for before, after in pairwise(kept)]
    assert gaps[-1] <= 2 < max(gaps)


@pytest.mark.parametrize("refused", ["inject 999", "nmi 7"])
def test_what_the_machine_refuses_changes_nothing_that_is_to_come(served, refused):
    """An NMI at instruction 2040, gone back to before it."""
    client, run = served("x86/pit_ticks")
    for _ in range(2040):
        client.ask("vCont;s:1")
    client.monitor("nmi")
    for _ in range(10):
        client.ask("vCont;s:1")
    there, hashed = run.machine.position, run.machine.trace.hash
    for _ in range(20):
        client.ask("bs")
    client.monitor(refused)
    for _ in range(20):
        client.ask("vCont;s:1")
    assert (run.machine.position, run.machine.trace.hash) == (there, hashed)
