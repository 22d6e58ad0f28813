"""Registers at a handler's return against those at its delivery, and whether anybody reads them."""

from pathlib import Path

import pytest
from findings.guests import ARM, X86, booted

import vmm
from vmm.diagnoses.diagnosis import Verdict
from vmm.toolchain import assemble

SSE = "movl %cr0, %eax; andl $~4, %eax; movl %eax, %cr0; movl %cr4, %eax; orl $0x200, %eax; movl %eax, %cr4"


def x86(folder: Path, main: str, handler: str) -> vmm.Machine:
    body = f"{SSE}\nIDT_GATE 0x25, handler\nPIC_UNMASK 5\nRAISE 5\nsti\nnop\ninterrupted:\n{main}\nPOWER_OFF"
    rest = f"handler: LOWER 5\nPIC_EOI 5\n{handler}\nback: iret"
    return booted(folder, X86.format(body=body, rest=rest), board="pc,pit=off")


def arm64(folder: Path, main: str, handler: str) -> vmm.Machine:
    body = f"GIC_ENABLE SPI(5)\nRAISE 5\nmsr daifclr, #DAIF_I\ninterrupted:\n{main}\nPOWER_OFF"
    rest = f"handler: IRQ_ENTER\nGIC_ACK x0\nLOWER 5\nGIC_EOI x0\n{handler}\nback: IRQ_LEAVE"
    return booted(folder, ARM.format(gic="gicv2", body=body, rest=rest), board="virt,gic=2")


def found(m: vmm.Machine, name: str) -> list[Verdict]:
    with m.diagnose(name) as diagnoses:
        m.run(insns=20_000)
        return diagnoses.verdicts()


@pytest.mark.parametrize(
    ("machine", "main", "handler", "reads"),
    [
        (x86, "paddd %xmm3, %xmm4", "pcmpeqd %xmm3, %xmm3", "XMM3"),
        (x86, "nop; jmp there; ud2; there: movups %xmm3, count", "pcmpeqd %xmm3, %xmm3", "XMM3"),
        (x86, "jz there; movaps %xmm3, %xmm0; there: addps %xmm3, %xmm1", "pcmpeqd %xmm3, %xmm3", "XMM3"),
        (arm64, "add v1.4s, v2.4s, v3.4s", "movi v3.4s, #1", "V3"),
        (arm64, "str q31, [sp, #-16]!", "movi v31.4s, #1", "Q31"),
        (arm64, "fadd d1, d2, d3", "movi v2.4s, #1", "D2"),
    ],
)
def test_a_vector_register_that_is_read_next_is_certain(machine, main: str, handler: str, reads: str, tmp_path) -> None:
    m = machine(tmp_path, main, handler)
    (verdict,) = found(m, "vector_state")
    assert verdict.certain
    assert f"{reads} is read at" in str(verdict)
    assert m.where("interrupted") in verdict.evidence[1].words


@pytest.mark.parametrize(
    ("machine", "main", "handler"),
    [
        (x86, "movups count, %xmm3; movups %xmm3, count", "pcmpeqd %xmm3, %xmm3"),  # written first
        (x86, "movaps %xmm4, %xmm5", "pcmpeqd %xmm3, %xmm3"),  # another
        (x86, "jz there; movaps %xmm3, %xmm0; there: nop", "pcmpeqd %xmm3, %xmm3"),  # only on one way
        (arm64, "ldr q3, [sp]\nstr q3, [sp]", "movi v3.4s, #1"),
    ],
)
def test_one_that_nobody_reads_may_be_the_handler_s(machine, main: str, handler: str, tmp_path: Path) -> None:
    (verdict,) = found(machine(tmp_path, main, handler), "vector_state")
    assert verdict.confidence == "likely"


@pytest.mark.parametrize(
    ("machine", "handler"),
    [
        (x86, "subl $16, %esp; movups %xmm3, (%esp); pcmpeqd %xmm3, %xmm3; movups (%esp), %xmm3; addl $16, %esp"),
        (arm64, "str q3, [sp, #-16]!\nmovi v3.4s, #1\nldr q3, [sp], #16"),
    ],
)
@pytest.mark.parametrize("name", ["vector_state", "registers"])
def test_who_saves_them_is_not_told_of(machine, handler: str, name: str, tmp_path: Path) -> None:
    main = "movups %xmm3, count" if machine is x86 else "str q3, [sp, #-16]!"
    assert found(machine(tmp_path, main, handler), name) == []


@pytest.mark.parametrize(
    ("machine", "main", "handler"),
    [(x86, "movl %ebx, count", "incl %ebx"), (arm64, "str x9, [sp, #-16]!", "add x9, x9, #1")],
)
def test_assembly_may_keep_a_register_for_its_handler(machine, main: str, handler: str, tmp_path: Path) -> None:
    (verdict,) = found(machine(tmp_path, main, handler), "registers")
    assert verdict.confidence == "likely"
    assert "is read at" in str(verdict)


SUM = """unsigned squares(unsigned n)
{
    volatile unsigned step = 1;
    unsigned sum = 0;
    for (unsigned i = 0; i < n; i += step)
        sum += i * i;
    return sum;
}
"""
START = {
    "x86": "movl $100, %eax\npush %eax\nstart: call squares\nPOWER_OFF",
    "arm64": "mov w0, #100\nstart: bl squares\nPOWER_OFF",
}
CLEARS = {
    "x86": "xorl %ecx, %ecx; xorl %edx, %edx; xorl %ebx, %ebx; xorl %esi, %esi; xorl %edi, %edi",
    "arm64": "\n".join(f"mov x{n}, #0" for n in range(4, 16)),
}
"""Of whatever a compiler keeps `i` and `sum` in."""
FORGETFUL = {
    "x86": "push %eax\nPIC_EOI 5\npop %eax\n{clears}\niret\nbehind:",
    "arm64": "IRQ_ENTER\nGIC_ACK x0\nGIC_EOI x0\n{clears}\nIRQ_LEAVE\nbehind:",
}
OPENS = {"x86": "IDT_GATE 0x25, handler\nPIC_UNMASK 5\nsti\nnop", "arm64": "GIC_ENABLE SPI(5)\nmsr daifclr, #DAIF_I"}
RETURN = {"x86": 1, "arm64": 4}
"""Bytes of IRET, and of ERET."""


@pytest.mark.parametrize("architecture", ["x86", "arm64"])
@pytest.mark.parametrize("clears", [True, False])
def test_what_a_compiler_made_counts_on_each_of_its_registers(architecture: str, clears: bool, tmp_path: Path) -> None:
    handler = FORGETFUL[architecture].format(clears=CLEARS[architecture] if clears else "")
    body, rest = f"{OPENS[architecture]}\n{START[architecture]}", f"handler: {handler}"
    source = (
        X86.format(body=body, rest=rest) if architecture == "x86" else ARM.format(gic="gicv2", body=body, rest=rest)
    )
    (tmp_path / "start.S").write_text(source)
    (tmp_path / "squares.c").write_text(SUM)
    image = assemble(tmp_path / "start.S", tmp_path / "squares.c", arch=architecture, out=tmp_path / "guest.elf")
    m = vmm.boot(image, board="pc,pit=off" if architecture == "x86" else "virt,gic=2", console=None)
    with m.diagnose("registers") as diagnoses:
        m.run(until="squares")
        m.run(until="squares.c:6")
        (m.irq if architecture == "x86" else m.spi)(5).until_served()
        m.run()
        verdicts = diagnoses.verdicts()
    if not clears:
        assert verdicts == []
        return
    (verdict,) = verdicts
    assert verdict.certain
    assert verdict.evidence[0].where == m.where(m.address("behind") - RETURN[architecture])
    assert "squares.c:" in verdict.evidence[1].words, "what was interrupted"
    assert "squares.c:" in verdict.evidence[2].where, "what reads it"


A32 = """#include "arm/guest.h"
#include "virt/gicv2.inc"
    GUEST irq=received
    GIC_INIT
    GIC_ENABLE SPI(5)
    cpsie i
    RAISE 5
    nop
    POWER_OFF
received:
    IRQ_ENTER
    LOWER 5
    vmov.i32 d5, #7
    vmov.i32 d31, #9
    GIC_ACK r0
    GIC_EOI r0
    IRQ_LEAVE
"""


def test_of_a32_each_half_of_a_quadword_is_a_register(tmp_path: Path) -> None:
    """D5 is the upper half of Q2 (DDI0406 A2.6.2)."""
    m = booted(tmp_path, A32, board="virt,gic=2", cpu="cortex-a15")
    with m.diagnose("vector_state"):
        m.run(insns=20_000)
        (changed,) = m.trace.of(kind="vectors changed")
    assert (changed.number, changed.value) == (1 << 5 | 1 << 31, 7 << 32 | 7)
