"""The folder of a clone, where nothing was built, beside a vmm that is installed: whoever is first on the path."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import vmm
from vmm import _native

ROOT = Path(__file__).parents[1]
WHO = "import vmm, vmm.errors, vmm._native, sys; print(vmm.__file__, vmm.errors.__file__, sys.modules['vmm'] is vmm)"


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """With its sources alone."""
    skipped = shutil.ignore_patterns("__pycache__", "*.so")
    shutil.copytree(Path(vmm.__file__).parent, tmp_path / "clone" / "vmm", ignore=skipped)
    return tmp_path / "clone"


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """A folder to have on the path."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "vmm").symlink_to(Path(vmm.__file__).parent)
    return tmp_path / "site"


def python(cwd: Path, *arguments: str, path: Path | None = None) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    environment |= {"PYTHONPATH": str(path)} if path else {}
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)


def test_a_command_run_from_a_clone_is_the_installed_one(clone: Path, installed: Path) -> None:
    done = python(clone, "-m", "vmm", "run", "x86/first_isr", "--quiet", path=installed)
    assert (done.returncode, done.stdout, done.stderr) == (0, "ok: one edge on IRQ 5 runs the handler once\n", "")


def test_all_of_the_package_is_the_installed_one_and_there_is_one(clone: Path, installed: Path) -> None:
    done = python(clone, "-c", WHO, path=installed)
    assert done.stderr == ""
    assert done.stdout.split() == [f"{installed}/vmm/__init__.py", f"{installed}/vmm/errors.py", "True"]


def test_a_script_in_the_clone_finds_it_too_and_so_do_its_children(clone: Path, installed: Path) -> None:
    (clone / "script.py").write_text(
        "from concurrent.futures import ProcessPoolExecutor\n"
        "from multiprocessing import get_context\n"
        "import vmm\n"
        "def run(guest):\n"
        "    return vmm.boot(guest, console=None).run().reason\n"
        "if __name__ == '__main__':\n"
        "    with ProcessPoolExecutor(1, mp_context=get_context('spawn')) as pool:\n"
        "        print(run('x86/hello'), pool.submit(run, 'arm64/hello').result())\n"
    )
    done = python(clone, "script.py", path=installed)
    assert (done.stdout, done.stderr) == ("poweroff poweroff\n", "")


def test_the_one_of_this_environment_is_found_however_it_is_installed(clone: Path) -> None:
    """Through site-packages, or by the finder of an editable install."""
    done = python(clone, "-c", WHO)
    assert done.stderr == ""
    assert Path(done.stdout.split()[0]).resolve() == Path(vmm.__file__).resolve()


def test_a_clone_that_was_built_is_used_itself(clone: Path, installed: Path) -> None:
    shutil.copy(_native.__file__, clone / "vmm")
    done = python(clone, "-c", WHO, path=installed)
    assert done.stdout.split() == [f"{clone}/vmm/__init__.py", f"{clone}/vmm/errors.py", "True"]


def test_without_an_installed_one_it_is_one_line_that_says_what_to_do(clone: Path, tmp_path: Path) -> None:
    """-S: nothing that is installed is on the path; another folder of sources is no help."""
    (tmp_path / "other").symlink_to(clone)
    for path in (None, tmp_path / "other"):
        for command in (["run", "x86/hello"], ["list"]):
            done = python(clone, "-S", "-m", "vmm", *command, path=path)
            assert (done.returncode, done.stdout) == (2, "")
            assert done.stderr.endswith("; run: pip install .\n") and done.stderr.count("\n") == 1
    assert python(clone, "-S", "-m", "vmm", "--version").returncode == 0


@pytest.mark.parametrize("compiler", ["", " "])
def test_a_compiler_of_no_name_is_none_that_was_chosen(compiler):
    """As make has it: an empty CC is an unset one."""
    environment = os.environ | {"CC": compiler}
    command = [sys.executable, "setup.py", "--quiet", "--name"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.splitlines()[-1:]) == (0, ["vmm"])
