"""The README is short, and its tour goes from a bug over its replay to the fix."""

import re
import subprocess

import pytest

from docs import blocks
from docs.blocks import BLOCKS, MANUAL, README, ROOT

OURS = BLOCKS["README.md"]
TEXT = README.read_text()
EXAMPLES = ROOT / "tests" / "examples"
SOURCES = {block.name: block.text for block in OURS if block.name}
PICTURE = re.compile(r"^!\[(.+)\]\((\S+)\)$", re.MULTILINE)
EXPLORES = "vmm explore lost_wakeup.S"
TRANSCRIPTS = [blocks.command(block) for block in OURS if block.language == "console"]


def test_the_tour_goes_from_a_surprise_over_its_replay_to_the_fix(tmp_path):
    blocks.put_sources("README.md", tmp_path)
    (broken,) = (each for each in TRANSCRIPTS if each[0].startswith(EXPLORES))
    (replay,) = (each for each in TRANSCRIPTS if each[0].startswith("vmm replay"))
    failing = blocks.run(broken[0], tmp_path)
    assert failing.returncode == 1
    assert blocks.missing(broken[1], failing.stdout) is None
    again = blocks.run(replay[0], tmp_path)
    assert again.returncode == 125
    assert blocks.said(again.stdout + again.stderr) == blocks.said(replay[1])
    subprocess.run(["git", "apply", "-p0", "fix.diff"], cwd=tmp_path, check=True)
    mended = blocks.run(broken[0], tmp_path)
    assert mended.returncode == 0
    assert mended.stdout.startswith("proven: ")


@pytest.mark.parametrize("name", ["my_isr.S", "my_arm_isr.S"])
def test_the_first_interrupt_test_is_short(name):
    assert len(SOURCES[name].splitlines()) < 30


def test_it_is_read_in_one_go():
    assert len(TEXT.splitlines()) <= 250


def test_its_pictures_are_told_in_words_too_and_lie_beside_the_book():
    """For who shows a project's README without its files."""
    pictures = PICTURE.findall(TEXT)
    assert len(pictures) == 3
    for words, picture in pictures:
        assert len(words) > 40
        assert picture in [str(path.relative_to(ROOT)) for path in (ROOT / "guests" / "pictures").iterdir()]


def test_the_case_that_it_shows_has_its_picture():
    """What is drawn, the book's tests hold."""
    (case,) = (each[0].removeprefix("vmm run cases/") for each in TRANSCRIPTS if "cases/" in each[0])
    assert f"guests/pictures/{case}.svg" in [picture for _, picture in PICTURE.findall(TEXT)]
    assert f"vmm case {case} --plot {case}.svg" in (ROOT / "guests" / "README.md").read_text()


def test_every_example_is_named_and_short():
    text = (MANUAL / "tests.md").read_text()
    examples = [path for path in EXAMPLES.iterdir() if path.suffix == ".S" or path.name.startswith("test_")]
    assert len(examples) >= 12
    for path in examples:
        assert f"`{path.name}`" in text
        assert len(path.read_text().splitlines()) < 40


def test_the_manual_shows_the_examples_as_they_are():
    """Those that pass: what shows a bug is run where it is shown."""
    named = {block.name: block.text for block in BLOCKS["tests.md"] if block.name}
    shown = {name: text for name, text in named.items() if (EXAMPLES / name).exists()}
    assert len(shown) >= 2
    assert {name: (EXAMPLES / name).read_text() for name in shown} == shown


def test_there_are_transcripts_to_check_of_both_architectures():
    commands = [blocks.command(block)[0] for block in blocks.every("console")]
    assert len(commands) >= 8
    assert sum("arm" in command for command in commands) >= 3
