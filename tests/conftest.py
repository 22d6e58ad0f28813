"""What holds for every test."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

pytest_plugins = ["pytester", "vmm.pytest_plugin"]
"""An installed vmm brings its plugin itself; a source tree on the path does not."""

settings.register_profile("repeatable", derandomize=True)
settings.register_profile("searching", derandomize=False)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))
"""The same examples in every run; HYPOTHESIS_PROFILE=searching looks for new ones."""


@pytest.fixture(scope="session", autouse=True)
def away_from_the_sources(tmp_path_factory):
    """A child `python -m vmm` must find the installed package, not the sources in the working directory."""
    home = Path.cwd()
    os.chdir(tmp_path_factory.mktemp("away"))
    yield
    os.chdir(home)
