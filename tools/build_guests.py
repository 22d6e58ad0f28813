"""Build every bundled guest's image from its source, or check that the committed images are what the sources give.

python tools/build_guests.py [--check] [NAME...], NAME as in `vmm list`: x86/hello.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Iterable, Iterator
from importlib import metadata
from pathlib import Path

from vmm.errors import VmmError, unknown
from vmm.toolchain import assemble

ZIGLANG = "0.17.0"
"""The images are reproducible with this version of the ziglang package; another's assembler may choose otherwise."""

ROOT = Path(__file__).resolve().parent.parent / "guests"


def guests(root: Path = ROOT) -> dict[str, Path]:
    """Every guest's directory by its name."""
    directories = (path.parent for path in sorted(root.glob("*/*/guest.toml")))
    return {f"{directory.parent.name}/{directory.name}": directory for directory in directories}


def build(directory: Path, out: Path) -> Path:
    """Assemble one guest; the architecture is the name of the directory above it. VmmError or AssemblyError."""
    return assemble(directory / f"{directory.name}.S", arch=directory.parent.name, out=out)


def image_of(directory: Path) -> Path:
    return directory / f"{directory.name}.elf"


def stale(directories: Iterable[Path]) -> Iterator[Path]:
    """The committed images that are missing or differ from a fresh build."""
    with tempfile.TemporaryDirectory() as scratch:
        for directory in directories:
            fresh = build(directory, Path(scratch) / "fresh.elf").read_bytes()
            image = image_of(directory)
            if not image.is_file() or image.read_bytes() != fresh:
                yield image


def installed_ziglang() -> str | None:
    try:
        return metadata.version("ziglang")
    except metadata.PackageNotFoundError:
        return None


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help="only these guests")
    parser.add_argument("--check", action="store_true", help="build aside, name the images that differ, exit 1 if any")
    options = parser.parse_args(arguments)
    try:
        return run(options.names, check=options.check)
    except VmmError as error:
        print(f"build_guests: {error}", file=sys.stderr)
        return 2


def run(names: list[str], *, check: bool) -> int:
    known = guests()
    for name in names:
        if name not in known:
            raise unknown("guest", name, known)
    installed = installed_ziglang()
    if installed != ZIGLANG:
        raise VmmError(f"the images need ziglang {ZIGLANG}, here is {installed}: pip install ziglang=={ZIGLANG}")
    os.environ.pop("VMM_CC", None)  # the pinned tool, whatever the user prefers for their own guests
    chosen = [known[name] for name in names or known]
    if not check:
        for directory in chosen:
            build(directory, image_of(directory))
        return 0
    differing = list(stale(chosen))
    for image in differing:
        print(f"{image}: not what its source gives; run python tools/build_guests.py")
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
