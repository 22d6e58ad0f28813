"""Cases whose mistake an exploration finds without a hint; that it proves their fix, their exit status says."""

import fnmatch
import re

import pytest

import vmm
from vmm.casebook.case import BROKEN, Asked, case
from vmm.cli import main

NAMES = ("lock_deadlock", "lost_wakeup", "stack_overflow", "torn_read", "vector_state")
WRITTEN = re.compile(r"so_far = n;|n = so_far \+ 1;|time = milliseconds;|milliseconds\+\+;")
IMAGES = [Asked(case(name), arch, BROKEN) for name in NAMES for arch in case(name).machines]


@pytest.mark.parametrize("asked", IMAGES, ids=lambda each: each.name)
def test_exploration_finds_the_broken_one(asked: Asked) -> None:
    inject = asked.case.machines[asked.arch]["inject"]
    report = vmm.explore(asked.image, inject=inject, **asked.case.explore)
    assert report.verdict == "counterexample"


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("lost_update", "lost update of n (4 bytes): read as 0 at * {so_far = n;}, made 1 by the handler at handler+* "
            "{n = so_far + 1;}, and overwritten with 1 at * {n = so_far + 1;} without being read again"),
        ("torn_read", "torn read of milliseconds (8 bytes): one half is read at * {time = milliseconds;}, the other "
            "at * {time = milliseconds;}, and between them the handler changes both, the last at tick+* "
            "{milliseconds++;}: *"),
    ],
)  # fmt: skip
def test_of_a_case_in_c_the_story_names_functions_and_lines_of_c(name: str, told: str, capfd) -> None:
    """And what is proven of the fixed one is proven of every place between its instructions."""
    source = case(name).source("x86_c")
    lines = {text: n for n, line in enumerate(source.read_text().splitlines(), 1) for text in WRITTEN.findall(line)}
    expected = re.sub(r"{(.+?)}", lambda code: f"x86.c:{lines[code[1]]}", told)
    assert main(["run", f"cases/{name}/x86_c"]) == 1
    assert fnmatch.filter(capfd.readouterr().err.splitlines(), f"  {expected}")
    assert main(["run", f"cases/{name}/x86_c", "--variant", "fixed"]) == 0
    assert "proven: no placement within these bounds fails" in capfd.readouterr().err
