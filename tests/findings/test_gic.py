"""GICv2 and GICv3 at a run's end (IHI0048B 3, 4.3, 4.4; IHI0069 4)."""

from __future__ import annotations

import pytest

from vmm.core.native import lib

from .guests import arm64, said

GICS = ("gicv2", "gicv3")
TAKE = "GIC_ENABLE SPI(5)\n msr daifclr, #2\n"


def handler(body: str) -> str:
    return f"handler:\n IRQ_ENTER\n{body}\n IRQ_LEAVE\n VAR count\n"


@pytest.mark.parametrize("gic", GICS)
def test_an_interrupt_that_was_never_ended_is_told_with_what_waits_behind_it(gic, tmp_path):
    body = f"GIC_ENABLE SPI(6)\n{TAKE}\n RAISE 5\n RAISE 6\n"
    m = arm64(tmp_path, body, handler("GIC_ACK x0\nacked: LOWER 5"), gic)
    m.run(until="handler")
    before = m.instructions
    m.run(until="acked")
    after = m.instructions
    m.run()
    (finding,) = m.findings(faults=True)
    text = str(finding)
    assert text.startswith("INTID 37 (SPI 5) is in service since insn ")
    assert before < int(text.split("insn ")[1].split()[0]) <= after
    assert " at 0x" in text and " handler+" in text and "guest.S:" in text
    assert ", never ended: it is owed an end of interrupt; its handler returned at insn " in text
    assert text.endswith("; 1 request waits behind it: INTID 38 (SPI 6)")


@pytest.mark.parametrize("gic", GICS)
def test_a_priority_that_was_dropped_is_told_as_an_owed_deactivation(gic, tmp_path):
    body = f"GIC_SPLIT_EOI\n{TAKE}\n RAISE 5\n"
    m = arm64(tmp_path, body, handler("GIC_ACK x0\n LOWER 5\n GIC_EOI x0"), gic)
    m.run()
    (text,) = said(m, "in service")
    assert "never ended: it is owed its deactivation; its handler returned" in text
    assert m.findings(faults=True) == []
    m.spi(5).raise_()
    assert str(m.findings(faults=True)[0]).endswith("; 1 request waits behind it: INTID 37 (SPI 5)")


def test_what_software_made_active_is_told_as_that(tmp_path):
    m = arm64(tmp_path, "GIC_WRITE_BIT GICD_ISACTIVER, SPI(5)")
    m.run()
    (text,) = said(m, "in service")
    assert text == (
        "INTID 37 (SPI 5) is in service, never ended: it is owed its deactivation: software made it active (ISACTIVER)"
    )


ENABLED = "GIC_ENABLE SPI(5)\n"
BELOW = "its priority 0x00 is not above the mask (PMR 0x00)"


@pytest.mark.parametrize(
    ("gic", "body", "why"),
    [
        ("gicv2", "", "not enabled (ISENABLER)"),
        ("gicv3", "", "not enabled (ISENABLER)"),
        ("gicv2", f"{ENABLED} GIC_PRIORITY_MASK 0", BELOW),
        ("gicv3", f"{ENABLED} GIC_PRIORITY_MASK 0", BELOW),
        ("gicv2", f"{ENABLED} STORE (GICD+GICD_CTLR), 0", "the distributor does not forward group 0 (GICD_CTLR)"),
        ("gicv2", f"{ENABLED} STORE_BYTE (GICD+GICD_ITARGETSR+37), 0", ""),  # a lone CPU's, whatever it says
        ("gicv3", f"{ENABLED} SYS_SET 0, ICC_IGRPEN1", "the CPU interface does not signal group 1"),
    ],
)
def test_a_request_tells_who_keeps_it_out(gic, body, why, tmp_path):
    m = arm64(tmp_path, f"{body}\n RAISE 5\n{'msr daifclr, #3' * bool(why)}", gic=gic)
    m.limit(insns=5000)
    assert m.run().reason == ("idle" if why else "limit")
    (text,) = said(m, "waiting")
    assert text.startswith("INTID 37 (SPI 5) is requested since insn ")
    assert text.endswith(f" and not taken: {why or 'IRQs are masked (I is 1)'}")


@pytest.mark.parametrize(
    ("gic", "body", "why"),
    [
        ("gicv2", "STORE_BYTE (GICD+GICD_ITARGETSR+37), 0", "it is routed to no vCPU (ITARGETSR)"),
        ("gicv2", "STORE_BYTE (GICD+GICD_ITARGETSR+37), 2", "the CPU interface of vCPU 1 does not signal group 0"),
        ("gicv3", "STORE (GICR+GICR_WAKER), WAKER_SLEEP", "the redistributor of vCPU 0 sleeps (GICR_WAKER)"),
        ("gicv3", "SYS_SET 0, ICC_IGRPEN1", "the CPU interface of vCPU 0 does not signal group 1"),
        ("gicv3", "GIC_GROUP0 SPI(5)\nnow: RAISE 5\nfor_ever: b for_ever", "FIQs are masked on vCPU 0 (F is 1)"),
    ],
)
def test_of_several_vcpus_the_one_it_goes_to_is_named(gic, body, why, tmp_path):
    m = arm64(tmp_path, f"{ENABLED} {body}\n RAISE 5\n", gic=gic, smp=2)
    m.limit(insns=5000)
    m.run()
    (text,) = said(m, "waiting")
    assert text.endswith(f" and not taken: {why}")


def test_what_is_routed_to_a_vcpu_that_is_off_is_told_so(tmp_path):
    """A CPU interface that its vCPU has set up before it was switched off keeps its state."""
    m = arm64(tmp_path, f"{ENABLED} RAISE 5\n msr daifclr, #2\nhere: b here", "handler:\nhandled: b handled", smp=2)
    m.run(until="handled")
    lib.vmm_arm_off(m._native.vcpus[0])
    (text,) = said(m, "waiting")
    assert text.endswith(" and not taken: vCPU 0 is off")


@pytest.mark.parametrize("gic", GICS)
def test_what_pstate_masks_is_told_so(gic, tmp_path):
    m = arm64(tmp_path, "GIC_ENABLE SPI(5)\nraised: RAISE 5\n", gic=gic)
    m.limit(insns=5000)
    assert m.run().reason == "limit"  # WFI does not wait for an interrupt that is pending, masked or not
    (text,) = said(m, "waiting")
    assert text.endswith(" and not taken: IRQs are masked (I is 1)")


def test_two_edges_before_the_first_is_taken_are_one_request(tmp_path):
    edge = "STORE (GICD+0xc08), (2<<(5*2))\n"  # ICFGR2: INTID 37 is its sixth
    m = arm64(
        tmp_path,
        f"GIC_ENABLE SPI(5)\n {edge} RAISE 5\n LOWER 5\nsecond: RAISE 5\nthird: LOWER 5\n msr daifclr, #2\n",
        handler("GIC_ACK x0\n GIC_EOI x0\n INCREMENT count"),
    )
    m.run(until="second")
    before = m.instructions
    m.run(until="third")
    after = m.instructions
    m.run()
    assert m.u32("count") == 1
    (text,) = said(m, "lost edge")
    assert text.startswith("the last edge of SPI 5, at insn ")
    assert before < int(text.split()[8]) <= after
    assert "second+0x" in text or " second " in text
    assert text.endswith(" was still pending, and they are one request")


def test_a_line_that_nothing_lowers_is_told_with_how_often_it_was_taken(tmp_path):
    m = arm64(tmp_path, f"{TAKE} RAISE 5\n", handler("GIC_ACK x0\n GIC_EOI x0\n INCREMENT count"))
    m.limit(insns=3000)
    m.run()
    (text,) = said(m, "line high")
    times = int(text.split(" times")[0].split()[-1])
    assert text.startswith("SPI 5 is high since insn ")
    assert abs(times - m.u32("count")) <= 1
    assert times > 10


def test_a_timer_that_its_own_control_masks_is_told_as_that(tmp_path):
    m = arm64(tmp_path, "GIC_ENABLE PPI(11)\n mov x0, #3\n msr cntv_ctl_el0, x0\n")  # ENABLE and IMASK
    m.run()
    (text,) = said(m, "asleep")
    assert text.endswith("; it would wake for INTID 27 (PPI), whose virtual timer is masked (CTL.IMASK is 1)")


def test_sleep_tells_what_would_end_it_and_what_of_that_cannot_come(tmp_path):
    m = arm64(tmp_path, "GIC_ENABLE PPI(11)\n GIC_ENABLE SPI(6)\n")
    m.run()
    (text,) = said(m, "asleep")
    assert text == (
        f"vCPU 0 sleeps at {m.where('wait')}; it would wake for INTID 27 (PPI), whose virtual timer is off (CTL.ENABLE "
        "is 0) and INTID 38 (SPI 6)"
    )


def test_an_serror_and_what_a_script_injects_are_told_too(tmp_path):
    m = arm64(tmp_path, "here: b here")
    m.run(until="here")
    m.cpu.serror()
    m.inject(40)
    count = m.instructions
    m.run(insns=10)
    assert said(m, "waiting") == [
        f"an SError is requested since insn {count} and not taken: SErrors are masked (A is 1)",
        f"the injected INTID 40 is requested since insn {count} and not taken: IRQs are masked (I is 1)",
    ]


LPIS = """
    ldr x0, =0x41000000                 // a byte of configuration each: priority, enable
    mov w1, #{config}
    strb w1, [x0, #3]
    STORE (GICR+0x70), 0x4100000f       // GICR_PROPBASER: 16 bits of INTID
    STORE (GICR+0x78), 0x41010000       // GICR_PENDBASER
    STORE (GICR+0), 1                   // GICR_CTLR.EnableLPIs
    GIC_PRIORITY_MASK 0x80
"""


@pytest.mark.parametrize(
    ("config", "why"),
    [
        (0xA0, "its configuration does not enable it"),
        (0xA1, "its priority 0xa0 is not above the mask (PMR 0x80)"),
        (0x41, "IRQs are masked (I is 1)"),
    ],
)
def test_an_lpi_tells_who_keeps_it_out(config, why, tmp_path):
    m = arm64(tmp_path, f"{LPIS.format(config=config)}\nhere: b here", gic="gicv3")
    m.run(until="here")
    lib.vmm_gic_lpi(m._native, 0, 8195, 1)
    count = m.instructions
    m.run(insns=10)
    assert said(m, "waiting") == [f"LPI 8195 is requested since insn {count} and not taken: {why}"]


NESTS = handler("GIC_ACK x0\n LOWER 5\n LOWER 6\n msr daifclr, #2\nnested: nop\n msr daifset, #2")


def test_behind_nested_ones_a_request_waits_for_the_one_whose_priority_runs(tmp_path):
    body = "".join(
        f"GIC_ENABLE SPI({n})\n STORE_BYTE (GICD+GICD_IPRIORITYR+32+{n}), {priority}\n"
        for n, priority in ((5, 0x80), (6, 0x40), (7, 0x60))
    )
    m = arm64(tmp_path, f"{body} RAISE 5\n msr daifclr, #2\n", NESTS)
    m.run(until="nested")
    m.spi(6).until_served()
    m.spi(7).raise_()
    m.run(insns=400)
    assert [text.partition(" is in")[0] for text in said(m, "in service")] == ["INTID 37 (SPI 5)", "INTID 38 (SPI 6)"]
    assert said(m, "in service")[1].endswith("; 1 request waits behind it: INTID 39 (SPI 7)")
    assert "behind" not in said(m, "in service")[0]


def test_a_higher_priority_of_the_same_group_waits_too(tmp_path):
    """IHI0048B 3.3.3: with binary point 7 no bit of a group 0 priority preempts."""
    body = f"{TAKE} STORE (GICC+GICC_BPR), 7\n GIC_ENABLE SPI(6)\n STORE_BYTE (GICD+GICD_IPRIORITYR+32+5), 0x80\n"
    m = arm64(tmp_path, f"{body} RAISE 5\n RAISE 6\n", handler("GIC_ACK x0\n LOWER 5\n LOWER 6\n GIC_EOI x0"))
    m.run(until="wait")
    assert said(m, "in service") == []
    m = arm64(tmp_path, f"{body} RAISE 5\n nop\n RAISE 6\n", handler("GIC_ACK x0\n LOWER 5"))
    m.run()
    (text,) = said(m, "in service")
    assert text.endswith("; 1 request waits behind it: INTID 38 (SPI 6)")


def test_a_priority_that_software_made_active_is_told_as_that(tmp_path):
    m = arm64(tmp_path, f"{TAKE} STORE (GICC+0xd0), 1\n RAISE 5\n")  # GICC_APR0: priority 0
    m.run()
    (text,) = said(m, "waiting")
    assert text.endswith(" and not taken: software made priority 0x00 active (APR)")
