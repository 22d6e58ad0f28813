"""Which commit a vmm was made from: of a checkout git says it, in what was packed a file does."""

import pytest

from packing import tree
from vmm.version import STAMP, __version__, commit

VERSION = ("vmm/version.py", ".gitattributes")


@pytest.fixture
def checkout(tmp_path):
    """A repository that has of vmm what tells its version."""
    return tree.copy(tmp_path / "checkout", VERSION)


def test_a_checkout_says_its_commit_and_whether_it_is_as_committed(checkout):
    digits = tree.committed(checkout)[:12]
    assert commit(checkout / "vmm") == digits
    (checkout / "notes.txt").write_text("git does not keep it")
    assert commit(checkout / "vmm") == digits
    (checkout / "vmm" / "version.py").write_text("")
    assert commit(checkout / "vmm") == f"{digits}-dirty"


def test_a_tag_changes_nothing(checkout):
    digits = tree.committed(checkout)[:12]
    tree.git(checkout, "tag", "-a", "v1", "-m", "a release")
    assert commit(checkout / "vmm") == digits


def test_a_second_work_tree_of_a_repository_has_its_own(checkout, tmp_path):
    first = tree.committed(checkout)[:12]
    tree.git(checkout, "worktree", "add", "-q", str(tmp_path / "second"))
    (checkout / "more").write_text("")
    second = tree.committed(checkout)[:12]
    assert first != second
    assert (commit(checkout / "vmm"), commit(tmp_path / "second" / "vmm")) == (second, first)


def test_a_hook_of_another_repository_changes_nothing(checkout, tmp_path, monkeypatch):
    digits = tree.committed(checkout)[:12]
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "file").write_text("")
    tree.committed(tmp_path / "other")
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "other" / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(tmp_path / "other"))
    assert commit(checkout / "vmm") == digits


def test_what_lies_in_another_project_s_repository_has_not_its_commit(checkout, tmp_path):
    """An environment in a project's folder, the sources unpacked there."""
    tree.committed(tmp_path)
    assert commit(checkout / "vmm") == ""


@pytest.mark.parametrize("trouble", ["no commit yet", "no repository", "no git"])
def test_where_nobody_knows_nothing_is_said(checkout, tmp_path, monkeypatch, trouble):
    if trouble == "no commit yet":
        tree.git(checkout, "init", "-q")
    elif trouble == "no repository":
        (checkout / ".git").mkdir()
    else:
        tree.committed(checkout)
        monkeypatch.setenv("PATH", str(tmp_path))
    assert commit(checkout / "vmm") == ""


def test_an_archive_of_git_s_says_it_without_git(checkout, tmp_path, monkeypatch):
    digits = tree.committed(checkout)[:12]
    tree.git(checkout, "archive", "--prefix=vmm-main/", "-o", str(tmp_path / "a.tar"), "HEAD")
    unpacked = tree.unpack(tmp_path / "a.tar", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert commit(unpacked / "vmm") == digits


def test_a_file_that_was_packed_goes_before_the_repository_it_was_put_into(checkout):
    """As distributions of Linux do with the sources of theirs."""
    (checkout / "vmm" / STAMP).write_text("0123456789ab-dirty\n")
    tree.committed(checkout)
    assert commit(checkout / "vmm") == "0123456789ab-dirty"


def test_the_command_says_version_and_commit(checkout, tmp_path):
    """Of the sources here, which are a checkout or are none."""
    known = commit(tree.ROOT / "vmm")
    said = tree.python(tmp_path, "-m", "vmm", "--version", PYTHONPATH=str(tree.ROOT))
    assert said == (f"vmm {__version__} (commit {known})\n" if known else f"vmm {__version__}\n")
