"""A line that stays high while its drivers come and go (wired OR): told, and part of no hash."""

import vmm


def driven(*, recorded: bool) -> vmm.Machine:
    m = vmm.boot("x86/hello", console=None)
    one, other = m.bus.line(5), m.bus.line(5)
    if recorded:
        m.trace.record()
    for line, level in ((one, True), (other, True), (other, True), (one, False), (other, False)):
        line.set(level)
    return m


def test_who_holds_a_line_is_told_while_somebody_records() -> None:
    m = driven(recorded=True)
    held = list(m.trace.of(kind="held"))
    assert [(event.number, event.value.bit_count()) for event in held] == [(5, 2), (5, 1)]
    assert "line 5 stays high, held by 2 drivers" in m.trace.describe(held[0])


def test_nobody_feels_that_it_is_told() -> None:
    plain = driven(recorded=False)
    assert driven(recorded=True).trace.hash == plain.trace.hash
    assert not [event for event in plain.trace.last() if event.kind == "held"]
