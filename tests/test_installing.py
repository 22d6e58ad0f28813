"""The command that brings what is missing is one that works where it is said."""

from types import SimpleNamespace

import pytest

from vmm import installing
from vmm.installing import into_python, into_system


@pytest.fixture
def python(tmp_path, monkeypatch):
    """A Python whose folders are as one says, with pip or without."""

    def make(prefix, *, base=None, pip=True, cfg=None, managed=False):
        (tmp_path / prefix).mkdir(parents=True)
        if cfg:
            (tmp_path / prefix / "pyvenv.cfg").write_text(cfg)
        if managed:
            (tmp_path / "EXTERNALLY-MANAGED").touch()
        there = SimpleNamespace(
            prefix=str(tmp_path / prefix), base_prefix=str(tmp_path / (base or prefix)), executable="/its/bin/my python"
        )
        monkeypatch.setattr(installing, "sys", there)
        monkeypatch.setattr(installing.sysconfig, "get_path", lambda name: str(tmp_path))
        monkeypatch.setattr(installing.importlib.util, "find_spec", lambda name: "pip" if pip else None)

    return make


def test_a_virtual_environment_has_its_own_pip_even_where_the_systems_refuses(python):
    python("venv", base="usr", managed=True)
    assert into_python("ziglang") == "'/its/bin/my python' -m pip install ziglang"


def test_a_python_that_nobody_manages_takes_packages(python):
    python("opt/python")
    assert into_python("ziglang") == "'/its/bin/my python' -m pip install ziglang"


def test_the_systems_python_is_left_alone_where_pip_would_refuse(python):
    """PEP 668."""
    python("usr", managed=True)
    assert into_python("ziglang") is None


def test_without_pip_there_is_nothing_to_say(python):
    python("venv", base="usr", pip=False)
    assert into_python("ziglang") is None


def test_what_pipx_and_uv_installed_is_added_to_with_them(python):
    python("pipx/venvs/vmm", base="usr", pip=False)
    assert into_python("ziglang") == "pipx inject vmm ziglang"
    python("share/uv/tools/vmm", base="usr", pip=False)
    assert into_python("ziglang") == "uv tool install --with ziglang vmm"
    python("project/.venv", base="usr", pip=False, cfg="home = /usr/bin\nuv = 0.4.0\n")
    assert into_python("ziglang") == "uv pip install --python '/its/bin/my python' ziglang"


@pytest.mark.parametrize(
    ("program", "command"),
    [
        ("apt-get", "apt-get install clang lld"),
        ("dnf", "dnf install clang lld"),
        ("zypper", "zypper install clang lld"),
        ("pacman", "pacman -S clang lld"),
        ("python3", None),
    ],
)
def test_the_package_manager_is_the_one_that_is_there(tmp_path, monkeypatch, program, command):
    (tmp_path / program).write_text("#!/bin/sh\n")
    (tmp_path / program).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert into_system("clang", "lld") == command
