"""A source in a directory of its own, and one tool to assemble it."""

import pytest


@pytest.fixture(autouse=True)
def only_ziglang(monkeypatch):
    """Ziglang is the one tool that the tests can count on, and the one whose messages and bytes they know."""
    monkeypatch.delenv("VMM_CC", raising=False)


@pytest.fixture
def source(tmp_path):
    def write(text, name="my.S"):
        (tmp_path / name).write_text(text)
        return tmp_path / name

    return write
