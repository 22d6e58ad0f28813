"""From a commit over a source distribution and a wheel to a guest that runs, as `python -m build` and pip go."""

import zipfile

import pytest
from docs import blocks, tours

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
    tree.python(tree.unpack(archive, out), "-c", BUILD.format("wheel", str(out)))
    (wheel,) = out.glob("*.whl")
    assert tree.git(project, "status", "--porcelain", "--untracked-files=no") == ""
    return commit, wheel


def test_one_wheel_is_for_all_pythons(commit_and_wheel):
    """Its tag (PEP 425): the stable ABI, from 3.10 on."""
    assert commit_and_wheel[1].name.endswith("-cp310-abi3-linux_x86_64.whl")


def test_it_has_the_pages_of_man(commit_and_wheel):
    """Where pip puts them beside the program (the wheel format's .data/data)."""
    with zipfile.ZipFile(commit_and_wheel[1]) as file:
        pages = {name.partition(".data/data/")[2] for name in file.namelist() if ".data/data/" in name}
    ours = (blocks.ROOT / "vmm" / "pages" / "man" / "man1").glob("*.1")
    assert pages == {f"share/man/man1/{page.name}" for page in ours} != set()


@pytest.fixture(scope="module")
def installed(commit_and_wheel, tmp_path_factory):
    """The folder that it was installed into, to have on the path."""
    site = tmp_path_factory.mktemp("site")
    with zipfile.ZipFile(commit_and_wheel[1]) as file:
        file.extractall(site)
    return site


def test_what_was_installed_runs_a_guest_from_an_empty_folder_and_knows_its_commit(
    commit_and_wheel, installed, tmp_path
):
    path = {"PYTHONPATH": str(installed)}
    native = tree.python(tmp_path, "-c", "import vmm._native as native; print(native.__file__)", **path)
    assert native.startswith(str(installed))
    assert tree.python(tmp_path, "-m", "vmm", "run", "x86/pit_ticks", "--quiet", **path) == GUEST
    assert f"(commit {commit_and_wheel[0][:12]})" in tree.python(tmp_path, "-m", "vmm", "--version", **path)


def test_a_tour_can_be_walked_with_it(installed, tmp_path, monkeypatch):
    """Headers of guests, the pytest plugin and all else that it needs is in the wheel."""
    monkeypatch.setenv("PYTHONPATH", str(installed))
    tours.take(blocks.MANUAL / "tour-classroom.md", tmp_path, tours.OURS)
