"""What holds for every test."""

import os
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, settings

from vmm.cli import main

pytest_plugins = ["pytester", "vmm.pytest_plugin"]
"""An installed vmm brings its plugin itself; a source tree on the path does not."""

for profile, derandomize in (("repeatable", True), ("searching", False)):
    settings.register_profile(
        profile, derandomize=derandomize, deadline=None, suppress_health_check=[HealthCheck.too_slow]
    )
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))
"""The same examples in every run, however busy the host; HYPOTHESIS_PROFILE=searching looks for new ones."""


@pytest.fixture(scope="session", autouse=True)
def away_from_the_sources(tmp_path_factory):
    """What a test or its children leave in their working directory is not among the sources."""
    home = Path.cwd()
    os.chdir(tmp_path_factory.mktemp("away"))
    yield
    os.chdir(home)


@pytest.fixture(scope="session", autouse=True)
def no_columns():
    """Tests see a pipe's width, whoever runs them: workers of xdist are told that of a terminal."""
    os.environ.pop("COLUMNS", None)


class Done(NamedTuple):
    """What a command left behind."""

    status: int
    out: str
    err: str


@pytest.fixture
def image(tmp_path):
    """Write bytes to a file; its path as text."""

    def write(code: bytes, name: str = "image.bin") -> str:
        (tmp_path / name).write_bytes(code)
        return str(tmp_path / name)

    return write


@pytest.fixture
def vmm(capfdbinary, monkeypatch, tmp_path):
    """Run a command line in this process, in a directory of its own."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str | Path) -> Done:
        status = main([str(argument) for argument in arguments])
        out, err = capfdbinary.readouterr()
        return Done(status, out.decode("latin-1"), err.decode())

    return run
