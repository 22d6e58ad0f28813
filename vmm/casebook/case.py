"""A case as its folder describes it: case.toml, a source for each architecture, an image of each variant.

title = "an interrupt is never ended"
summary = "one path of the handler returns without an end of interrupt"
diagnoses = ["missing_eoi"]      # what is certain of the broken variant, and of it alone
budgets = ["latency=80us"]       # may be left out: what the case allows, as `vmm run --diagnose` takes it
plot = "latency"                 # may be left out: what a picture shows best, as `vmm run --plot` takes it, or
                                 # "curves", which `curves(boot)` of scenario.py measures

[x86]                            # its source is beside it, in assembly; so for arm64 and arm; [x86_c]: x86.c
board = "pc,pit=off"
inject = ["irq:5"]               # what may come, where it is explored

[explore]                        # for what one run does not show: as the arguments of `vmm.explore`
between = ["begin", "end"]
check = ["n == 2"]
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from vmm.arch import ARCHITECTURES, DEFAULT
from vmm.errors import VmmError, unknown
from vmm.sources import SOURCES, bundled, described

__all__ = ["Case", "case"]

FOLDER = "cases"
BROKEN, FIXED = VARIANTS = ("broken", "fixed")
DEFINES = {BROKEN: (), FIXED: ("FIXED",)}
"""What the assembler or compiler is told of each variant."""


@dataclass(frozen=True, eq=False)
class Case:
    """One; its name is that of its folder. A notebook shows its story, and what its variants differ in."""

    directory: Path
    title: str
    summary: str
    diagnoses: tuple[str, ...]
    """Names of those that are certain of the broken variant."""
    machines: dict[str, dict[str, Any]]
    """By architecture, or source where that is in C: board, cpu, smp, and what may come where it is explored."""
    budgets: tuple[str, ...] = ()
    """What those are allowed that take a budget."""
    plot: str = ""
    """Which picture of its runs shows what goes wrong; empty: none."""
    explore: dict[str, Any] = field(default_factory=dict)
    """How it is explored; empty: a run shows it."""

    @property
    def name(self) -> str:
        """As `boot` takes it: "cases/lost_edge"."""
        return f"{FOLDER}/{self.directory.name}"

    def source(self, arch: str) -> Path:
        """What both variants are assembled or compiled from."""
        if arch != built_for(arch):
            return self.directory / arch.replace("_", ".")
        return next(path for path in (self.directory / f"{arch}{end}" for end in SOURCES) if path.is_file())

    def image(self, arch: str, variant: str) -> Path:
        """Of a variant."""
        return self.directory / f"{arch}-{variant}.elf"

    @property
    def looked_for(self) -> list[str]:
        """What `Machine.diagnose` is asked of it: everything, with its own budgets."""
        return ["all", *self.budgets]

    @property
    def scenario(self) -> Path | None:
        """What plays the outside world; None: nobody."""
        path = self.directory / "scenario.py"
        return path if path.is_file() else None

    @property
    def story(self) -> str:
        """What happens, and why."""
        return (self.directory / "README.md").read_text(encoding="utf-8")

    def _repr_markdown_(self) -> str:
        from vmm.casebook.difference import difference

        arch = DEFAULT if DEFAULT in self.machines else next(iter(self.machines))
        return f"{self.story.rstrip()}\n\n## From broken to fixed\n\n```diff\n{difference(self, arch)}```\n"


def cases(root: Path | None = None) -> dict[str, Case]:
    """Every case by its name, cases/NAME, sorted."""
    found = sorted((root or bundled()).glob(f"{FOLDER}/*/case.toml"))
    return {case.name: case for case in map(_read, found)}


def case(name: str) -> Case:
    """VmmError, with the nearest right name, for one there is not; "cases/" may be left out."""
    known = cases()
    for each in (name, f"{FOLDER}/{name}"):
        if each in known:
            return known[each]
    raise unknown("case", name, known)


def _read(path: Path) -> Case:
    facts = described(path)
    machines = {name: facts.pop(name) for name in list(facts) if built_for(name) in ARCHITECTURES}
    facts |= {name: tuple(facts.get(name, ())) for name in ("diagnoses", "budgets")}
    return Case(directory=path.parent, machines=machines, **facts)


def built_for(name: str) -> str:
    """The architecture of one of a case's machines: "x86" of "x86_c", whose source is x86.c."""
    return name.partition("_")[0]


@dataclass(frozen=True, eq=False)
class Asked:
    """One image of a case."""

    case: Case
    arch: str
    variant: str

    @property
    def image(self) -> Path:
        return self.case.image(self.arch, self.variant)

    @property
    def name(self) -> str:
        """As `asked` takes it."""
        return f"{self.case.name}/{self.arch}-{self.variant}"


def asked(name: str, variant: str | None = None) -> Asked | None:
    """What "cases/NAME", "cases/NAME/ARCH" or "cases/NAME/ARCH-VARIANT" means, the broken variant where none is said;
    None for other names. VmmError, with the nearest right name, where a part of it is wrong.
    """
    folder, slash, rest = name.partition("/")
    if folder != FOLDER or not slash:
        return None
    first, _, image = rest.partition("/")
    found = case(first)
    arch, dash, said = image.partition("-")
    arch = arch or (DEFAULT if DEFAULT in found.machines else next(iter(found.machines)))
    if arch not in found.machines:
        raise unknown(f"architecture of {found.name}", arch, found.machines)
    chosen = said if dash else variant or BROKEN
    if chosen not in VARIANTS:
        raise unknown("variant", chosen, VARIANTS)
    if dash and variant not in (None, said):
        raise VmmError(f"{name} is the {said} variant, and --variant says {variant}")
    return Asked(found, arch, chosen)


def of_image(image: Path) -> Asked | None:
    """Whose image a file is; None: no case's."""
    directory = image.parent
    if directory.parent != bundled() / FOLDER or not (directory / "case.toml").is_file():
        return None
    arch, _, variant = image.stem.partition("-")
    return Asked(_read(directory / "case.toml"), arch, variant) if variant in VARIANTS else None


def images() -> Iterator[Asked]:
    """Of all cases, both variants for each architecture."""
    for each in cases().values():
        yield from (Asked(each, arch, variant) for arch in each.machines for variant in VARIANTS)
