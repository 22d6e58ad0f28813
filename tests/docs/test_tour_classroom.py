"""The classroom's tour, each block where the one before it ended, from an empty folder to its last line."""

import pytest

from docs import blocks

PAGE = "tour-classroom.md"
TOUR = blocks.BLOCKS[PAGE]
STATUS = {"vmm run keys.S --scenario press.py -d int": 3}
"""Exit statuses that are not 0, of what is not pytest."""


def go(block, directory):
    """What differs from what the page says, or nothing."""
    if block.name:
        (directory / block.name).write_text(block.text)
        return None
    if block.language == "sh":
        done = blocks.run_shell(block.text, directory)
        return None if done.returncode == 0 else done.stdout + done.stderr
    if block.language == "python":
        return compared(block.output, blocks.run_program(block.text, directory))
    command, expected = blocks.command(block)
    done = blocks.run(command, directory)
    status = STATUS.get(command, 0) if command.startswith("vmm") else int("F" in expected.split()[0])
    return compared(expected, done) or (f"exit status {done.returncode}" if done.returncode != status else None)


def compared(expected, done):
    printed = done.stdout + done.stderr
    if "…" in expected or "passed" in expected:
        return blocks.missing(expected, printed)
    return None if blocks.said(printed) == blocks.said(expected) else printed


@pytest.mark.slow
def test_it_can_be_walked_from_an_empty_folder(tmp_path):
    walked = [block for block in TOUR if block.language]
    assert [(str(block), go(block, tmp_path)) for block in walked] == [(str(block), None) for block in walked]


def test_the_guest_fits_on_a_page_and_the_test_in_ten_lines():
    lines = {block.name: len(block.text.splitlines()) for block in TOUR if block.name}
    assert lines["keys.S"] <= 30 and lines["test_keys.py"] <= 10
