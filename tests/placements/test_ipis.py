"""Interrupts by message to a local APIC: it has them in service, and wants an end (SDM vol. 3A 11.8.5)."""

from __future__ import annotations

from pathlib import Path

import pytest

import vmm
from placements.exploring import ADDS_ONE
from vmm.errors import VmmError
from vmm.placements.sources import source

GUEST = ADDS_ONE.format(set_up="LAPIC_ENABLE\nIDT_GATE 0x40, handler", end="LAPIC_EOI_NOW")
OPTIONS = {"board": "pc,pit=off", "between": ("begin", "end"), "until": "over"}


@pytest.fixture
def image(tmp_path: Path) -> Path:
    path = tmp_path / "guest.S"
    path.write_text(GUEST)
    return path


def test_it_is_lost_where_it_comes_between_load_and_store(image: Path) -> None:
    """Before the increment and before the store, of four boundaries; with two in one run each is ended, and comes."""
    report = vmm.explore(image, inject="ipi:0x40", check="n == 2", **OPTIONS)  # type: ignore[arg-type]
    assert (report.verdict, report.placements, report.failing) == ("counterexample", 4, 2)
    twice = vmm.explore(image, inject="ipi:0x40", check="n >= 1", depth=2, **OPTIONS)  # type: ignore[arg-type]
    assert twice.verdict == "proven"


def test_the_local_apic_delivers_it(image: Path) -> None:
    m = vmm.boot(image, console=None, board="pc,pit=off")
    m.run(until="begin")
    with m.trace.record():
        source("ipi:0x40").happen(m)
        m.run(until="handler")
        delivered = next(iter(m.trace.of(kind="delivered")))
        assert (delivered.number, delivered.source, delivered.pc) == (0x40, "local APIC", m.address("begin"))
        assert (0x40 in m.lapic[0].isr, 0x40 in m.lapic[0].irr) == (True, False)
        m.run(until="over")
    assert (0x40 in m.lapic[0].isr, m.u32("n")) == (False, 2)


@pytest.mark.parametrize(("text", "word"), [("ipi:0x140", "interrupt vector"), ("ipi:0x40,cpu=3", "vCPU")])
def test_what_is_none_is_refused(text: str, word: str, image: Path) -> None:
    with pytest.raises(VmmError, match=word):
        vmm.explore(image, inject=text, **OPTIONS)  # type: ignore[arg-type]
