"""A vCPU that sleeps though it would not if it looked again: SDM 2A HLT; DDI0487 D1.16.2 WFI."""

from pathlib import Path

import pytest
from findings.guests import ARM, X86, booted

import vmm
from vmm.diagnoses.diagnosis import Verdict


def x86(folder: Path, look: str, doze: str = "hlt") -> vmm.Machine:
    body = f"IDT_GATE 0x25, handler\nPIC_UNMASK 5\nsti\nnop\nbegin: {look}\ndoze: {doze}\njmp begin\ndone: POWER_OFF"
    rest = "handler: incl count\nPIC_EOI 5\niret"
    return booted(folder, X86.format(body=body, rest=rest), board="pc,pit=off")


def arm64(folder: Path, look: str, doze: str = "wfi") -> vmm.Machine:
    begin = f"msr daifclr, #DAIF_I\nbegin: {look}\ndoze: {doze}\nb begin\ndone: POWER_OFF"
    rest = "handler: IRQ_ENTER\nGIC_ACK x0\nINCREMENT count\nGIC_EOI x0\nIRQ_LEAVE\nVAR count"
    source = ARM.format(gic="gicv2", body=f"GIC_ENABLE SPI(5)\nldr x4, =count\n{begin}", rest=rest)
    return booted(folder, source, board="virt,gic=2")


def found(m: vmm.Machine, at: str) -> list[Verdict]:
    with m.diagnose("lost_wakeup") as diagnoses:
        m.run(until=at)
        m.irq(5).until_served()
        m.run(insns=20_000)
        return diagnoses.verdicts()


@pytest.mark.parametrize(
    ("machine", "look"),
    [
        (x86, "cmpl $0, count; jne done"),
        (x86, "cmpb $1, count; jge done"),
        (x86, "movl count, %eax; testl %eax, %eax; jnz done"),
        (x86, "movl count, %eax; cmpl $1, %eax; je done"),
        (arm64, "ldr w0, [x4]\ncbnz w0, done"),
        (arm64, "ldrb w0, [x4]\ncmp w0, #0\nb.gt done"),
    ],
)
def test_the_look_the_interrupt_and_the_sleep_are_named(machine, look: str, tmp_path: Path) -> None:
    m = machine(tmp_path, look)
    (verdict,) = found(m, "doze")
    assert verdict.certain
    assert m.where("doze") == verdict.evidence[0].where
    assert m.where("begin") == verdict.evidence[1].where


@pytest.mark.parametrize(
    ("machine", "look", "at"),
    [
        (x86, "cmpl $2, count; jae done", "doze"),  # it waits for two
        (x86, "cmpl $0, count; jne done", "begin"),  # the look finds it
        (x86, "nop", "doze"),  # it waits for nothing
        (x86, "movl count, %eax; andl $2, %eax; jnz done", "doze"),  # not a comparison that is understood
        (arm64, "ldr w0, [x4]\ncmp w0, #2\nb.hs done", "doze"),
        (arm64, "ldr w0, [x4]\ncbnz w0, done", "begin"),
    ],
)
def test_who_would_sleep_again_or_has_looked_is_not_told_of(machine, look: str, at: str, tmp_path: Path) -> None:
    assert found(machine(tmp_path, look), at) == []


def test_what_woke_it_was_not_lost(tmp_path: Path) -> None:
    m = x86(tmp_path, "cmpl $2, count; jae done")
    with m.diagnose("lost_wakeup") as diagnoses:
        m.run(until="doze")
        m.run(insns=1)  # asleep
        m.irq(5).until_served()
        m.run(insns=20_000)
        assert diagnoses.verdicts() == []
