"""Requests that are gone when they are asked for: 8259A (231468, "interrupt sequence": IR7 where the request is too
short), local APIC (SDM vol. 3A 11.9), GIC (IHI0048B 4.4.4, IHI0069 ICC_IAR1_EL1: INTID 1023). Nothing is in service:
a handler that takes it for an interrupt of its device has done something twice, or ends what is not its own.
"""

from __future__ import annotations

import functools

import pytest

import vmm
from placements.exploring import assembled, explored
from vmm.errors import VmmError
from vmm.placements.sources import of_machine, source

PIC = """
#include "x86/guest.h"
    GUEST_PROTECTED32
    IDT_GATE 0x25, handler5
    IDT_GATE 0x27, handler7
    IDT_GATE 0x2f, handler15
    PIC_UNMASK 5
    PIC_UNMASK 7
    PIC_UNMASK 12
    sti
    nop
begin:
    nop
    nop
end:
    nop
    cli
    PIC_READ 0x20, OCW3_READ_ISR
    movzbl  %al, %eax
    movl    %eax, served                # IR2 where nobody has ended what the master had in service
    POWER_OFF
handler5:
    incl    n
    PIC_EOI 5
    iret
handler7:
    pushl   %eax
#ifdef FIXED
    PIC_READ 0x20, OCW3_READ_ISR
    testb   $0x80, %al
    jz      1f
#endif
    incl    n
    PIC_EOI 7
1:  popl    %eax
    iret
handler15:
    pushl   %eax
#ifdef FIXED
    movb    $OCW2_EOI, %al              # to the master alone
    outb    %al, $0x20
#endif
    popl    %eax
    iret
    VAR     n
    VAR     served
"""
APIC = """
#include "x86/guest.h"
    GUEST_PROTECTED32
    LAPIC_ENABLE
    IDT_GATE 0x40, handler
#ifdef FIXED
    IDT_GATE SPURIOUS, nothing
#endif
    LAPIC_WRITE LAPIC_LVT_TIMER, $0x40  # unmasked, and not started
    sti
    nop
begin:
    nop
    LAPIC_WRITE LAPIC_TPR, $0xf0        # no vector's class is above that
    nop
    LAPIC_WRITE LAPIC_TPR, $0
end:
    nop
    POWER_OFF
handler:
    LAPIC_EOI_NOW
    iret
nothing:
    iret
"""
GIC = """
#include "arm64/guest.h"
#include "virt/VERSION.inc"
    GUEST   irq=handler
    GIC_INIT
    GIC_ENABLE SPI(5)
    ldr     x20, =n
    msr     daifclr, #DAIF_I
begin:
    nop
    nop
end:
    nop
    POWER_OFF
handler:
    IRQ_ENTER
    GIC_ACK x0
#ifdef FIXED
    cmp     w0, #1023
    b.eq    1f
#endif
    ldr     w1, [x20]
    add     w1, w1, #1
    str     w1, [x20]
    GIC_EOI x0
1:  IRQ_LEAVE
    VAR     n
"""
EDGE_TRIGGERED = """
    ldr     x0, =0x08000c00 + 4 * (SPI(5) / 16)     // GICD_ICFGR (IHI0048B 4.3.13)
    mov     w1, #2 << (2 * (SPI(5) % 16))
    str     w1, [x0]
"""
BOUNDARIES = 3
"""From begin to end in the guests of the 8259A and the GIC."""
PC = "pc,pit=off"


@functools.cache
def image(text, fixed):
    architecture = "arm64" if "arm64" in text else "x86"
    return assembled(architecture, "#define FIXED\n" * fixed + text)


def agreed(text, fixed, inject, check, board, **asked):
    """The report, where sharing changes nothing."""
    asked = {"inject": inject, "between": ("begin", "end"), "check": check, "board": board, **asked}
    report, rows = explored(image(text, fixed), **asked)
    assert rows == explored(image(text, fixed), reduction=False, **asked)[1]
    return report


def gic(version):
    return GIC.replace("VERSION", f"gicv{version}"), f"virt,gic={version}"


@pytest.mark.parametrize("inject", ["spurious:pic", "spurious:irq:5", "spurious:irq:7"])
def test_a_handler_of_irq_7_must_ask_whether_it_is_in_service(inject, tmp_path):
    tape = tmp_path / "least.vmmrec"
    report = agreed(PIC, False, inject, "n == 0", PC, record=tape)
    assert (report.placements, report.failing, report.delivered) == (BOUNDARIES,) * 3
    assert "vector 0x27 delivered (spurious IR7)" in "\n".join(report.story)
    again = vmm.replay(tape, console=None)
    again.run()
    assert (again.verified, again.machine.u32("n")) == (True, 1)
    assert agreed(PIC, True, inject, "n == 0", PC).verdict == "proven"


def test_the_spurious_irq_15_owes_the_master_an_end():
    """The slave has nothing in service, the master its IR2 (231468)."""
    report = agreed(PIC, False, "spurious:irq:12", "served == 0", PC)
    assert report.failing == report.placements == BOUNDARIES
    assert agreed(PIC, True, "spurious:irq:12", ["served == 0", "n == 0"], PC).verdict == "proven"


def test_a_pair_that_is_masked_has_none():
    text = PIC.replace("    sti\n", "    movb $0xff, %al\n    outb %al, $0x21\n    sti\n")
    report = agreed(text, False, "spurious:pic", "n == 0", PC)
    assert (report.verdict, report.placements) == ("nothing delivered", 0)


def test_the_vector_of_a_local_apic_needs_a_gate():
    """A write of TPR is four instructions, the third the store. From behind the first one's, at one boundary, at `nop`
    and up to the second one's, at three, no vector is above TPR, so that a higher one could have masked none.
    """
    all_of_it, none_above = 1 + 4 + 1 + 4 + 1, 1 + 1 + 3
    report = agreed(APIC, False, "spurious:apic", [], "pc")
    assert (report.boundaries, report.placements, report.failing) == (all_of_it, *[all_of_it - none_above] * 2)
    fixed = agreed(APIC, True, "spurious:apic", [], "pc")
    assert (fixed.verdict, fixed.placements, fixed.delivered) == ("proven", *[all_of_it - none_above] * 2)


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize("inject", ["spurious:gic", "spurious:spi:5"])
def test_a_handler_that_reads_1023_has_no_interrupt(version, inject):
    text, board = gic(version)
    report = agreed(text, False, inject, "n == 0", board)
    assert (report.placements, report.failing, report.delivered) == (BOUNDARIES,) * 3
    assert agreed(text, True, inject, "n == 0", board).verdict == "proven"


def test_a_line_that_is_edge_triggered_is_latched():
    """A GIC has the edge, whatever the line does then: the handler is right to count it."""
    text, board = gic(2)
    text = text.replace("    ldr     x20", EDGE_TRIGGERED + "    ldr     x20")
    assert agreed(text, True, "spurious:spi:5", "n == 1", board).verdict == "proven"


def test_what_is_masked_in_the_cpu_is_gone_when_it_is_taken():
    """The line stays up meanwhile, and the vCPU asks for what it has, and then for what is gone."""
    text, board = gic(2)
    text = text.replace(
        "    nop\n    nop\nend:\n    nop", "    msr daifset, #DAIF_I\n    nop\n    msr daifclr, #DAIF_I\nend:\n    nop"
    )
    report = agreed(text, True, "spurious:spi:5", "n == 0", board)
    assert (report.verdict, report.delivered) == ("proven", 2)  # at `begin` and at `end`; at the others masked


def test_spurious_is_of_every_controller():
    names = [each.name for each in of_machine([source("spurious")], vmm.Machine())]
    assert names == ["spurious:pic", "spurious:apic"]
    arm = vmm.Machine(vmm.Config(board="virt"))
    assert [each.name for each in of_machine([source("spurious")], arm)] == ["spurious:gic"]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("spurious:gid", "did you mean 'gic'"), ("spurious:iqr:4", "did you mean 'irq'"),
        ("spurious:irq:x", "'x' is no number"), ("spurious:apic,vcpu=1", "it takes cpu=N"), ("spuriuos", "'spurious'"),
    ],
)  # fmt: skip
def test_what_is_none_is_refused(text, why):
    with pytest.raises(VmmError, match=why):
        source(text)


def test_a_machine_without_the_controller_refuses_it():
    with pytest.raises(VmmError, match=r"^this machine has no controller gic "):
        vmm.Machine().spurious("gic")
