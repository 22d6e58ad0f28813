"""A handler that waits for the code it interrupted, and loops that are something else."""

from pathlib import Path

import pytest
from findings.guests import ARM, X86, booted

import vmm
from vmm.diagnoses.diagnosis import Verdict

ENOUGH = 20_000


def x86(folder: Path, main: str, handler: str) -> vmm.Machine:
    body = f"IDT_GATE 0x25, handler\nPIC_UNMASK 5\nRAISE 5\nsti\n{main}\ninterrupted: nop"
    rest = f"handler: nop\n{handler}\nLOWER 5\nPIC_EOI 5\niret"
    return booted(folder, X86.format(body=body, rest=rest), board="pc,pit=off")


def arm64(folder: Path, main: str, handler: str) -> vmm.Machine:
    body = f"GIC_ENABLE SPI(5)\nldr x4, =count\nmov w5, #1\nRAISE 5\n{main}\nmsr daifclr, #DAIF_I\ninterrupted: nop"
    rest = f"handler: GIC_ACK x0\nldr x9, =count\n{handler}\nLOWER 5\nGIC_EOI x0\neret\nVAR count"
    return booted(folder, ARM.format(gic="gicv2", body=body, rest=rest), board="virt,gic=2")


def found(m: vmm.Machine) -> list[Verdict]:
    with m.diagnose("deadlock") as diagnoses:
        m.run(insns=ENOUGH)
        return diagnoses.verdicts()


@pytest.mark.parametrize(
    ("machine", "main", "handler"),
    [
        (x86, "took: movl $1, count", "spin: cmpl $0, count; jne spin"),
        (x86, "took: movl $1, count", "spin: pause; movl count, %eax; testl %eax, %eax; jnz spin"),
        (x86, "took: lock btsl $0, count", "spin: lock btsl $0, count; jc spin"),
        (arm64, "took: str w5, [x4]", "spin: ldr w1, [x9]\ncbnz w1, spin"),
        (arm64, "took: stxr w6, w5, [x4]\nstr w5, [x4, #8]", "ldr x9, =count+8\nspin: ldr w1, [x9]\ncbnz w1, spin"),
    ],
)
def test_the_loop_the_lock_and_who_took_it_are_named(machine, main: str, handler: str, tmp_path: Path) -> None:
    m = machine(tmp_path, main, handler)
    (verdict,) = found(m)
    assert verdict.certain
    assert " spin" in verdict.evidence[0].where
    assert "guest.S" in verdict.evidence[1].where
    assert "count" in str(verdict)


@pytest.mark.parametrize(
    ("machine", "main", "handler"),
    [
        (x86, "movl $100000, count", "spin: decl count; jnz spin"),  # a delay
        (x86, "movl $1, count", "movl $100000, %ecx; spin: movl count, %eax; loop spin"),
        (x86, "", "spin: cmpl $1, count; jne spin"),  # somebody else's flag
        (x86, "movl $0x200000, %ebx; movl $1, (%ebx); movl $count, %ebx", "spin: cmpl $0, count; je spin"),
        (x86, "movl $1, count", "spin: jmp spin"),
        (x86, "movl $1, count", "cmpl $1, count"),  # it returns
        (arm64, "str w5, [x4]", "mov x3, #0x10000\nspin: ldr w1, [x9]\nsubs x3, x3, #1\nb.ne spin"),
        (arm64, "str w5, [x4]", "add x9, x9, #64\nspin: ldr w1, [x9]\ncbz w1, spin"),
    ],
)
def test_a_delay_and_a_wait_for_others_are_none(machine, main: str, handler: str, tmp_path: Path) -> None:
    assert found(machine(tmp_path, main, handler)) == []


def test_main_may_spin(tmp_path: Path) -> None:
    assert found(booted(tmp_path, X86.format(body="movl $1, count\nspin: cmpl $0, count; jne spin", rest=""))) == []
