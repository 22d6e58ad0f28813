"""Exit statuses are told beside those of timeout(1), and are what they are told to be under it."""

import re
import subprocess
import sys

import pytest

from cli.tiny_guests import SPIN
from vmm import cli
from vmm.pages import page


def statuses(text):
    return {int(number) for number in re.findall(r"\b\d{1,3}\b", text)}


def test_the_page_has_every_status_there_is():
    table = page("commands").split("## Exit status")[1].split("\n\n")[2]
    told = set().union(*(statuses(row.split("|")[1]) for row in table.splitlines()[2:]))
    ours = {0, cli.DIFFERS, cli.BAD_USAGE, cli.SCRIPT_FAILED, 124, 125, 128 + 1, 128 + 2, 128 + 15, cli.BROKEN_PIPE}
    assert told == ours | {126, 127, 137}


def test_the_help_of_vmm_leads_to_the_page(capsys):
    with pytest.raises(SystemExit):
        cli.main(["--help"])
    assert "Exit statuses, beside those of timeout(1): vmm help commands." in capsys.readouterr().out


def test_the_help_of_run_has_those_of_run(capsys):
    with pytest.raises(SystemExit):
        cli.main(["run", "--help"])
    told = capsys.readouterr().out.split("exit status:\n")[1].split("positional arguments")[0]
    assert {0, 2, 3, 124, 125, 129, 130, 143} <= statuses(told)
    assert "timeout(1)" in told


@pytest.mark.parametrize(
    ("options", "limit", "status"),
    [([], [], 124), (["--preserve-status"], [], 143), (["--preserve-status"], ["--max-insns", "5"], 124)],
    ids=["time is up", "and is told apart", "from a limit"],
)
def test_under_timeout(image, options, limit, status):
    """timeout(1): 124 if the time is up, unless --preserve-status; the command is sent SIGTERM."""
    run = [sys.executable, "-m", "vmm", "run", image(SPIN), "--quiet", *limit]
    assert subprocess.run(["timeout", *options, "1", *run], capture_output=True, check=False).returncode == status
