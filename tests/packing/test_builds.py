"""From a commit over a source distribution and a wheel to a guest that runs, as `python -m build` and pip go."""

import shutil
import zipfile

import pytest

from packing import tree

BUILD = "from setuptools import build_meta; build_meta.build_{}({!r})"
GUEST = "ok: HLT slept through no tick\nok: a tick that wakes HLT returns behind it\n100 ticks of 1/1000 s\n"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def commit_and_wheel(tmp_path_factory):
    """A wheel from an unpacked source distribution, where there is no repository."""
    project = tree.copy(tmp_path_factory.mktemp("project"))
    commit = tree.committed(project)
    out = tmp_path_factory.mktemp("out")
    tree.python(project, "-c", BUILD.format("sdist", str(out)))
    (archive,) = out.glob("*.tar.gz")
    shutil.unpack_archive(archive, out)
    tree.python(out / archive.name.removesuffix(".tar.gz"), "-c", BUILD.format("wheel", str(out)))
    (wheel,) = out.glob("*.whl")
    assert tree.git(project, "status", "--porcelain", "--untracked-files=no") == ""
    return commit, wheel


def test_one_wheel_is_for_all_pythons(commit_and_wheel):
    """Its tag (PEP 425): the stable ABI, from 3.10 on."""
    assert commit_and_wheel[1].name.endswith("-cp310-abi3-linux_x86_64.whl")


def test_what_was_installed_from_it_runs_a_guest_from_an_empty_folder_and_knows_its_commit(commit_and_wheel, tmp_path):
    commit, wheel = commit_and_wheel
    (tmp_path / "empty").mkdir()
    with zipfile.ZipFile(wheel) as file:
        file.extractall(tmp_path / "site")
    installed = {"PYTHONPATH": str(tmp_path / "site")}
    empty = tmp_path / "empty"
    assert tree.python(empty, "-c", "import vmm._native as it; print(it.__file__)", **installed).startswith(
        str(tmp_path / "site")
    )
    assert tree.python(empty, "-m", "vmm", "run", "x86/pit_ticks", "--quiet", **installed) == GUEST
    assert f"(commit {commit[:12]})" in tree.python(empty, "-m", "vmm", "--version", **installed)
