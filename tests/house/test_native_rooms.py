"""The C core is as native/README.md draws it: calls and includes go down, and what is above plugs in by the seams."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from collections import defaultdict
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile

NATIVE = Path(__file__).parents[2] / "native"
TOY = Path(__file__).parent / "toy_core" / "toy.c"
COMPILER = shlex.split(os.environ.get("CC", "cc"))
FLAGS = ["-std=c11", "-Wall", "-Wextra", "-Wshadow", "-Werror", "-I", str(NATIVE)]

BELOW: dict[str, set[str]] = {
    "unicorn": set(),
    "core": {"unicorn"},
    "intc": set(),
    "intc/pic": {"core", "intc"},
    "intc/apic": {"core", "intc", "intc/pic"},
    "intc/gic": {"core", "intc"},
    "devices": {"core"},
    "explore": {"unicorn", "core"},
    "x86": {"unicorn", "core", "intc/pic", "intc/apic"},
    "arm": {"unicorn", "core", "intc/gic"},
    ".": {"unicorn", "core", "devices", "intc/pic", "intc/apic", "intc/gic", "x86", "arm"},
}
"""Room → rooms whose functions it may call and whose headers it may include; `api`, plain structs, is for all."""

INCLUDE = re.compile(r'^#include "([^"]+)"', re.MULTILINE)


def room_of(path: Path) -> str:
    return path.relative_to(NATIVE).parent.as_posix()


SOURCES = sorted(NATIVE.rglob("*.c"))
FILES = sorted([*SOURCES, *NATIVE.rglob("*.h")])


@pytest.fixture(scope="module")
def calls(tmp_path_factory: pytest.TempPathFactory) -> set[tuple[str, str, str]]:
    """(room that refers, room that defines, symbol), from the objects' own symbols."""
    directory = tmp_path_factory.mktemp("objects")
    defined: dict[str, str] = {}
    wanted: dict[str, set[str]] = defaultdict(set)
    for number, source in enumerate(SOURCES):
        target = directory / f"{number}.o"
        subprocess.run([*COMPILER, *FLAGS, "-O0", "-c", str(source), "-o", str(target)], check=True)
        with target.open("rb") as file:
            for symbol in ELFFile(file).get_section_by_name(".symtab").iter_symbols():
                if symbol["st_info"]["bind"] == "STB_LOCAL":
                    continue
                if symbol["st_shndx"] == "SHN_UNDEF":
                    wanted[room_of(source)].add(symbol.name)
                else:
                    defined[symbol.name] = room_of(source)
    return {(room, defined[name], name) for room, names in wanted.items() for name in names if name in defined}


@pytest.mark.slow
def test_no_room_refers_to_one_above_it(calls: set[tuple[str, str, str]]) -> None:
    assert [call for call in sorted(calls) if call[0] != call[1] and call[1] not in BELOW[call[0]]] == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(NATIVE).as_posix())
def test_a_file_includes_only_headers_of_its_room_and_of_rooms_below(path: Path) -> None:
    rooms = {Path(name).parent.as_posix() for name in INCLUDE.findall(path.read_text())}
    assert rooms - {room_of(path), "api"} <= BELOW.get(room_of(path), set())


def test_no_room_is_allowed_another_that_it_does_not_include() -> None:
    used = defaultdict(set)
    for path in FILES:
        used[room_of(path)] |= {Path(name).parent.as_posix() for name in INCLUDE.findall(path.read_text())}
    assert {room: used[room] & below for room, below in BELOW.items()} == BELOW


def test_every_room_is_in_the_table_and_the_table_has_no_circle() -> None:
    assert {room_of(path) for path in FILES} == {*BELOW, "api"}
    below = dict(BELOW)
    while below:
        ground = [room for room, rooms in below.items() if not rooms & below.keys()]
        assert ground, f"a circle among {sorted(below)}"
        for room in ground:
            del below[room]


# ---- a third architecture and a third controller ----

LINE, PENDING, DELIVERED, ENDED = 1, 2, 3, 5  # enum vmm_event_kind
RUN = [
    # kind, instructions begun, number, pc: the wave's tick 50 ns is instruction 5, at 10 ns each
    (LINE, 5, 3, 4),
    (PENDING, 5, 5, 4),
    (DELIVERED, 5, 0x45, 5),  # the frame's pc: the instruction that has not begun
    (ENDED, 7, 5, 0x5501),  # by the handler's second instruction
]
LAST_PC = 9  # nine instructions: 3 and 4, the handler's three, 5 to 8


@pytest.mark.slow
def test_a_third_architecture_and_controller_plug_into_the_core_alone(tmp_path: Path) -> None:
    """Linked with the core and nothing above: a line, its controller, boundary, delivery, a register, a snapshot."""
    program, core = tmp_path / "toy", [str(path) for path in sorted((NATIVE / "core").glob("*.c"))]
    sanitized = ["-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
    subprocess.run([*COMPILER, *FLAGS, *sanitized, "-o", str(program), str(TOY), *core], check=True)
    done = subprocess.run([str(program)], capture_output=True, text=True, check=True, env={"LD_PRELOAD": ""})
    lines = [tuple(int(word, 0) for word in line.split()) for line in done.stdout.splitlines()]
    first, again = lines[: len(RUN) + 1], lines[len(RUN) + 1 :]
    assert first[:-1] == RUN
    assert first[-1][0] == LAST_PC
    assert again == first
