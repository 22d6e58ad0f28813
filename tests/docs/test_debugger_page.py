"""The gdb sessions of README and manual, typed into a real gdb."""

import re
import subprocess
import sys

import pytest

from docs import blocks
from vmm.cli import main

SESSIONS = blocks.every("gdb")
PORT = ":1234"
ATTACH = re.compile(r"target remote \S*:(\d+)\n")


def typed(block):
    """How vmm and gdb are started, and each command with what the page says that it prints."""
    parts = re.split(r"^\(gdb\) ", block.text, flags=re.MULTILINE)
    starts = re.findall(r"^\$ (.*)$", parts[0], flags=re.MULTILINE)
    return starts, [(line, printed) for line, _, printed in (part.partition("\n") for part in parts[1:])]


@pytest.mark.parametrize("block", SESSIONS, ids=str)
def test_a_session_goes_as_the_page_says(block, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    blocks.put_sources(block.page, tmp_path)
    for source in tmp_path.glob("*.S"):
        assert main(["asm", str(source), "-o", str(source.with_suffix(".elf"))]) == 0
    (vmm, gdb), commands = typed(block)
    words = vmm.replace(PORT, ":0").split()[1:]
    with subprocess.Popen([sys.executable, "-m", "vmm", *words], stderr=subprocess.PIPE, text=True) as run:
        port = ATTACH.search(run.stderr.readline())[1]
        session = [*gdb.split(), "-nx", "-batch", "-ex", "set confirm off", "-ex", "set pagination off"]
        for command, _ in commands:
            session += ["-ex", rf"echo \n(gdb) {command}\n", "-ex", command.replace(PORT, f":{port}")]
        try:
            done = subprocess.run(session, capture_output=True, text=True, timeout=60)
            run.communicate(timeout=60)
        finally:
            run.kill()
    said = re.split(r"^\(gdb\) .*\n", done.stdout, flags=re.MULTILINE)[1:]
    assert len(said) == len(commands), done.stdout + done.stderr
    for (command, expected), printed in zip(commands, said, strict=True):
        told = done.stderr if command.startswith("monitor") else printed  # gdb does not buffer what a target tells
        assert blocks.missing(expected, told.replace("\t", " ")) is None, (command, told)
    assert run.returncode == 0


def test_there_are_some():
    assert [block.page for block in SESSIONS] == ["README.md", "debugger.md"]
