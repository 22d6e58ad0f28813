"""Which command installs what is missing into this very Python, or with the system's package manager."""

from __future__ import annotations

import importlib.util
import shlex
import shutil
import sys
import sysconfig
from pathlib import Path

SYSTEMS = {
    "apt-get": "apt-get install",
    "dnf": "dnf install",
    "yum": "yum install",
    "zypper": "zypper install",
    "pacman": "pacman -S",
    "emerge": "emerge",
    "nix-env": "nix-env -i",
}
"""Package managers by their program, and how they install."""


def into_python(package: str) -> str | None:
    """The command that installs `package` where this Python finds it; None where there is none that would."""
    prefix = Path(sys.prefix)
    python = shlex.quote(sys.executable or "python3")
    if "pipx" in prefix.parts:
        return f"pipx inject {prefix.name} {package}"
    if prefix.parent.name == "tools" and "uv" in prefix.parts:
        return f"uv tool install --with {package} {prefix.name}"
    if _says(prefix / "pyvenv.cfg", "uv = "):
        return f"uv pip install --python {python} {package}"
    if importlib.util.find_spec("pip") is None or _is_the_systems():
        return None
    return f"{python} -m pip install {package}"


def into_system(*packages: str) -> str | None:
    """The command that installs the system's `packages`; None where no package manager is found."""
    program = next(filter(shutil.which, SYSTEMS), None)
    return f"{SYSTEMS[program]} {' '.join(packages)}" if program else None


def _is_the_systems() -> bool:
    """Pip refuses to change it (PEP 668)."""
    marker = Path(sysconfig.get_path("stdlib")) / "EXTERNALLY-MANAGED"
    return sys.prefix == sys.base_prefix and marker.exists()


def _says(file: Path, text: str) -> bool:
    try:
        return text in file.read_text(errors="replace")
    except OSError:
        return False
