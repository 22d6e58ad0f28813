"""A run that is stopped at any event ends as it does without: also where the instruction of that event ends it."""

import pytest

import vmm

LAST = 8
"""Events before the end."""
GUESTS = ("arm/it_block_irq", "arm64/timer_ticks", "x86/pit_ticks", "x86/first_isr")
"""Each switches its machine off."""


def end_of(m):
    stop = m.run(insns=10**7)
    return stop.reason, stop.code, m.trace.hash, m.position, m.instructions


def booted(image):
    m = vmm.boot(image, console=None)
    m.trace.record()
    return m


@pytest.mark.parametrize("image", GUESTS)
def test_a_stop_at_an_event_of_the_last_instruction_takes_nothing_from_it(image):
    whole = booted(image)
    end = end_of(whole)
    assert end[0] == "poweroff"
    events = whole.position.hashed
    first = booted(image).position.hashed
    for number in range(max(events - LAST, first) + 1, events):
        m = booted(image)
        m.run(until=vmm.EventNumber(number))
        here = m.snapshot()
        for _ in range(2):
            assert end_of(m) == end
            m.restore(here)
