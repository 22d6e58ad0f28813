"""The guests that come with vmm, and what a user may call an image: a file, a bundled guest's name, or a source."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from vmm.arch import DEFAULT, named
from vmm.casebook.case import Asked, asked, cases, of_image
from vmm.errors import VmmError, nearest
from vmm.loaders import architecture
from vmm.sources import SOURCES, bundled, described


@dataclass(frozen=True)
class Guest:
    """One bundled guest; `success` is the exit status of `vmm run` when all is well."""

    name: str
    arch: str
    board: str
    summary: str
    success: int
    cpu: str
    """The CPU it wants, as `--cpu` names it."""
    smp: int
    """How many vCPUs it wants."""


def directories() -> dict[str, Path]:
    """Every bundled guest's directory by its name, ARCH/NAME, sorted."""
    found = sorted(path.parent for path in bundled().glob("*/*/guest.toml"))
    return {f"{directory.parent.name}/{directory.name}": directory for directory in found}


def guests() -> Iterator[Guest]:
    """Every bundled guest as its guest.toml describes it."""
    return map(_guest, directories().values())


def _is_guest(directory: Path) -> bool:
    return directory.parent.parent == bundled() and (directory / "guest.toml").is_file()


def _guest(directory: Path) -> Guest:
    facts = described(directory / "guest.toml")
    arch, cpu, smp = directory.parent.name, facts.get("cpu", "default"), facts.get("smp", 1)
    return Guest(f"{arch}/{directory.name}", arch, facts["board"], facts["summary"], facts["success"], cpu, smp)


@dataclass(frozen=True)
class Wants:
    """The machine an image is for, as the command line names its parts."""

    board: str
    cpu: str
    smp: int

    def cpu_on(self, board: str) -> str:
        """The image's, unless the user chose another board: then that board's default."""
        return self.cpu if board.partition(",")[0] == self.board.partition(",")[0] else "default"


def wants(image: Path) -> Wants:
    """What `image` runs on when the user does not say: a bundled guest's own wishes, else what its header tells."""
    if _is_guest(image.parent):
        guest = _guest(image.parent)
        return Wants(guest.board, guest.cpu, guest.smp)
    if case := of_image(image):
        machine = case.case.machines[case.arch]
        return Wants(machine["board"], machine.get("cpu", "default"), machine.get("smp", 1))
    fitting = named(architecture(image) or DEFAULT)
    return Wants(fitting.board, fitting.cpu, 1)


IMAGES = (".elf", ".bin", ".img", ".S")
"""How the names of images usually end."""
MOST_NAMED = 3


def resolve(name: str) -> Path:
    """The image file that `name` means; a source is assembled first.

    A file comes before a bundled guest (`x86/hello`, or `hello` where only one architecture has it). VmmError for
    what is neither, with the nearest file's or guest's name, and for a source that does not assemble.
    """
    if image := find(name):
        return _assembled(image) if image.suffix in SOURCES else image
    path = Path(name)
    if path.is_dir() and (inside := [file for file in _files(path) if Path(file).suffix in IMAGES]):
        listed = ", ".join(str(path / file) for file in sorted(inside)[:MOST_NAMED])
        raise VmmError(f"{name}: image expected, but this is a directory; in it: {listed}")
    if path.exists():
        return path  # a directory or the like: the loader says what is wrong with it
    if name == "-":
        raise VmmError("-: an image is a file, and is not read from standard input")
    if near := nearest(path.name, _files(path.parent)):
        raise VmmError(f"{name}: no such file; did you mean {str(path.parent / near)!r}?")
    if path.suffix or path.is_absolute():
        raise VmmError(f"{name}: no such file")
    if near := nearest(name, [*directories(), *cases()]):
        raise VmmError(f"unknown bundled guest {name!r}; did you mean {near!r}?")
    raise VmmError(f"{name}: no such file, and no bundled guest is called so; vmm list shows those there are")


def find(name: str) -> Path | None:
    """The source or image that `name` means, if there is one; VmmError where it is more than one guest."""
    path = Path(name)
    if path.suffix in SOURCES or path.is_file():
        return path
    if _is_guest(bundled() / name):
        return _image(bundled() / name)
    if case := case_named(name):
        return case.image
    known = directories()
    matches = [full for full in known if name in (full, full.partition("/")[2])]
    if len(matches) > 1:
        raise VmmError(f"{name!r} is more than one bundled guest: {', '.join(matches)}")
    return _image(known[matches[0]]) if matches else None


def case_named(name: str, variant: str | None = None) -> Asked | None:
    """The image of a case that `name` means, as `asked` has it; a file comes before it, and what is called like one."""
    path = Path(name)
    return None if path.suffix or path.is_file() else asked(name, variant)


def _files(directory: Path) -> list[str]:
    try:
        return [path.name for path in directory.iterdir() if path.is_file()]
    except OSError:
        return []


def _image(guest: Path) -> Path:
    return guest / f"{guest.name}.elf"


def title_of(image: Path) -> str:
    """`name_of` it, without the folders of what is none of the bundled."""
    name = Path(name_of(image))
    return name.name if name.is_absolute() else str(name)


def name_of(image: Path) -> str:
    """What `resolve` makes `image` of, wherever it is called: a bundled guest's name, or a file's whole path."""
    directory = image.parent
    if _is_guest(directory) and image == _image(directory):
        return f"{directory.parent.name}/{directory.name}"
    if case := of_image(image):
        return case.name
    return str(_sources.get(image, image).absolute())


def shown(image: Path) -> str:
    """What messages call it: a bundled guest, the source that it was assembled from as its user wrote it, or a file."""
    if _is_guest(image.parent):
        return f"{image.parent.parent.name}/{image.parent.name}"
    if case := of_image(image):
        return case.name
    return str(_given.get(image, image))


def files_of(image: Path) -> list[Path]:
    """What was read for it: itself, and the source it was assembled from."""
    return [image, *([_sources[image]] if image in _sources else [])]


_sources: dict[Path, Path] = {}
"""Of images that were assembled here."""
_given: dict[Path, Path] = {}
"""The same, as they were asked for."""


def _assembled(source: Path) -> Path:
    from vmm.scratch import until_exit
    from vmm.toolchain import arch_of, assemble

    image = assemble(source, arch=arch_of(source), out=until_exit() / f"{source.stem}.elf")
    _sources[image] = source.absolute()
    _given[image] = source
    return image
