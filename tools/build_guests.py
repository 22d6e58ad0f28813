"""Build every bundled guest's image from its source, or check that the committed images are what the sources give.

python tools/build_guests.py [--check] [NAME...], NAME as in `vmm list`: x86/hello, cases/missing_eoi.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from vmm.casebook.case import DEFINES, VARIANTS, built_for, cases
from vmm.errors import VmmError, unknown
from vmm.toolchain import assemble

ZIGLANG = "0.17.0"
"""The images are reproducible with this version of the ziglang package; another's assembler may choose otherwise."""

ROOT = Path(__file__).resolve().parent.parent / "guests"


@dataclass(frozen=True)
class Image:
    """What is built of one source."""

    source: Path
    arch: str
    path: Path
    defines: tuple[str, ...] = ()

    def build(self, out: Path) -> Path:
        """VmmError or AssemblyError."""
        return assemble(self.source, arch=self.arch, out=out, defines=self.defines)


def guests(root: Path = ROOT) -> dict[str, list[Image]]:
    """The images of every guest, one each, and of every case, by name."""
    found = {}
    for directory in (path.parent for path in sorted(root.glob("*/*/guest.toml"))):
        name, arch = directory.name, directory.parent.name
        found[f"{arch}/{name}"] = [Image(directory / f"{name}.S", arch, directory / f"{name}.elf")]
    for name, each in cases(root).items():
        found[name] = [
            Image(each.source(arch), built_for(arch), each.image(arch, variant), DEFINES[variant])
            for arch in each.machines
            for variant in VARIANTS
        ]
    return found


def stale(images: Iterable[Image]) -> Iterator[Path]:
    """The committed images that are missing or differ from a fresh build."""
    with tempfile.TemporaryDirectory() as scratch:
        for image in images:
            fresh = image.build(Path(scratch) / "fresh.elf").read_bytes()
            if not image.path.is_file() or image.path.read_bytes() != fresh:
                yield image.path


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
    chosen = [image for name in names or known for image in known[name]]
    if not check:
        for image in chosen:
            image.build(image.path)
        return 0
    differing = list(stale(chosen))
    for path in differing:
        print(f"{path}: not what its source gives; run python tools/build_guests.py")
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
