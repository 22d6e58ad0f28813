"""The house is as vmm/README.md draws it: rooms import downwards only, and every room is on the map."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "vmm"
MAP = PACKAGE / "README.md"

BELOW = {
    "errors": set(),
    "wiring": set(),
    "__init__": {"errors", "machine", "replaying", "scenario", "traps"},
    "engine": {"errors", "_native"},
    "devices": {"errors", "wiring"},
    "loaders": {"errors"},
    "toolchain": {"errors"},
    "intc": {"errors", "engine"},
    "cpu": {"errors", "engine"},
    "trace": {"errors", "engine"},
    "traps": {"errors", "engine", "cpu"},
    "state": {"errors", "engine"},
    "bus": {"errors", "wiring", "engine", "state"},
    "clock": {"errors", "wiring", "engine", "bus", "state"},
    "boards": {"errors", "wiring", "engine", "devices", "intc", "cpu"},
    "catalog": {"errors", "toolchain", "cpu", "loaders"},
    "memory": {"errors", "engine"},
    "stops": {"engine"},
    "scenario": {"errors", "engine", "trace"},
    "decisions": {"errors", "engine", "bus"},
    "attached": {"errors", "wiring", "engine", "bus", "clock", "decisions"},
    "recording": {"errors", "engine", "catalog", "decisions", "__version__"},
    "wires": {"errors", "decisions"},
    "hands": {
        "errors", "wiring", "engine", "attached", "boards", "cpu", "intc", "traps", "scenario", "decisions", "wires",
        "state",
    },
    "postmortem": {"errors", "cpu", "machine", "stops", "trace"},
    "testing": {"errors", "toolchain", "catalog", "scenario", "stops", "machine", "postmortem", "recording"},
    "pytest_plugin": {"errors", "machine", "testing"},
    "machine": {
        "errors", "wiring", "engine", "bus", "clock", "boards", "cpu", "intc", "loaders", "trace", "traps", "catalog",
        "memory", "stops", "scenario", "decisions", "attached", "recording", "wires", "hands", "state",
    },
    "replaying": {
        "errors", "engine", "catalog", "cpu", "decisions", "machine", "recording", "scenario", "stops", "__version__",
    },
}  # fmt: skip
"""Room → rooms it may import. The command line may import everything."""


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


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
    assert imported_rooms(path) - {room} <= BELOW[room]


def test_the_rooms_have_no_circles():
    below = {room: rooms - {"_native"} for room, rooms in BELOW.items() if room != "__init__"}
    while below:
        ground = [room for room, rooms in below.items() if not rooms & below.keys()]
        assert ground, f"a circle among {sorted(below)}"
        for room in ground:
            del below[room]


def test_every_room_is_on_the_map():
    text = MAP.read_text()
    rooms = {room_of(path) for path in PACKAGE.rglob("*.py")} - {"__init__", "__main__"}
    assert [room for room in sorted(rooms) if f"vmm/{room}.py`" not in text and f"vmm/{room}/`" not in text] == []


def test_every_native_file_is_small_enough_to_be_one_concern():
    native = PACKAGE.parent / "native"
    assert [path.name for path in native.glob("*.[ch]") if len(path.read_text().splitlines()) > 600] == []
