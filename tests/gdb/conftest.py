"""Machines served to clients, and real gdb."""

import subprocess

import pytest

from gdb.client import Served


@pytest.fixture
def served():
    """Serve a guest, and attach to it without acknowledgements: the client, and what is served."""
    running = []

    def serve(image, **options):
        running.append(Served(image, **options))
        running[-1].__enter__()
        return running[-1].attach().quiet(), running[-1]

    yield serve
    for each in running:
        each.over()


@pytest.fixture
def gdb():
    """Stock gdb, which attaches to what is served and does as it is told: what it prints."""

    def run(served, *commands, symbols=None):
        words = ["gdb-multiarch", "-nx", "-batch", "-ex", "set pagination off", "-ex", "set confirm off"]
        words += ["-ex", f"{symbols[0]} {symbols[1]}"] if symbols else []
        words += ["-ex", f"target remote 127.0.0.1:{served.server.port}"]
        for command in commands:
            words += ["-ex", command]
        done = subprocess.run(words, capture_output=True, text=True, timeout=60)
        return done.stdout + done.stderr

    return run
