"""A page fault within a handler that waits for what that handler masks, in images of the case."""

import pytest

import vmm
from vmm.casebook.case import BROKEN, FIXED, Asked, case
from vmm.diagnoses.diagnosis import Verdict

CASE = case("isr_page_fault")
ENOUGH = 30_000


def found(asked: Asked, *, disk: bool, since: str = "ask") -> tuple[vmm.Machine, list[Verdict]]:
    m = vmm.boot(asked.image, console=None)
    with m.diagnose("circular_wait") as diagnoses:
        if asked.variant == FIXED:
            m.run(until="ask")  # the routine is touched ahead
            m.irq(6).until_served()
        m.run(until="begin")
        m.irq(5).until_served()
        if asked.variant == BROKEN:
            m.run(until=since)
            if disk:
                m.irq(6).until_served()
        m.run(insns=ENOUGH)
        return m, diagnoses.verdicts()


@pytest.mark.parametrize("arch", CASE.machines)
def test_the_page_the_wait_and_the_line_are_named(arch: str) -> None:
    m, (verdict,) = found(Asked(CASE, arch, BROKEN), disk=True)
    assert verdict.certain
    assert m.where("work") in verdict.evidence[0].where or "0x8008" in verdict.evidence[0].where
    assert m.where("wait") == verdict.evidence[1].where
    assert m.board.line_names[6] in str(verdict)


@pytest.mark.parametrize("arch", CASE.machines)
def test_nobody_waits_for_a_disk_that_has_not_answered(arch: str) -> None:
    assert found(Asked(CASE, arch, BROKEN), disk=False)[1] == []


@pytest.mark.parametrize("arch", CASE.machines)
def test_a_page_that_is_there_is_waited_for_by_nobody(arch: str) -> None:
    m, verdicts = found(Asked(CASE, arch, FIXED), disk=True)
    assert m.stop.reason == "poweroff"
    assert verdicts == []
