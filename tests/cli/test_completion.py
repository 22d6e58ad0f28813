"""`vmm completion`: what a shell then makes of the beginning of a word."""

import subprocess
import tempfile

import pytest

from cli.terminals import Seat
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
    assert completed("run", "--variant", "") == ["broken", "fixed"]
    assert completed("export", "x.vmmrec", "--format", "p") == ["perfetto"]
    assert completed("replay", "x.vmmrec", "-d", "in") == ["int", "in_asm"]
    assert completed("run", "x.elf", "--diagnose", "lost_e") == ["lost_edge"]
    assert completed("top", "--gear", "") == ["precise", "fast"], "what a parser has choices of"


def test_guests_and_topics_where_one_is_asked_for():
    assert completed("run", "--quiet", "x86/pit") == ["x86/pit_ticks"]
    assert completed("step", "x86/pit") == completed("top", "x86/pit") == ["x86/pit_ticks"]
    assert completed("help", "tour-k") == [topic for topic in topics() if topic.startswith("tour-k")]
    assert completed("help", "doc") == ["doctor"]


def test_names_of_files_are_left_to_the_shell():
    assert completed("asm", "") == completed("new", "") == completed("run", "x86/hello", "--scenario", "") == []


def test_the_command_line_prints_it_and_knows_which_shells_there_are(vmm):
    assert vmm("completion", "zsh").out == completion.ZSH + completion.script("bash")
    assert vmm("completion", "fsh") == (2, "", "vmm: unknown shell 'fsh'; did you mean 'fish'?\n")
    assert vmm("completion").status == 2


@pytest.mark.parametrize("shell", completion.SHELLS)
def test_nothing_of_it_is_left_open(shell):
    assert "@" not in completion.script(shell).replace("[@]", "")


# ---- the other shells, each by itself ----

WORDS = [
    ("run --boa", ["--board"]),
    ("run --quiet x86/pit", ["x86/pit_ticks"]),
    ("run x.elf --board v", ["virt"]),
    ("new mine --kind arm64", ["arm64-asm", "arm64-c"]),
    ("completion f", ["fish"]),
    ("help tour-k", ["tour-kernel"]),
    ("bis", ["bisect"]),
]


def test_fish_has_words_and_what_they_mean():
    ask = 'source $argv[1]; for words in $argv[2..]; complete -C "vmm $words"; echo; end'
    with tempfile.NamedTemporaryFile("w", suffix=".fish") as file:
        file.write(completion.script("fish"))
        file.flush()
        command = ["fish", "--no-config", "-c", ask, file.name, *(words for words, _ in WORDS)]
        done = subprocess.run(command, capture_output=True, text=True, check=True, stdin=subprocess.DEVNULL)
    assert done.stderr == ""
    offered = [block.splitlines() for block in done.stdout.split("\n\n")]
    assert [[line.split("\t")[0] for line in block] for block in offered[: len(WORDS)]] == [each for _, each in WORDS]
    assert offered[0] == ["--board\tthe machine: pc or virt (what IMAGE is for; flat: pc)"]


def test_zsh_completes_what_is_typed(tmp_path):
    (tmp_path / "script").write_text(completion.script("zsh"))
    with Seat(lambda *words, **ends: subprocess.Popen(words, cwd=tmp_path, **ends), "zsh", "-f", "-i") as seat:
        seat.type(b"PS1='ready$ '; source script; echo so''urced\n")
        seat.expect(b"sourced")
        for words, found in WORDS:
            if len(found) == 1:
                seat.type(b"vmm " + words.encode() + b"\t")
                seat.expect(b"vmm " + " ".join([*words.split()[:-1], found[0]]).encode())
                seat.type(b"\x15")  # Ctrl-U: the line is gone
        seat.type(b"exit\n")
        assert seat.wait() == 0
