"""On a host that cannot work, one line says which would: when vmm is built, and when it is opened."""

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from vmm.core import supported

ROOT = Path(__file__).parents[2]


def test_this_host_is_supported():
    assert supported.unsupported() is None


@pytest.mark.parametrize("system", ["darwin", "win32", "freebsd14"])
def test_another_system_is_named(monkeypatch, system):
    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.delattr(os, "uname")
    monkeypatch.delattr(os, "confstr")
    reason = supported.unsupported()
    assert reason.startswith(f"this is {system}, and only Linux on x86-64 with glibc works")


@pytest.mark.parametrize("machine", ["aarch64", "riscv64"])
def test_another_processor_is_named(monkeypatch, machine):
    monkeypatch.setattr(os, "uname", lambda: SimpleNamespace(machine=machine))
    assert f"this is 64-bit Python on {machine} Linux," in supported.unsupported()


def test_a_python_of_32_bits_is_not_enough(monkeypatch):
    monkeypatch.setattr(sys, "maxsize", (1 << 31) - 1)
    assert "this is 32-bit Python on x86_64 Linux," in supported.unsupported()


def unknown_name(name):
    raise ValueError("unrecognized configuration name")


@pytest.mark.parametrize("answer", [lambda name: None, lambda name: "musl 1.2", unknown_name])
def test_another_c_library_is_told(monkeypatch, answer):
    monkeypatch.setattr(os, "confstr", answer)
    assert "a C library that is not glibc" in supported.unsupported()


ELSEWHERE = """
import runpy, sys
from setuptools.command import bdist_wheel, build_py, sdist  # they look at their host, too

sys.path.insert(0, sys.argv[1])
sys.platform = "darwin"
runpy.run_path(sys.argv[2], run_name="__main__")
"""


def elsewhere(program, *arguments):
    """`program` as Python on a Mac would run it."""
    command = [sys.executable, "-c", ELSEWHERE, str(ROOT), str(program), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    return done.returncode, done.stderr.splitlines()


def test_setup_refuses_before_it_compiles():
    status, lines = elsewhere(ROOT / "setup.py")
    assert status == 1
    assert len(lines) == 1 and lines[0].startswith("vmm: this is darwin, and only Linux on x86-64")


def test_a_command_that_needs_a_machine_ends_with_that_line(tmp_path):
    program = tmp_path / "run.py"
    program.write_text("import sys\nfrom vmm.cli import main\nsys.exit(main(['run', 'x86/hello']))\n")
    status, lines = elsewhere(program)
    assert status == 2
    assert len(lines) == 1 and lines[0].startswith("vmm: this is darwin, and only Linux on x86-64")
