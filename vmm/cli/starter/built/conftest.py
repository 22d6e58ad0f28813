"""All that pytest needs here: images, built with whichever compiler there is (VMM_CC chooses one), and what is shown.

Without pytest: python conftest.py
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
IMAGES = {
    "@NAME@.elf": ("boot.S", "main.c", "critical.c"),
    "planted.elf": ("boot.S", "main.c", "planted.c"),
}


def build() -> str:
    """Make what is older than its sources; gives what is wrong with these. Your own make can stand here."""
    sources = (path for path in HERE.iterdir() if path.suffix in (".S", ".c", ".h", ".ld"))
    newest = max(path.stat().st_mtime_ns for path in sources)
    for image, parts in IMAGES.items():
        if (HERE / image).exists() and (HERE / image).stat().st_mtime_ns > newest:
            continue
        command = [sys.executable, "-m", "vmm", "asm", *parts, "-T", "image.ld", "-o", image]
        done = subprocess.run(command, cwd=HERE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        if done.returncode != 0:
            return done.stderr.strip()
    return ""


def pytest_configure(config: pytest.Config) -> None:
    config.option.reportchars += "x"  # failures that are expected are listed at the end
    config.option.vmm_record_dir = config.option.vmm_record_dir or Path(os.path.relpath(HERE / "failed"))
    if wrong := build():
        pytest.exit(wrong, returncode=pytest.ExitCode.USAGE_ERROR)


if __name__ == "__main__":
    sys.exit(build() or 0)
