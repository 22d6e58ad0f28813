"""Pictures of runs: what is drawn is held against the guest, and the pictures of the book are those of today."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
from casebook.play import case, played
from casebook.test_poll_vs_irq import break_even
from findings.guests import x86
from matplotlib.figure import Figure

from vmm.cli import main
from vmm.cli.scripted import load
from vmm.machine.machine import boot
from vmm.plots.curves import Curve, Panel, crossing
from vmm.plots.drawn import drawn
from vmm.plots.run import Run
from vmm.plots.table import PLOTS, plot
from vmm.sources import bundled

BODY = """
    IDT_GATE 0x25, outer
    IDT_GATE 0x23, inner
    PIC_UNMASK 5
    PIC_UNMASK 3
begin:
    .rept 7
    nop
    .endr
    sti
    nop
    POWER_OFF
"""
REST = """
outer:
    sti
again:
    nop
    nop
    cli
    iret
inner:
    iret
    .section .bss
stack_guard: .skip 4
"""
"""IRQ 3 interrupts the handler of IRQ 5."""
WAITS = 7 + 1 + 1
"""Instructions from `begin` to the delivery: NOPs, STI and the one in its shadow."""
SVG_TEXT = re.compile(r"<text [^>]*>([^<]*)</text>")
SHAPE = re.compile(r"<(path|use)\b")
BOOK = ("reentrant_isr", "stack_overflow", "jitter", "nic_coalescing", "poll_vs_irq")


@pytest.fixture
def run(tmp_path: Path) -> Run:
    m = x86(tmp_path, BODY, REST)
    m.trace.record()
    m.run(until="begin")
    m.irq(5).until_served()
    m.run(until="again")
    m.irq(3).until_served()
    m.run()
    return Run(m, "a run")


def axes_of(kind: str, run: Run):
    axes = Figure().subplots()
    run.colors = dict.fromkeys(run.names, "C0")
    plot(kind).draw(axes, run)
    return axes


def test_a_handler_within_another_is_drawn_above_it(run: Run) -> None:
    outer, inner = sorted(run.executions(), key=lambda each: each.begin)
    assert [(each.name, each.depth) for each in (outer, inner)] == [("IRQ 5", 1), ("IRQ 3", 2)]
    assert outer.begin < inner.begin < inner.end < outer.end
    assert inner.end - inner.begin == pytest.approx(run.insn_us), "IRET alone"
    bars = [
        box for group in axes_of("nesting", run).collections for box in (p.get_extents() for p in group.get_paths())
    ]
    drawn_bars = sorted((bar.x0, bar.x1, (bar.y0 + bar.y1) / 2) for bar in bars)
    assert drawn_bars == [
        pytest.approx((outer.begin, outer.end, 1)), pytest.approx((inner.begin, inner.end, 2))
    ]  # fmt: skip


def test_each_interrupt_is_drawn_as_late_as_it_was(run: Run) -> None:
    lines = {line.get_label(): line.get_ydata() for line in axes_of("jitter", run).lines}
    (label,) = (label for label in lines if label.startswith("IRQ 5"))
    assert list(lines[label]) == [pytest.approx(WAITS * run.insn_us)]
    bars = axes_of("latency", run).patches
    assert sum(bar.get_height() for bar in bars) == 2


def test_the_stack_is_drawn_frame_by_frame(run: Run) -> None:
    """12 bytes each: EIP, CS, EFLAGS (SDM 3A 6.12.1); a return gives them back."""
    depth = [int(each) for each in axes_of("stack", run).lines[0].get_ydata()]
    assert depth == [12, 24, 12, 0]


@pytest.mark.parametrize("variant", ["broken", "fixed"])
def test_each_packet_is_drawn_as_long_as_it_waited(variant: str) -> None:
    """As the diagnosis of late work measures it."""
    m, looked = played(case("nic_coalescing/x86", variant))
    axes = axes_of("work", Run(m, variant))
    (line,) = axes.lines
    (figure,) = looked.figures["late_service"]
    count, latest = re.search(r"(\d+) works, the latest done after ([\d.]+) us", figure).groups()
    assert len(line.get_ydata()) == int(count)
    assert f"{max(line.get_ydata()):.2f}" == latest


def panels(name: str) -> list[Panel]:
    of = case(name, "broken")
    return load(of.case.scenario).curves(lambda: boot(of.image, console=None, gear="fast"))


def test_what_coalescing_costs_and_how_late_it_is_are_as_the_case_derives_them() -> None:
    """(8 + 5 k) / 10 k of the time, at most all of it; from 2 on 10 (k - 1) + 13 us, of which 80 are allowed: k = 7."""
    costs, late = panels("nic_coalescing")
    ((_, counts, loads),) = costs.curves
    assert loads == pytest.approx([min(100, 10 * (8 + 5 * k) / k) for k in counts], rel=0.05)
    ((_, counts, latest),) = late.curves
    assert latest[1:] == pytest.approx([10 * (k - 1) + 13 for k in counts[1:]], abs=0.1)
    assert [(mark.value, mark.label) for mark in late.marks] == [(80, "allowed: at most 7 packets")]


def test_interrupts_and_questions_cost_the_same_where_the_case_derives_it() -> None:
    (panel,) = panels("poll_vs_irq")
    (even,) = panel.marks
    assert 1000 / even.value == pytest.approx(break_even("x86") * 10 / 1000, rel=0.05)
    interrupts, asks, both = (curve.up for curve in panel.curves)
    assert interrupts[0] > asks[0] and asks[-1] > interrupts[-1] == pytest.approx(0, abs=2)
    assert both[0] == pytest.approx(interrupts[0], rel=0.05)


def test_curves_meet_between_the_points_that_they_lie_between() -> None:
    """Apart by -2, -1, 3: a quarter of the way from 4 to 8."""
    one, other = Curve("a", (2, 4, 8), (1, 2, 6)), Curve("b", (2, 4, 8), (3, 3, 3))
    assert crossing(one, other) == crossing(other, one) == 5
    with pytest.raises(ValueError, match="a and c do not meet"):
        crossing(one, Curve("c", (2, 4, 8), (0, 1, 5)))


@pytest.mark.parametrize("kind", PLOTS)
def test_the_same_run_gives_the_same_picture_and_no_interrupts_give_one_too(kind: str, run: Run, tmp_path) -> None:
    first, again = (drawn(plot(kind), [run], ".svg") for _ in range(2))
    assert first == again
    m = x86(tmp_path, "POWER_OFF")
    m.trace.record()
    m.run()
    assert drawn(plot(kind), [Run(m, "")], ".png").startswith(b"\x89PNG")


def test_a_run_is_drawn_and_so_is_its_replay(tmp_path: Path) -> None:
    picture, again, tape = (str(tmp_path / name) for name in ("a.svg", "b.svg", "run.vmmrec"))
    assert main(["run", "x86/priority_nesting", "--quiet", "--plot", f"nesting:{picture}", "--record", tape]) == 0
    assert main(["replay", tape, "--quiet", "--plot", f"nesting:{again}"]) == 0
    assert Path(picture).read_bytes() == Path(again).read_bytes()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["run", "x86/hello", "--plot", "nestin:a.svg"], "did you mean 'nesting'?"),
        (["run", "x86/hello", "--plot", "a.svg"], "it is KIND:FILE, and kinds are latency, jitter"),
        (["run", "x86/hello", "--plot", "nesting:a.pdf"], "a picture is .svg or .png"),
        (["case", "lost_update", "--plot", "a.svg"], "no picture shows what goes wrong in cases/lost_update"),
    ],
)
def test_what_cannot_be_drawn_is_told_in_a_line(words, said, capfd, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(words) == 2
    told = capfd.readouterr()
    assert said in told.err
    assert told.err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_without_matplotlib_it_is_said_what_has_it(capfd, monkeypatch, tmp_path) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert main(["run", "x86/hello", "--plot", f"nesting:{tmp_path / 'a.svg'}"]) == 2
    assert "matplotlib is not installed; the extra plot has it" in capfd.readouterr().err


@pytest.mark.parametrize("name", BOOK)
def test_a_picture_of_the_book_is_what_its_command_draws(name: str, tmp_path: Path) -> None:
    """By its words and how many shapes it has: lines are a little elsewhere with each version of matplotlib."""
    path = tmp_path / "now.svg"
    assert main(["case", name, "--plot", str(path)]) == 0
    kept, now = ((bundled() / "pictures" / f"{name}.svg").read_text(), path.read_text())
    assert SVG_TEXT.findall(now) == SVG_TEXT.findall(kept)
    assert len(SHAPE.findall(now)) == len(SHAPE.findall(kept))
