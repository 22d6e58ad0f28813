"""Every case is told right in both variants on each architecture, by a tool that does not know which one runs."""

import random
import re
from functools import cache

import pytest
from _pytest.mark.structures import ParameterSet

from vmm.casebook.case import BROKEN, FIXED, Asked, cases, images
from vmm.casebook.difference import difference, variant
from vmm.cli import main
from vmm.cli.scripted import load
from vmm.diagnoses.diagnosis import Verdict
from vmm.diagnoses.table import NAMES
from vmm.machine.machine import boot

IMAGES = sorted(images(), key=lambda each: each.name)
random.Random(14).shuffle(IMAGES)
CASES = cases()


def marked(images: list[Asked]) -> list[ParameterSet]:
    """The quick tests have each case on x86 alone."""
    return [pytest.param(each, marks=[pytest.mark.slow] if each.arch != "x86" else []) for each in images]


@cache
def certain(asked: Asked) -> tuple[Verdict, ...]:
    """What all diagnoses are certain of when its scenario is played."""
    machine = boot(asked.image, console=None)
    script = asked.case.scenario and load(asked.case.scenario)
    with machine.diagnose(*asked.case.looked_for) as diagnoses:
        if script:
            script.start(machine)
        machine.run()
        machine.close()
        return tuple(verdict for verdict in diagnoses.verdicts() if verdict.certain)


@pytest.mark.parametrize("asked", marked(IMAGES), ids=lambda each: each.name)
def test_the_exit_status_tells_broken_from_fixed(asked: Asked, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["run", asked.name]) == (1 if asked.variant == BROKEN else 0), capfd.readouterr().err
    assert "verdict: " in capfd.readouterr().err


@pytest.mark.parametrize("asked", marked(IMAGES), ids=lambda each: each.name)
def test_diagnoses_are_certain_of_what_the_case_says_and_of_nothing_else(asked: Asked) -> None:
    expected = asked.case.diagnoses if asked.variant == BROKEN else ()
    assert {verdict.diagnosis for verdict in certain(asked)} == set(expected)


@pytest.mark.parametrize(
    "asked", marked([each for each in IMAGES if each.variant == BROKEN]), ids=lambda each: each.name
)
def test_a_verdict_names_a_line_of_the_source(asked: Asked) -> None:
    name = asked.case.source(asked.arch).name
    for verdict in certain(asked):
        assert any(f"{name}:" in each.where for each in verdict.evidence), verdict


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_case_is_whole(case) -> None:
    assert case.diagnoses or case.explore
    assert set(case.diagnoses) <= set(NAMES)
    assert case.story.startswith("# ")
    assert len(case.summary) <= 100
    for arch in case.machines:
        assert difference(case, arch), "one source, and a switch"
        assert not re.search(r"\bFIXED\b", "".join(variant(case, arch, FIXED)))
