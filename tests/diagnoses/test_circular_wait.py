"""A page fault within a handler that waits for what that handler masks, in images of the case."""

import pytest

import vmm
from vmm.casebook.case import BROKEN, FIXED, Asked, case
from vmm.diagnoses.diagnosis import Verdict

CASE = case("isr_page_fault")
RAM, PAGED = 0x40000000, 0x80000000
ENOUGH = 12_000
SEEK = 5_000
"""Instructions that the disk takes."""


def found(asked: Asked, *, insns: int = ENOUGH) -> tuple[vmm.Machine, list[Verdict]]:
    """So many instructions behind the device's interrupt."""
    m = vmm.boot(asked.image, console=None)
    with m.diagnose("circular_wait") as diagnoses:
        m.run(until="begin")
        m.irq(5).until_served()
        m.run(insns=insns)
        return m, diagnoses.verdicts()


@pytest.mark.parametrize("arch", CASE.machines)
def test_the_page_the_wait_and_the_line_are_named(arch: str) -> None:
    m, (verdict,) = found(Asked(CASE, arch, BROKEN))
    assert verdict.certain
    work = m.address("work") + (0 if arch == "x86" else PAGED - RAM)
    assert verdict.evidence[0].where.split(" ")[0] == f"{work:#x}"
    assert m.where("wait") == verdict.evidence[1].where
    assert m.board.line_names[14 if arch == "x86" else 6] in str(verdict)


@pytest.mark.parametrize("arch", CASE.machines)
def test_nobody_waits_for_a_disk_that_has_not_answered(arch: str) -> None:
    assert found(Asked(CASE, arch, BROKEN), insns=SEEK - 100)[1] == []


@pytest.mark.parametrize("arch", CASE.machines)
def test_a_page_that_is_there_is_waited_for_by_nobody(arch: str) -> None:
    m, verdicts = found(Asked(CASE, arch, FIXED))
    assert m.stop.reason == "poweroff"
    assert verdicts == []
