"""Handlers that nest deeper than their stack reaches; the bytes are worked out from the frames (SDM 3A 6.12.1)."""

from pathlib import Path

import pytest
from findings.guests import ARM, X86, booted

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
    assert [each.where for each in verdict.evidence[-2:]] == [m.where("inner"), m.where("outer")]
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


CROSSES = {
    "x86": (
        X86,
        "IDT_GATE 0x25, outer_handler\nIDT_GATE 0x26, inner_handler\nPIC_UNMASK 5\nPIC_UNMASK 6\n"
        "movl $1, stack_guard\nmovl $top, %esp\nRAISE 5\nsti\nnop\nPOWER_OFF",
        "outer_handler: LOWER 5\nPIC_EOI 5\nRAISE 6\nsubl $20, %esp\npushl $2\ncrosses: pushl $3\nsti\nnop\ncli\n"
        "addl $28, %esp\niret\ninner_handler: LOWER 6\nPIC_EOI 6\niret\n"
        ".section .bss\n.balign 16\nbelow: .skip 64\nstack_guard: .skip 4\n.skip 36\ntop:",
    ),
    "arm64": (
        ARM.replace("{gic}", "gicv2"),
        "GIC_ENABLE SPI(5)\nGIC_ENABLE SPI(6)\nGIC_PRIORITY SPI(5), 0x80\nGIC_PRIORITY SPI(6), 0x40\n"
        "STORE stack_guard, 1\nldr x9, =top\nmov sp, x9\nRAISE 5\nmsr daifclr, #DAIF_I\nnop\nPOWER_OFF",
        "handler: IRQ_ENTER\nGIC_ACK x0\ncmp x0, #SPI(6)\nb.eq inner\nLOWER 5\nRAISE 6\n"
        "crosses: stp x9, x9, [sp, #-48]!\nmsr daifclr, #DAIF_I\nnop\nmsr daifset, #DAIF_I\nadd sp, sp, #48\n"
        "GIC_EOI x0\nIRQ_LEAVE\ninner: LOWER 6\nGIC_EOI x0\nIRQ_LEAVE\n"
        ".section .bss\n.balign 16\nbelow: .skip 256\nstack_guard: .skip 16\n.skip 96\ntop:",
    ),
}  # fmt: skip
"""The guard word is written once before, and twice by handlers: by the instruction at `crosses` first."""


@pytest.mark.parametrize(
    ("architecture", "gear"), [("x86", "precise"), ("x86", "fast"), ("arm64", "precise")], ids=str
)  # fmt: skip
def test_the_store_that_crossed_is_named(architecture: str, gear: str, tmp_path: Path) -> None:
    template, body, rest = CROSSES[architecture]
    board = "pc,pit=off" if architecture == "x86" else "virt,gic=2"
    m = booted(tmp_path, template.format(body=body, rest=rest), board=board, gear=gear)
    with m.diagnose("stack") as diagnoses:
        assert m.run(insns=20_000).reason == "poweroff"
        (verdict,) = diagnoses.verdicts()
    assert verdict.certain
    assert verdict.evidence[0].where == m.where("crosses")
    assert f"it crossed the guard word at {m.where('crosses')}: " in verdict.text
    (first, *_) = stores = list(m.trace.of(kind="guard stored"))
    assert [m.where(each.linear).split()[1].partition("+")[0] for each in stores[-1:]] == ["crosses"]
    assert first.depth == 0, "the guest's own, before"
    count = m.trace.of(kind="delivered").insns
    assert count[0] < stores[-1].insns < count[1]
    alone = booted(tmp_path, template.format(body=body, rest=rest), board=board, gear=gear)
    alone.run()
    assert (alone.trace.hash, alone.instructions) == (m.trace.hash, m.instructions)
