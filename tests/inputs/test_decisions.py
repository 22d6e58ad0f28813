"""The one way in: whoever can make a decision happen registers its row, and all the rest follows from that."""

from __future__ import annotations

import pytest

import vmm
from vmm.inputs import tape
from vmm.inputs.decisions import Decision


def test_a_new_kind_of_decision_is_one_row(tmp_path):
    made = []
    m = vmm.boot("x86/pit_ticks")
    m.inputs.register({"ring": lambda bell, text: made.append((bell, text)) or len(made)})
    with m.recording(tmp_path / "run.vmmrec"):
        m.run(insns=5)
        assert m.inputs.decide("ring", 7, "twice") == 1
        at = m.position
        m.run(insns=5)
    assert made == [(7, "twice")]
    (entry,) = tape.read(tmp_path / "run.vmmrec").entries
    assert (entry.at, entry.decision) == (at, Decision("ring", (7, "twice")))
    with pytest.raises(vmm.VmmError, match=r"run\.vmmrec:2: the recording is damaged: no decision"):
        vmm.replay(tmp_path / "run.vmmrec")


def test_a_kind_has_one_row():
    with pytest.raises(AssertionError, match="one kind, one row"):
        vmm.Machine().inputs.register({"line": print})


def test_who_observes_is_told_before_it_takes_effect():
    m = vmm.boot("x86/pit_ticks")
    seen = []
    m.inputs.observe = lambda decision: seen.append((decision, m.memory.read(0x500, 1)))
    m.memory.write(0x500, b"\xa5")
    assert seen == [(Decision("memory", (0x500, b"\xa5")), b"\0")]
    assert m.memory.read(0x500, 1) == b"\xa5"


def test_what_a_board_and_an_image_do_themselves_is_no_decision():
    m = vmm.boot("x86/pit_ticks")
    assert m.inputs.count == 0
    m.run(until="tick")
    assert m.inputs.count == 0


@pytest.mark.parametrize("name", ["x86/hello", "arm64/hello", "arm/hello"])
def test_vcpus_as_scripts_have_them_are_those_of_the_machine(name):
    m = vmm.boot(name)
    told = []
    m.inputs.observe = told.append
    entry = m.cpu.pc
    register = "ebx" if m.architecture == "x86" else "r5" if m.architecture == "arm" else "x5"
    m.cpu[register] = 0x1234
    assert told == [Decision("cpu", (0, "register", register, 0x1234))]
    m.run(insns=1)
    assert m.cpu.pc != entry
