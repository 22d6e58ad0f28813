"""Cases whose mistake an exploration finds without a hint, and whose fix it proves within its bounds."""

import pytest

import vmm
from vmm.casebook.case import BROKEN, VARIANTS, Asked, case

NAMES = ("lock_deadlock", "lost_wakeup", "stack_overflow", "torn_read", "vector_state")
IMAGES = [Asked(case(name), arch, variant) for name in NAMES for arch in case(name).machines for variant in VARIANTS]


@pytest.mark.parametrize("asked", IMAGES, ids=lambda each: each.name)
def test_exploration_finds_the_broken_one_and_proves_the_fixed(asked: Asked) -> None:
    machine = asked.case.machines[asked.arch]
    own = {name: machine[name] for name in ("board", "cpu") if name in machine}
    report = vmm.explore(asked.image, inject=machine["inject"], **asked.case.explore, **own)
    assert report.verdict == ("counterexample" if asked.variant == BROKEN else "proven")
