"""Handlers that nest deeper than their stack reaches; the bytes are worked out from the frames (SDM 3A 6.12.1)."""

from pathlib import Path

import pytest
from findings.guests import X86, booted

import vmm
from vmm.diagnoses.diagnosis import Verdict

FRAME = 12
"""EIP, CS, EFLAGS."""


def machine(folder: Path, room: int, *, nests: bool, guard: str = "stack_guard") -> vmm.Machine:
    """The handler of IRQ 5 takes 20 bytes and may let in IRQ 6, which takes none."""
    opens = "RAISE 6\nsti\nnop\ninner: cli" if nests else ""
    body = (
        "IDT_GATE 0x25, outer_handler\nIDT_GATE 0x26, inner_handler\nPIC_UNMASK 5\nPIC_UNMASK 6\n"
        "movl $top, %esp\nRAISE 5\nsti\nnop\nouter: cli\nPOWER_OFF"
    )
    rest = (
        f"outer_handler: subl $20, %esp\nLOWER 5\nPIC_EOI 5\n{opens}\naddl $20, %esp\niret\n"
        "inner_handler: LOWER 6\nPIC_EOI 6\niret\n"
        f".section .bss\n.balign 16\n{guard}: .skip {room}\ntop:"
    )
    return booted(folder, X86.format(body=body, rest=rest), board="pc,pit=off")


def found(m: vmm.Machine) -> list[Verdict]:
    with m.diagnose("stack") as diagnoses:
        assert m.run(insns=20_000).reason == "poweroff"
        return diagnoses.verdicts()


NEEDED = FRAME + 20 + FRAME


@pytest.mark.parametrize("room", [NEEDED, NEEDED - 4])
def test_a_frame_on_the_guard_word_is_certain(room: int, tmp_path: Path) -> None:
    m = machine(tmp_path, room, nests=True)
    (verdict,) = found(m)
    assert verdict.certain
    assert verdict.evidence[0].where == m.where("inner")
    assert verdict.evidence[1].where == m.where("outer")
    assert f"{NEEDED - room} bytes below the guard word" in str(verdict)
    assert f"took {20 + FRAME}" in str(verdict)


@pytest.mark.parametrize(("room", "nests"), [(NEEDED + 4, True), (NEEDED - 4, False), (256, True)])
def test_what_fits_is_not_told_of(room: int, nests: bool, tmp_path: Path) -> None:
    assert found(machine(tmp_path, room, nests=nests)) == []


def test_without_a_guard_word_it_does_not_apply(tmp_path: Path) -> None:
    m = machine(tmp_path, NEEDED, nests=True, guard="floor")
    with m.diagnose("stack") as diagnoses:
        m.run()
        assert diagnoses.verdicts() == []
        assert diagnoses.not_applied() == {"stack": "the image has no symbol stack_guard or guard"}
