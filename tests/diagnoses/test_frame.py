"""The frame that a handler returns through against the one delivered: SDM 3A 6.12.1, IRET in vol. 2A; DDI0487 D1.10."""

from pathlib import Path

import pytest
from findings.guests import ARM, X86, booted

import vmm
from vmm.diagnoses.diagnosis import Verdict

NOWHERE = 0x5555_5555
"""No memory on either board, and no multiple of 4."""


def x86(folder: Path, handler: str) -> vmm.Machine:
    body = "IDT_GATE 0x25, handler\nIDT_GATE 13, fault\nPIC_UNMASK 5\nRAISE 5\nsti\nnop\ninterrupted: nop"
    rest = f"handler:\n{handler}\nback: iret\nfault: POWER_OFF\nelsewhere: POWER_OFF"
    return booted(folder, X86.format(body=body, rest=rest), board="pc,pit=off")


def arm64(folder: Path, handler: str) -> vmm.Machine:
    body = "GIC_ENABLE SPI(5)\nRAISE 5\nmsr daifclr, #DAIF_I\ninterrupted: nop"
    rest = f"handler: GIC_ACK x0\nLOWER 5\nGIC_EOI x0\n{handler}\nback: eret\nfault: POWER_OFF\nelsewhere: POWER_OFF"
    source = ARM.format(gic="gicv2", body=body, rest=rest).replace("irq=handler", "irq=handler, sync=fault")
    return booted(folder, source, board="virt,gic=2")


def found(m: vmm.Machine) -> list[Verdict]:
    with m.diagnose("frame") as diagnoses:
        m.run(insns=20_000)
        return diagnoses.verdicts()


@pytest.mark.parametrize(
    ("machine", "handler"),
    [
        (x86, f"movl ${NOWHERE}, 4(%esp)"),  # CS: a selector beyond the GDT, #GP at the IRET
        (x86, f"movl ${NOWHERE}, (%esp); movl ${NOWHERE}, 4(%esp)"),
        (x86, "push $0x2345678"),  # IRET takes EIP for CS
        (arm64, f"ldr x0, ={NOWHERE}\nmsr elr_el1, x0"),
        (arm64, "mov x0, #1\nmsr spsr_el1, x0\nldr x1, =0x123\nmsr elr_el1, x1"),  # EL0 with SP_EL1: an illegal return
    ],
)
def test_a_return_that_faults_at_once_is_certain(machine, handler: str, tmp_path: Path) -> None:
    m = machine(tmp_path, handler)
    (verdict,) = found(m)
    assert verdict.certain
    assert verdict.evidence[0].where == m.where("back")
    assert m.where("interrupted") in str(verdict)


@pytest.mark.parametrize(
    ("machine", "handler"),
    [(x86, "movl $elsewhere, (%esp)"), (arm64, "ldr x0, =elsewhere\nmsr elr_el1, x0")],
)
def test_a_return_to_other_code_may_be_meant(machine, handler: str, tmp_path: Path) -> None:
    (verdict,) = found(machine(tmp_path, handler))
    assert verdict.confidence == "likely"
    assert "the return address changed" in str(verdict)


@pytest.mark.parametrize(
    ("machine", "handler"),
    [
        (x86, ""),
        (x86, "movl (%esp), %eax; movl %eax, (%esp)"),  # written, and the same
        (x86, "orl $1, 8(%esp)"),  # a flag for who was interrupted
        (x86, "movl %esp, %eax; movl $other, %esp; pushfl; push %cs; push $elsewhere; STACK other"),  # another task
        (arm64, ""),
        (arm64, "mrs x0, spsr_el1\norr x0, x0, #0x80000000\nmsr spsr_el1, x0"),
        (arm64, "ldr x0, =other\nmov sp, x0\nldr x0, =elsewhere\nmsr elr_el1, x0\nSTACK other"),
    ],
)
def test_nothing_is_said_of_the_same_frame_of_flags_and_of_other_tasks(machine, handler, tmp_path) -> None:
    assert found(machine(tmp_path, handler)) == []


def test_a_fault_s_handler_may_go_on_elsewhere(tmp_path: Path) -> None:
    body = "IDT_GATE 6, undefined\nud2\nelsewhere: POWER_OFF"
    rest = "undefined: movl $elsewhere, (%esp)\niret"
    assert found(booted(tmp_path, X86.format(body=body, rest=rest), board="pc,pit=off")) == []


def test_who_does_not_diagnose_is_told_nothing(tmp_path: Path) -> None:
    m = x86(tmp_path, "movl $elsewhere, (%esp)")
    with m.trace.record():
        m.run(insns=20_000)
    assert m.trace.of(kind="frame changed").first is None
