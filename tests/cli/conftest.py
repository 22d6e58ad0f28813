"""`vmm` as a process of its own."""

import signal
import subprocess
import sys

import pytest


@pytest.fixture
def command():
    """`vmm` in a process that takes signals as a terminal's does, whoever started the tests, and outlives none."""
    started: list[subprocess.Popen[bytes]] = []

    def start(*arguments: object, **options) -> subprocess.Popen[bytes]:
        words = [sys.executable, "-m", "vmm", *map(str, arguments)]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "preexec_fn": _take_signals}
        started.append(subprocess.Popen(words, **pipes | options))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


def _take_signals() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
