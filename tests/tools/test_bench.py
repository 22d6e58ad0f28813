"""The benchmark measures what there is: a section whose seams have moved would be found only where all of it runs."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))

import bench_explore


def test_placements_are_counted_by_what_was_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench_explore, "WINDOWS", 1)
    monkeypatch.setattr(bench_explore, "LOOPED", 5)
    monkeypatch.setattr(bench_explore, "LONG", 200)
    monkeypatch.setattr(bench_explore, "PAIRS", 1)
    monkeypatch.setattr(bench_explore, "WINDOW", 40)
    monkeypatch.setattr(bench_explore, "median", lambda measure: measure())
    whole, shared, looped, one_interrupt, two_interrupts, two, *printing = bench_explore.explorations(
        argparse.Namespace()
    )
    assert whole.value.endswith("/s") and shared.against.startswith("each run to its end")
    assert looped.against.startswith("a loop in Python")
    assert [row.what.rpartition(" by ")[2] for row in printing] == ["COM1"] * 2 + ["a PL011"] * 2
    assert [row.against for row in (one_interrupt, two_interrupts)] == ["asked for, 1 s", "asked for, 10 s"]
    assert two.against.startswith("by one")
