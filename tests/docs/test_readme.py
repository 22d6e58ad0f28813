"""The README is short, and its tour goes from a bug over its replay to the fix."""

import subprocess

import pytest

from docs import blocks
from docs.blocks import BLOCKS, README, ROOT

OURS = BLOCKS["README.md"]
TEXT = README.read_text()
EXAMPLES = ROOT / "tests" / "examples"
SOURCES = {block.name: block.text for block in OURS if block.name}
TESTS = "pytest -q test_lost_wakeup.py"
TRANSCRIPTS = [blocks.command(block) for block in OURS if block.language == "console"]


@pytest.mark.slow
def test_the_tour_goes_from_a_failing_test_over_its_replay_to_the_fix(tmp_path):
    blocks.put_sources("README.md", tmp_path)
    broken, fixed = (each for each in TRANSCRIPTS if each[0].startswith(TESTS))
    (replay,) = (each for each in TRANSCRIPTS if each[0].startswith("vmm replay"))
    failing = blocks.run(broken[0], tmp_path, columns=80)
    assert blocks.missing(broken[1], failing.stdout) is None
    again = blocks.run(replay[0], tmp_path)
    assert again.returncode == 125
    assert blocks.said(again.stdout + again.stderr) == blocks.said(replay[1])
    subprocess.run(["git", "apply", "-p0", "fix.diff"], cwd=tmp_path, check=True)
    assert blocks.missing(fixed[1], blocks.run(fixed[0], tmp_path, columns=80).stdout) is None


@pytest.mark.parametrize("name", ["my_isr.S", "my_arm_isr.S"])
def test_the_first_interrupt_test_is_short(name):
    assert len(SOURCES[name].splitlines()) < 30


def test_every_example_is_named_and_short():
    examples = [path for path in EXAMPLES.iterdir() if path.suffix == ".S" or path.name.startswith("test_")]
    assert len(examples) >= 12
    for path in examples:
        assert f"`{path.name}`" in TEXT
        assert len(path.read_text().splitlines()) < 40


def test_there_are_transcripts_to_check_of_both_architectures():
    assert len(TRANSCRIPTS) >= 6
    assert sum("arm" in command for command, _ in TRANSCRIPTS) >= 3
