"""The README's transcripts are what the commands print: each console block is run and compared."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

README = Path(__file__).parents[1] / "README.md"
TEXT = README.read_text()
BLOCKS = re.findall(r"^```console\n\$ (.*?)\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
SOURCE = re.search(r"^```asm\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL).group(1)
HOST_TIME = re.compile(r"[\d.]+ s host")


@pytest.mark.parametrize(("command", "expected"), BLOCKS, ids=[command for command, _ in BLOCKS])
def test_a_transcript_is_what_the_command_prints(command, expected, tmp_path):
    (tmp_path / "my_isr.S").write_text(SOURCE)
    program, *arguments = command.split()
    assert program == "vmm"
    done = subprocess.run(
        [sys.executable, "-m", "vmm", *arguments],
        capture_output=True, text=True, timeout=60, cwd=tmp_path, env={**os.environ, "COLUMNS": "100"},
    )  # fmt: skip
    assert HOST_TIME.sub("", done.stdout + done.stderr).strip() == HOST_TIME.sub("", expected).strip()


def test_the_python_in_the_readme_runs(tmp_path):
    (tmp_path / "my_isr.S").write_text(SOURCE)
    subprocess.run([sys.executable, "-m", "vmm", "asm", "my_isr.S", "-o", "my_isr.elf"], cwd=tmp_path, check=True)
    program = "\n".join(re.findall(r"^```python\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL))
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "exit the guest ended the run with status 3" in done.stdout
    assert "a hypervisor answers, and the handler has not run" in done.stdout


def test_the_first_interrupt_test_is_short():
    assert len(SOURCE.splitlines()) < 30


def test_there_are_transcripts_to_check():
    assert len(BLOCKS) >= 4
