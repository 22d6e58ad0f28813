"""How long work of a device waits, by times that a script sets: one packet for which the guest never asks."""

import pytest

import vmm
from vmm.devices import nic

BASE = 0xFEB01000


def run(budget: str, *, given_back_after: int | None) -> tuple[vmm.Machine, list, list[str]]:
    """A packet comes; after so many instructions its buffer is given back, or never, and the run goes on for 500."""
    m = vmm.boot("x86/hello", board="pc,pit=off,nic=on", console=None)
    device = m.board.devices["nic"]
    with m.diagnose(f"late_service={budget}" if budget else "all") as diagnoses:
        m.run(insns=10)
        for register, value in ((nic.RING, 0x2000), (nic.TAIL, 1), (nic.COUNT, 2), (nic.CONTROL, nic.RECEIVE)):
            device.mmio_write(BASE + register, 4, value)
        device.arrive(b"")
        if given_back_after is not None:
            m.run(insns=given_back_after)
            device.mmio_write(BASE + nic.TAIL, 4, 2)
        m.run(insns=500 - (given_back_after or 0))
        return m, diagnoses.verdicts(), diagnoses.looked().figures.get("late_service", [])


@pytest.mark.parametrize(
    ("budget", "late"), [("300insns", False), ("299insns", True), ("3us", False), ("2999ns", True)]
)
def test_what_is_done_after_300_instructions(budget: str, late: bool) -> None:
    _, found, figures = run(budget, given_back_after=300)
    assert [verdict.certain for verdict in found] == [True] * late
    assert figures == ["IRQ 10: 1 works, the latest done after 3.00 us: the device has not asked for an interrupt"]
    for verdict in found:
        assert verdict.text.startswith("work 0 of IRQ 10 is done 3.00 us after it came")
        assert [each.words for each in verdict.evidence] == [
            "the device is told when it is to ask for an interrupt",
            "its driver says that it is done",
            "it comes, while this runs",
        ]


def test_what_is_never_done_has_waited_to_the_end() -> None:
    _, (verdict,), _ = run("4us", given_back_after=None)
    assert "has waited 5.00 us after it came" in verdict.text
    assert "1 of 1 are late" in verdict.text


def test_no_budget_no_verdict() -> None:
    _, found, figures = run("", given_back_after=None)
    assert ([each for each in found if each.diagnosis == "late_service"], figures) == ([], [])
