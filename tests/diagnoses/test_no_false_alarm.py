"""No diagnosis is certain of anything in a guest that is right."""

import pytest

from vmm.catalog import guests
from vmm.diagnoses.table import NAMES, diagnosis
from vmm.machine.machine import boot

GUESTS = [guest.name for guest in guests()]
INSNS = 40_000


@pytest.mark.parametrize("name", GUESTS)
def test_a_good_guest_has_nothing(name: str) -> None:
    machine = boot(name, console=None)
    with machine.diagnose() as diagnoses:
        machine.run(insns=INSNS)
        assert [str(verdict) for verdict in diagnoses.verdicts() if verdict.certain] == []


def test_looking_changes_no_hash() -> None:
    plain, looked = (boot("x86/priority_nesting", console=None) for _ in range(2))
    plain.run()
    counted = (name for name in NAMES if diagnosis(name).NEEDED and not diagnosis(name).SYMBOL)
    with looked.diagnose("all", *(f"{name}=1insn" for name in counted)) as diagnoses:
        looked.run()
        diagnoses.verdicts()
    assert looked.trace.hash == plain.trace.hash
