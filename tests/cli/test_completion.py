"""`vmm help --complete`: what bash then makes of the beginning of a word."""

import subprocess

import pytest

from vmm.cli import COMMANDS, completion
from vmm.cli.new import KINDS
from vmm.pages import topics


def completed(*words: str) -> list[str]:
    """What bash offers for the last of the words."""
    program = f"""{completion.script("bash")}
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _vmm; echo "${{COMPREPLY[@]}}"; complete -p vmm >&2"""
    done = subprocess.run(["bash", "-uc", program, "bash", "vmm", *words], capture_output=True, text=True, check=True)
    assert done.stderr == "complete -o bashdefault -o default -F _vmm vmm\n"
    return done.stdout.split()


def test_commands_and_their_options():
    assert completed("") == list(COMMANDS)
    assert completed("--v") == ["--version"]
    assert completed("run", "--bo") == ["--board"]
    assert completed("new", "mine", "--") == ["--help", "--kind"]


def test_values_of_options_wherever_they_stand():
    assert completed("new", "mine", "--kind", "") == list(KINDS)
    assert completed("new", "--kind", "arm64") == ["arm64-asm", "arm64-c"]
    assert completed("run", "x.elf", "--board", "v") == ["virt"]


def test_guests_and_topics_where_one_is_asked_for():
    assert completed("run", "--quiet", "x86/pit") == ["x86/pit_ticks"]
    assert completed("help", "tour-k") == [topic for topic in topics() if topic.startswith("tour-k")]
    assert completed("help", "doc") == ["doctor"]


def test_names_of_files_are_left_to_the_shell():
    assert completed("asm", "") == completed("new", "") == completed("run", "x86/hello", "--scenario", "") == []


def test_the_command_line_prints_it_and_knows_which_shells_there_are(vmm):
    assert vmm("help", "--complete", "zsh").out == completion.ZSH + completion.script("bash")
    assert vmm("help", "--complete", "fish") == (2, "", "vmm: fish: not one of the shells that are known: bash, zsh\n")


@pytest.mark.parametrize("shell", completion.SHELLS)
def test_nothing_of_it_is_left_open(shell):
    assert "@" not in completion.script(shell).replace("[@]", "")
