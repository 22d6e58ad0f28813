"""What the repository keeps, and copies of it that are built from."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterable
from pathlib import Path

from vmm.version import STAMP

ROOT = Path(__file__).parents[2]
UNFILLED = "$Format:%H$\n"
"""gitattributes(5), export-subst."""
MADE = {"__pycache__", "build", ".git"}


def kept() -> set[str]:
    """Every file of the project: what git keeps; in an unpacked source distribution, all that is there."""
    if (ROOT / ".git").exists():
        listed = git(ROOT, "ls-files", "-z").split("\0")
        return {name for name in listed if name and (ROOT / name).exists()}
    there = (path.relative_to(ROOT) for path in ROOT.rglob("*") if path.is_file())
    ours = (path for path in there if not MADE & set(path.parts) and path.suffix not in (".so", ".o"))
    return {str(path) for path in ours if "egg-info" not in str(path) and path.name not in ("PKG-INFO", "setup.cfg")}


def copy(directory: Path, names: Iterable[str] = ()) -> Path:
    """The project there, or these files of it, as it is here but with nothing built, and with no commit's name."""
    for name in names or kept():
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, directory / name)
    (directory / "vmm" / STAMP).write_text(UNFILLED)
    return directory


def environment() -> dict[str, str]:
    """Ours, without what a hook of git or a sanitizer has put into it, and with a committer."""
    dropped = ("GIT_", "PYTHONPATH", "LD_PRELOAD", "ASAN_", "VMM_NATIVE")
    named = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
    who = {f"GIT_{who}_{what}": "test" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    return {**named, **who, "GIT_CONFIG_GLOBAL": os.devnull}


def git(directory: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments], cwd=directory, env=environment(), capture_output=True, text=True, check=True
    )
    return done.stdout


def committed(directory: Path) -> str:
    """All of the directory as one commit; its hash."""
    git(directory, "init", "-q")
    git(directory, "add", "-A", "-f")
    git(directory, "commit", "-q", "-m", "all of it")
    return git(directory, "rev-parse", "HEAD").strip()


def unpack(archive: Path, directory: Path) -> Path:
    """The one folder that is in the archive, there."""
    with tarfile.open(archive) as file:
        file.extraction_filter = getattr(tarfile, "data_filter", None)  # not in the first releases of 3.10 and 3.11
        file.extractall(directory)
        return directory / file.getnames()[0].partition("/")[0]


def python(directory: Path, *arguments: str, **variables: str) -> str:
    """What it prints."""
    done = subprocess.run(
        [sys.executable, *arguments], cwd=directory, env={**environment(), **variables}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
