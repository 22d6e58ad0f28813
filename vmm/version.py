"""Which vmm this is; packaging reads it here."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

__version__ = "0.1.0"

STAMP = "commit"
"""The file beside this one that says what was built: `git archive` fills it in, and so does what setup.py packs."""
_UNFILLED = "$"
_DIGITS = 12


def commit(package: Path | None = None) -> str:
    """The commit that the `package` (this one) was made from, in 12 digits, with -dirty behind it where a file that git
    keeps differed; nothing where nobody knows, as without git.
    """
    from pathlib import Path

    package = package or Path(__file__).parent
    stamp = package / STAMP
    known = stamp.read_text(encoding="ascii").strip() if stamp.is_file() else ""
    if known and not known.startswith(_UNFILLED):
        digits, dash, state = known.partition("-")
        return f"{digits[:_DIGITS]}{dash}{state}"
    return _of_checkout(package.parent)


def described() -> str:
    """The version, and the commit where it is known."""
    made_from = commit()
    return f"{__version__} (commit {made_from})" if made_from else __version__


def _of_checkout(root: Path) -> str:
    """Of `root` itself, whatever repository lies around it, or a hook that runs us has in its variables."""
    import os  # only who asks pays for these
    import subprocess

    repository = root / ".git"
    if not repository.exists():
        return ""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    command = ["git", "--no-optional-locks", f"--git-dir={repository}", f"--work-tree={root}"]
    describe = ["describe", "--always", "--dirty", f"--abbrev={_DIGITS}", "--exclude=*"]
    try:
        done = subprocess.run([*command, *describe], env=environment, cwd=root, capture_output=True, text=True)
    except OSError:  # no git
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
