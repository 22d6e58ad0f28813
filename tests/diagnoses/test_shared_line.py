"""Two devices on one line whose input takes edges (8259A: "Edge and Level Triggered Modes")."""

from pathlib import Path

from findings.guests import x86

import vmm
from diagnoses.guests import certain, said

BODY = """
    IDT_GATE 0x25, handler
    {level}
    PIC_UNMASK 5
    sti
"""
HANDLER = """
handler:
    incl count
served:
    PIC_EOI 5
back:
    iret
"""


def run_with_two(folder: Path, *, level: str = "", both_leave: bool = False) -> vmm.Machine:
    m = x86(folder, BODY.format(level=level), HANDLER)
    one, other = m.bus.line(5), m.bus.line(5)

    async def devices(m: vmm.Machine) -> None:
        await vmm.Elapsed(us=50)
        one.set(True)
        other.set(True)
        await m.reach("served")
        one.set(False)
        if both_leave:
            other.set(False)

    m.start(devices)
    return m


def test_the_one_that_was_not_served_waits(tmp_path: Path) -> None:
    m = run_with_two(tmp_path)
    (verdict,) = certain(m, "shared_line")
    assert verdict.evidence[0].where == m.where("back")
    assert "2 devices held the line at once" in verdict.text


def test_a_line_that_falls_is_free_for_the_next_edge(tmp_path: Path) -> None:
    assert said(run_with_two(tmp_path, both_leave=True), "shared_line") == []


def test_an_input_that_takes_levels_interrupts_again(tmp_path: Path) -> None:
    assert said(run_with_two(tmp_path, level="OUT_BYTE ELCR1, 0x20"), "shared_line", insns=5000) == []


def test_one_device_alone_may_hold_its_line(tmp_path: Path) -> None:
    m = x86(tmp_path, BODY.format(level="") + "RAISE 5", HANDLER)
    assert said(m, "shared_line") == []
