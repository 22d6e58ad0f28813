"""Random programs with random handlers: what memory holds at the end of each placement, by a model that interprets the
program itself (placements/programs.py), and by exploration.
"""

from __future__ import annotations

import pytest

from placements.exploring import ARCHITECTURES, assembled, explored
from placements.programs import CELLS, outcome, program, source

SEEDS = 4
BOARDS = {"x86": "pc,pit=off", "arm64": "virt,gic=2", "arm": "virt,gic=2"}
LINES = {"x86": ("irq:4", "irq:5"), "arm64": ("spi:5", "spi:6"), "arm": ("spi:5", "spi:6")}


def checks(undisturbed):
    """Each cell is what it is without an interrupt."""
    return [f"u32 cells+{4 * n} == {value}" for n, value in enumerate(undisturbed)]


def broken(undisturbed, cells):
    """What an exploration says where it ends with these cells."""
    wrong = [check for n, check in enumerate(checks(undisturbed)) if cells[n] != undisturbed[n]]
    return f"{wrong[0]} does not hold" if wrong else ""


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("reduction", [True, False], ids=["reduced", "whole"])
def test_each_placement_ends_as_the_model_says(architecture, reduction):
    programs = [program(seed) for seed in range(SEEDS)]
    image = assembled(architecture, source(architecture, programs))
    shadow = architecture == "x86"
    for number, each in enumerate(programs):
        undisturbed, boundaries = outcome(each, None, 0, shadow)
        _, rows = explored(
            image, inject=LINES[architecture], between=(f"begin_{number}", f"end_{number}"), until=f"over_{number}",
            check=checks(undisturbed), board=BOARDS[architecture], reduction=reduction,
        )  # fmt: skip
        expected = [
            broken(undisturbed, outcome(each, at, which, shadow)[0]) for at in range(boundaries) for which in range(2)
        ]
        assert [row.cause for row in rows[: 2 * boundaries]] == expected
        assert len(rows) == 2 * (boundaries + 1)
        assert len(undisturbed) == CELLS
