"""The house is as vmm/README.md draws it: rooms import downwards only, and every room is on the map."""

import ast
import re
import subprocess
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "vmm"
MAP = PACKAGE / "README.md"

BELOW = {
    "errors": set(),
    "protocols": set(),
    "quantities": set(),
    "output": {"errors"},
    "scratch": set(),
    "sources": {"errors"},
    "version": set(),
    "columns": set(),
    "style": set(),
    "installing": set(),
    "built": set(),
    "pages": {"errors", "columns"},
    "shown": {"style"},
    "__init__": {
        "built", "errors", "version", "arch", "casebook", "core", "coverage", "findings", "inputs", "machine",
        "placements", "plots", "replayer", "report", "scenario", "trace",
    },
    "core": {"errors", "protocols", "_native"},
    "devices": {"errors", "protocols", "core"},
    "intc": {"errors", "shown", "protocols", "core"},
    "arch": {"errors", "shown", "core"},
    "disassembly": {"errors", "arch", "core"},
    "loaders": {"errors", "protocols", "arch"},
    "toolchain": {"errors", "output", "scratch", "sources", "installing", "arch"},
    "casebook": {"errors", "sources", "arch"},
    "catalog": {"errors", "scratch", "sources", "toolchain", "arch", "loaders", "casebook"},
    "trace": {"errors", "disassembly", "shown", "output", "core", "arch", "version"},
    "findings": {"errors", "shown", "quantities", "core", "intc", "trace"},
    "diagnoses": {"errors", "shown", "quantities", "core", "arch", "trace", "findings"},
    "boards": {"errors", "shown", "protocols", "core", "devices", "intc", "arch"},
    "scenario": {"errors", "quantities", "core", "trace"},
    "inputs": {"errors", "shown", "output", "protocols", "core", "arch", "catalog", "version"},
    "machine": {
        "errors", "shown", "quantities", "output", "protocols", "core", "arch", "disassembly", "intc", "devices",
        "loaders", "catalog", "trace", "boards", "findings", "diagnoses", "scenario", "inputs",
    },
    "coverage": {"errors", "shown", "output", "sources", "style", "arch", "catalog", "inputs", "loaders", "machine"},
    "replayer": {"errors", "core", "arch", "catalog", "scenario", "inputs", "machine", "version"},
    "debug": {"errors", "arch", "core", "trace", "scenario", "inputs", "machine", "replayer"},
    "gdb": {"errors", "arch", "core", "debug"},
    "stepper": {
        "errors", "arch", "catalog", "core", "debug", "disassembly", "inputs", "intc", "machine", "replayer",
        "scenario", "sources", "trace",
    },
    "report": {
        "errors", "quantities", "columns", "output", "sources", "style", "core", "arch", "catalog", "disassembly",
        "trace", "findings", "diagnoses", "machine", "plots",
    },
    "testing": {
        "errors", "sources", "core", "catalog", "coverage", "diagnoses", "scenario", "inputs", "machine", "placements",
        "report",
    },
    "placements": {
        "errors", "shown", "quantities", "output", "scratch", "version", "core", "coverage", "arch", "catalog",
        "diagnoses", "disassembly", "inputs", "machine", "scenario",
    },
    "plots": {"errors", "installing", "output", "core", "catalog", "machine"},
    "pytest_plugin": {"errors", "output", "coverage", "machine", "testing"},
}  # fmt: skip
"""Room → rooms it may import. The command line may import everything."""


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


@cache
def imported_rooms(path: Path) -> set[str]:
    rooms = set()
    for node in ast.walk(ast.parse(path.read_text())):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            bare = node.module == "vmm"
            names = [f"vmm.{alias.name}" for alias in node.names] if bare else [node.module]
        rooms |= {name.split(".")[1] for name in names if name.startswith("vmm.")}
    return rooms


FILES = sorted(path for path in PACKAGE.rglob("*.py") if room_of(path) not in ("cli", "__main__"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_room_imports_only_rooms_below_it(path):
    room = room_of(path)
    structs = {"_native"} if "core" in BELOW[room] else set()  # for type checkers: their names
    assert imported_rooms(path) - {room} <= BELOW[room] | structs


@pytest.mark.parametrize("room", BELOW)
def test_a_room_is_allowed_nothing_that_it_does_not_import(room):
    imported = {other for path in FILES if room_of(path) == room for other in imported_rooms(path)}
    assert BELOW[room] - imported == set()


def test_the_rooms_have_no_circles():
    below = {room: rooms - {"_native"} for room, rooms in BELOW.items() if room != "__init__"}
    while below:
        ground = [room for room, rooms in below.items() if not rooms & below.keys()]
        assert ground, f"a circle among {sorted(below)}"
        for room in ground:
            del below[room]


def test_the_top_level_stays_as_it_is():
    """Whoever comes finds the same few doors; what a wheel installs elsewhere lies in one of these rooms, too."""
    tracked = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    found = {name.partition("/")[0] for name in tracked}
    packing = {"setup.py", "MANIFEST.in"}
    rooms = {"vmm", "guests", "native", "tests", "tools"}
    assert {name for name in found if name[0] != "."} == {"pyproject.toml", "README.md", "LICENSE", *packing, *rooms}


def test_every_room_is_on_the_map():
    text = MAP.read_text()
    rooms = {room_of(path) for path in PACKAGE.rglob("*.py")} - {"__init__", "__main__"}
    assert [room for room in sorted(rooms) if f"vmm/{room}.py`" not in text and f"vmm/{room}/`" not in text] == []


def test_the_map_allows_what_is_allowed():
    """Where it names rooms; "all above" it says of those that know most."""
    for homes, allowed in re.findall(r"^\| (`vmm/.*?`) \| .* \| ([a-z_, ]+) \|$", MAP.read_text(), re.MULTILINE):
        rooms = [Path(home).stem for home in re.findall(r"`(.*?)`", homes)]
        if not allowed.startswith(("all ", "everything")):
            named = set() if allowed == "nothing" else set(allowed.split(", "))
            assert named == set().union(*(BELOW[room] for room in rooms)) - {"_native"}, rooms


def test_every_native_file_is_small_enough_to_be_one_concern():
    native = PACKAGE.parent / "native"
    assert [path.name for path in native.rglob("*.[ch]") if len(path.read_text().splitlines()) > 600] == []
