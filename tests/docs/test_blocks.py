"""Every block of the README and of the manual runs when it is pasted alone, and prints what the page says.

Alone: in a folder that has but the files which the same page says to put there.
"""

import re

import pytest

from docs import blocks

TRANSCRIPTS = blocks.every("console")
TOUR = {block for block in TRANSCRIPTS if block.page == "README.md" and re.match(r"\$ (pytest|vmm replay)", block.text)}
"""One story, which test_readme.py runs in its order."""
ALONE = [block for block in TRANSCRIPTS if block not in TOUR]
PROGRAMS = [block for block in blocks.every("python") if not block.name and "import pytest" not in block.text]
SCRIPTS = [block for block in blocks.every("sh") if "pip install" not in block.text]
LANGUAGES = {"console", "python", "sh", "asm", "diff", "c", "ini", "gdb", ""}


@pytest.mark.parametrize("block", ALONE, ids=str)
def test_a_transcript_is_what_the_command_prints(block, tmp_path):
    blocks.put_sources(block.page, tmp_path)
    for command, expected in blocks.commands(block):
        done = blocks.run(command, tmp_path)
        if "\n…\n" in expected or command.startswith("pytest"):
            assert blocks.missing(expected, done.stdout + done.stderr) is None
        else:
            assert blocks.said(done.stdout + done.stderr) == blocks.said(expected)


@pytest.mark.parametrize("block", PROGRAMS, ids=str)
def test_a_program_runs_and_prints_what_follows_it(block, tmp_path, monkeypatch, capfd):
    blocks.put_sources(block.page, tmp_path)
    monkeypatch.chdir(tmp_path)
    exec(compile(block.text, str(block), "exec"), {"__name__": "__main__"})
    if block.output is not None:
        assert blocks.missing(block.output, capfd.readouterr().out) is None


@pytest.mark.slow
@pytest.mark.parametrize("block", SCRIPTS, ids=str)
def test_commands_run_one_after_the_other(block, tmp_path):
    blocks.put_sources(block.page, tmp_path)
    done = blocks.run_shell(block.text, tmp_path)
    assert done.returncode == 0, done.stderr


def test_every_block_says_what_it_is_and_has_its_way_to_be_run():
    every = [block for found in blocks.BLOCKS.values() for block in found]
    assert {block.language for block in every} <= LANGUAGES
    outputs = {block.output for block in every}
    bare = [block.text for block in every if not block.language and block.text not in outputs]
    assert [text for text in bare if "device ──line──▶" not in text] == [], "what is it?"
    unnamed = [str(block) for block in every if block.language in ("asm", "c") and not block.name]
    assert unnamed == [], "a source is shown, and no file is named that it goes into"


def test_a_block_that_prints_something_else_is_noticed():
    assert blocks.missing("a\n…\nc\n", "a\nb\nc\n") is None
    assert blocks.missing("a\nc\nb\n", "a\nb\nc\n") == "b"
