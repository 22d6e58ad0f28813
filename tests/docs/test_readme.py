"""The README's transcripts are what the commands print: each console block is run and compared."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

README = Path(__file__).parents[2] / "README.md"
EXAMPLES = README.parent / "tests" / "examples"
TEXT = README.read_text()
BLOCKS = re.findall(r"^```console\n\$ (.*?)\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
NAMED = re.compile(r"into `(\w+\.(?:S|py))`.*?^```(?:asm|python)\n(.*?)^```", re.MULTILINE | re.DOTALL)
SOURCES = dict(NAMED.findall(TEXT))
HOST_TIME = re.compile(r"[\d.]+ s host")
TESTS = "pytest -q test_lost_wakeup.py"
BROKEN, FIXED = [block for block in BLOCKS if block[0].startswith(TESTS)]
FIX = re.search(r"^```asm\n(begin:.*?)^```", TEXT, re.MULTILINE | re.DOTALL)[1]


@pytest.fixture
def sources(tmp_path):
    """A directory with the sources that the README shows, under the names it gives them."""
    for name, source in SOURCES.items():
        (tmp_path / name).write_text(source)
    return tmp_path


def run(command, directory, columns=100):
    """A command of the README's, without the options that our own pytest has."""
    program, *arguments = command.split()
    assert program in ("vmm", "pytest")
    plugin = ["-p", "vmm.pytest_plugin", "-p", "no:cacheprovider"] if program == "pytest" else []
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    return subprocess.run(
        [sys.executable, "-m", program, *plugin, *arguments],
        capture_output=True, text=True, timeout=60, cwd=directory, env={**environment, "COLUMNS": str(columns)},
    )  # fmt: skip


def missing(expected, output):
    """The first line of a transcript that the output has not, in this order; … stands for lines left out."""
    lines = iter(re.sub(r"\d+\.\d+s", "X", output).splitlines())
    wanted = [line.rstrip() for line in expected.splitlines() if line != "…"]
    return next((line for line in wanted if not any(line == found.rstrip() for found in lines)), None)


@pytest.mark.slow
def test_the_tour_goes_from_a_failing_test_over_its_replay_to_the_fix(sources):
    failing = run(BROKEN[0], sources, columns=80)
    assert missing(BROKEN[1], failing.stdout) is None
    (replay,) = [block for block in BLOCKS if block[0].startswith("vmm replay")]
    again = run(replay[0], sources)
    assert again.returncode == 125
    assert HOST_TIME.sub("", again.stdout + again.stderr).strip() == HOST_TIME.sub("", replay[1]).strip()
    source = sources / "lost_wakeup.S"
    old = re.search(r"^    sti\nbegin:.*?(?=^done:)", source.read_text(), re.MULTILINE | re.DOTALL)[0]
    source.write_text(source.read_text().replace(old, FIX))
    assert missing(FIXED[1], run(FIXED[0], sources, columns=80).stdout) is None


COMMANDS = [block for block in BLOCKS if not block[0].startswith(("pytest", "vmm replay"))]


@pytest.mark.parametrize(("command", "expected"), COMMANDS, ids=[command for command, _ in COMMANDS])
def test_a_transcript_is_what_the_command_prints(command, expected, sources):
    done = run(command, sources)
    assert HOST_TIME.sub("", done.stdout + done.stderr).strip() == HOST_TIME.sub("", expected).strip()


@pytest.mark.slow
def test_the_python_in_the_readme_runs(sources):
    subprocess.run([sys.executable, "-m", "vmm", "asm", "my_isr.S", "-o", "my_isr.elf"], cwd=sources, check=True)
    program = "\n".join(re.findall(r"^```python\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL))
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, cwd=sources)
    assert done.returncode == 0, done.stderr
    assert "exit the guest ended the run with status 3" in done.stdout
    assert "a hypervisor answers, and the handler has not run" in done.stdout
    assert re.search(r"^vCPU 1 at 0x[0-9a-f]+ .*sgi_ping_pong\.S:\d+ asks for its affinity$", done.stdout, re.MULTILINE)
    assert re.search(
        r"^1 4 \d+ vector 0x25 delivered \(IRQ 5\) at 0x[0-9a-f]+ .* first_isr\.S:\d+$", done.stdout, re.MULTILINE
    )
    assert re.search(r"^Delivered\(number=37.*\) 32 1 0x10040e guest\+0x3f first_isr\.S:10$", done.stdout, re.MULTILINE)
    assert re.search(r"^2\d\d 2\d\d 0 10\d$", done.stdout, re.MULTILINE)
    assert re.search(r"^insn \d+: interrupts unmasked at 0x[0-9a-f]+ handler\+", done.stdout, re.MULTILINE)
    assert re.search(r"^5 1\n(PASS|FAIL).*\n6 2$", done.stdout, re.MULTILINE), "and the guest's own line"
    assert re.search(r"^True True$", done.stdout, re.MULTILINE), "the replay was verified"
    assert "poweroff <GICD pending=[] active=[]> <GIC of cpu 0 pending=[] active=[]" in done.stdout


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
    assert len(BLOCKS) >= 6
    assert sum("arm" in command for command, _ in BLOCKS) >= 3
