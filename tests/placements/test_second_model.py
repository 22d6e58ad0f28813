"""Random programs with random handlers: what memory holds at the end of each placement, by a model that interprets the
program itself (placements/programs.py), and by exploration.
"""

from __future__ import annotations

import pytest

from placements.exploring import ARCHITECTURES, assembled, explored
from placements.programs import broken, checks, frame_of, outcome, program, source

SEEDS = 4


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("reduction", [True, False], ids=["reduced", "whole"])
def test_each_placement_ends_as_the_model_says(architecture, reduction):
    programs = [program(seed) for seed in range(SEEDS)]
    image = assembled(architecture, source(architecture, programs))
    shadow = architecture == "x86"
    for number, each in enumerate(programs):
        undisturbed, boundaries = outcome(each, None, 0, shadow)
        _, rows = explored(image, **frame_of(architecture, number), check=checks(undisturbed), reduction=reduction)
        expected = [
            broken(undisturbed, outcome(each, at, which, shadow)[0]) for at in range(boundaries) for which in range(2)
        ]
        assert [row.cause for row in rows[: 2 * boundaries]] == expected
        assert len(rows) == 2 * (boundaries + 1)
