"""Cases whose mistake an exploration finds without a hint; that it proves their fix, their exit status says."""

import pytest

import vmm
from vmm.casebook.case import BROKEN, Asked, case

NAMES = ("lock_deadlock", "lost_wakeup", "stack_overflow", "torn_read", "vector_state")
IMAGES = [Asked(case(name), arch, BROKEN) for name in NAMES for arch in case(name).machines]


@pytest.mark.parametrize("asked", IMAGES, ids=lambda each: each.name)
def test_exploration_finds_the_broken_one(asked: Asked) -> None:
    inject = asked.case.machines[asked.arch]["inject"]
    report = vmm.explore(asked.image, inject=inject, **asked.case.explore)
    assert report.verdict == "counterexample"
