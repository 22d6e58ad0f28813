"""`vmm run cases/NAME` has a verdict where the run came to its end, and none where somebody cut it short."""

from pathlib import Path

import pytest

from vmm.cli import SCRIPT_FAILED, main

LIMIT = 124
WRONG = ["run", "cases/reentrant_isr/x86", "--diagnose", "lost_edge"]
"""Of the broken variant, which nothing is looked for that it has: the guest says itself that its sum is wrong."""


def test_a_guest_that_says_itself_that_it_fails_has_a_verdict(capfd: pytest.CaptureFixture[str]) -> None:
    """Its own status is 3, as isa-debug-exit makes it of a failed check, and so is that of a script that failed."""
    assert main(WRONG) == 1
    told = capfd.readouterr()
    assert "the guest ended the run with status 3" in told.err
    assert "verdict: something is wrong" in told.err


def test_a_script_that_fails_has_none(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    script = tmp_path / "fails.py"
    script.write_text("async def scenario(m):\n    assert False\n")
    assert main([*WRONG, "--scenario", str(script)]) == SCRIPT_FAILED
    assert "verdict: " not in capfd.readouterr().err


@pytest.mark.parametrize("variant", ["broken", "fixed"])
def test_a_limit_of_the_users_has_none(variant: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "cases/missing_eoi/x86", "--variant", variant, "--max-insns", "20"]) == LIMIT
    assert "verdict: " not in capfd.readouterr().err


def test_who_forgets_the_recording_is_asked_for_it(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["diagnose", "missing_eoi"]) == 2
    assert "of which recording?" in capfd.readouterr().err


def test_the_world_outside_is_shown_or_that_there_is_none(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["case", "missing_eoi", "--scenario"]) == 0
    assert "async def scenario(m" in capfd.readouterr().out
    assert main(["case", "lost_update", "--scenario"]) == 2
    assert capfd.readouterr().err == "vmm: --scenario: nobody plays the outside world in cases/lost_update\n"
