"""No look changes a run: gone to and fro in by chance, it ends as it does when nobody looks."""

from contextlib import ExitStack
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import vmm
from vmm.cli import step
from vmm.stepper.panes.pane import View
from vmm.stepper.panes.table import PANES

GUESTS = ["x86/real_mode_ivt", "x86/priority_nesting", "x86/ring3_to_ring0", "x86/ist_stacks", "x86/ipi_ping_pong",
          "arm64/timer_ticks", "arm64/priority_nesting", "arm/it_block_irq"]  # fmt: skip
MOVES = st.one_of(
    st.tuples(st.sampled_from(["forward", "back", "next_delivery", "last_delivery", "finish"])),
    st.tuples(st.just("go_to"), st.integers(0, 20_000)),
    st.tuples(st.just("show"), st.integers(0, 1)),
    st.tuples(st.just("search"), st.sampled_from(["returned", "ended", "line"])),
)


@cache
def plain(image):
    machine = vmm.boot(image, console=lambda data: None)
    machine.run()
    return machine.trace.hash, machine.position, machine.instructions


@pytest.mark.parametrize("image", GUESTS)
@settings(max_examples=3, deadline=None)
@given(moves=st.lists(MOVES, min_size=1, max_size=12))
def test_a_run_that_is_walked_in_ends_as_it_would(image, moves):
    with ExitStack() as files:
        walk, _ = step.opened(step.parser().parse([image]), files)
        for name, *arguments in moves:
            getattr(walk, name)(*arguments)
            before = walk.machine.trace.hash, walk.machine.position, walk.console.text
            for pane in PANES.values():
                pane.draw(View(walk, 60, 20, {}, {}))
            assert (walk.machine.trace.hash, walk.machine.position, walk.console.text) == before
        walk.go_on()
        assert (walk.machine.trace.hash, walk.machine.position, walk.machine.instructions) == plain(image)


def test_what_the_guest_has_written_goes_back_with_it():
    with ExitStack() as files:
        walk, _ = step.opened(step.parser().parse(["x86/hello"]), files)
        walk.go_on()
        whole = walk.console.text
        assert whole == "Hello from protected mode\n"
        walk.go_to(0)
        assert walk.console.text == ""
        walk.go_to(walk.machine.instructions + 2000)
        assert whole.startswith(walk.console.text)
        walk.go_on()
        assert walk.console.text == whole
