"""What the benchmark does with bundled x86 guests: their images with another count, and QEMU's time for one."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

from vmm.catalog import resolve

QEMU = "qemu-system-x86_64"
QEMU_OPTIONS = (
    "-display", "none", "-monitor", "none", "-serial", "stdio", "-no-reboot", "-device", "pc-testdev",
    "-device", "isa-debug-exit,iobase=0xf4",
)  # fmt: skip


def counting_to(guest: str, usual: int, rounds: int, scratch: Path) -> Path:
    """A copy of the guest's image in `scratch`, with its constant ROUNDS, `usual`, changed to another."""
    old, image = usual.to_bytes(4, "little"), resolve(guest).read_bytes()
    assert image.count(old) >= 1, f"{guest} counts to ROUNDS"
    copy = scratch / f"{rounds}.elf"
    copy.write_bytes(image.replace(old, rounds.to_bytes(4, "little")))
    return copy


def qemu(image: Path, *options: str, accel: str = "tcg") -> int:
    """Its exit status."""
    command = [QEMU, *QEMU_OPTIONS, "-accel", accel, *options, "-kernel", str(image)]
    quiet = subprocess.DEVNULL
    return subprocess.run(command, stdin=quiet, stdout=quiet, stderr=quiet, check=False).returncode


def qemu_seconds(image: Path, *options: str, accel: str = "tcg") -> float:
    """Start-up included."""
    started = time.perf_counter()
    qemu(image, *options, accel=accel)
    return time.perf_counter() - started
