"""Pages of man(1): what the parsers say now, roff without a warning, found by man(1) where a wheel puts them."""

import os
import re
import subprocess
import sys

import pytest

from docs.blocks import ROOT
from vmm.cli import COMMANDS, parser_of

FOLDER = ROOT / "vmm" / "pages" / "man" / "man1"
PAGES = sorted(FOLDER.glob("*.1"))
NO_DATE = re.compile(r'missing date, using "": TH')


def read(path, *options, **environment):
    """As man(1) shows it, in lines that are not broken."""
    done = subprocess.run(
        ["man", *options, path], capture_output=True, text=True, timeout=60,
        env=dict(os.environ, MANWIDTH="500", LC_ALL="C.UTF-8", MANPAGER="cat", **environment),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_they_are_what_the_parsers_say():
    done = subprocess.run([sys.executable, ROOT / "tools" / "man_pages.py", "--check"], timeout=60)
    assert done.returncode == 0, "run python tools/man_pages.py"


def test_neither_groff_nor_mandoc_has_a_warning():
    groff = subprocess.run(["groff", "-man", "-ww", "-Tascii", "-z", *PAGES], capture_output=True, text=True)
    assert (groff.returncode, groff.stdout + groff.stderr) == (0, "")
    lint = subprocess.run(["mandoc", "-Tlint", "-W", "warning", *PAGES], capture_output=True, text=True).stdout
    assert [line for line in lint.splitlines() if not NO_DATE.search(line)] == []


@pytest.mark.parametrize("command", ["run", "explore", "completion"])
def test_every_option_and_example_is_in_its_page(command):
    text = read(str(FOLDER / f"vmm-{command}.1"), "-l")
    parser = parser_of(command)
    assert [each for action in parser._actions for each in action.option_strings if each not in text] == []
    assert [example for example in parser.examples if example not in text] == []


def test_man_finds_them_where_a_wheel_puts_them_beside_the_program(tmp_path):
    (tmp_path / "share").mkdir()
    (tmp_path / "bin").mkdir()
    (tmp_path / "share" / "man").symlink_to(FOLDER.parent)
    text = read("vmm", PATH=f"{tmp_path / 'bin'}:{os.environ['PATH']}", MANPATH="")
    assert [name for name in COMMANDS if name not in text] == []
