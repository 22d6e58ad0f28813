"""Rule 14: software disable, IA32_APIC_BASE and x2APIC (Intel SDM vol. 3A 11.4.3-11.4.7, 11.12)."""

from __future__ import annotations

import pytest

from intc.apic.apic_bench import (
    APIC_BASE,
    APR,
    ASSERT,
    BASE_ENABLE,
    BASE_X2APIC,
    DFR,
    EOI,
    ESR,
    ICR,
    ICR_HIGH,
    ID,
    IRET,
    LDR,
    LVT_CMCI,
    LVT_ERROR,
    LVT_LINT0,
    LVT_LINT1,
    LVT_PERFORMANCE,
    LVT_THERMAL,
    LVT_TIMER,
    MASKED,
    NMI,
    PPR,
    SELF,
    SELF_IPI,
    SVR,
    TIMER_CURRENT,
    TIMER_DIVIDE,
    TIMER_INITIAL,
    TPR,
    TSC_DEADLINE,
    VERSION,
    X2APIC,
    ApicBench,
    vectors,
)  # fmt: skip
from vmm.core.native import lib

EVERY_LVT = (LVT_CMCI, LVT_TIMER, LVT_THERMAL, LVT_PERFORMANCE, LVT_LINT0, LVT_LINT1, LVT_ERROR)
BSP = 1 << 8
OFF, ON, WIDE, INVALID = 0, BASE_ENABLE, BASE_ENABLE | BASE_X2APIC, BASE_X2APIC
PAGE = 0xFEE00000
CPUID = bytes.fromhex("0fa2")


def msr(offset: int) -> int:
    return X2APIC + (offset >> 4)


@pytest.fixture
def bench() -> ApicBench:
    return ApicBench()


@pytest.fixture
def wide() -> ApicBench:
    bench = ApicBench(2)
    bench.apic.enter_x2apic()
    return bench


# ---- software disable ----


def test_software_disable_masks_every_entry_and_keeps_irr_and_isr(bench: ApicBench) -> None:
    """11.4.7.2"""
    apic = bench.apic
    for offset in EVERY_LVT:
        apic.write(offset, 0x40)
    for vector in (0x51, 0x61):
        apic.ipi(SELF | vector)
    assert apic.inta() == 0x61
    apic.write(SVR, 0xFF)
    assert [apic.read(offset) & MASKED for offset in EVERY_LVT] == [MASKED] * 7
    assert apic.state[:2] == (vectors(0x51), vectors(0x61))
    apic.eoi()
    assert not apic.intr(), "what it holds is not dispensed"
    apic.enable()
    assert apic.serve() == [0x51]


def test_while_disabled_by_software_a_mask_cannot_be_cleared(bench: ApicBench) -> None:
    apic = bench.apic
    apic.write(SVR, 0xFF)
    apic.write(LVT_TIMER, 0x40)
    assert apic.read(LVT_TIMER) == MASKED | 0x40
    apic.enable()
    assert apic.read(LVT_TIMER) == MASKED | 0x40, "enabling unmasks nothing"


def test_while_disabled_by_software_fixed_interrupts_are_dropped_and_nmi_is_not(bench: ApicBench) -> None:
    """11.4.7.2: it responds to INIT, NMI, SMI and SIPI."""
    apic = bench.apic
    apic.write(SVR, 0xFF)
    apic.ipi(SELF | 0x51)
    assert apic.state.irr == vectors()
    apic.ipi(NMI)
    assert apic.nmi()


# ---- IA32_APIC_BASE ----


def at(bench: ApicBench, mode: int) -> None:
    for step in {OFF: (OFF,), ON: (), WIDE: (WIDE,)}[mode]:
        assert bench.apic.wrmsr(APIC_BASE, PAGE | BSP | step)


@pytest.mark.parametrize("new", [OFF, ON, WIDE, INVALID])
@pytest.mark.parametrize("old", [OFF, ON, WIDE])
def test_every_transition_of_the_base_register(bench: ApicBench, old: int, new: int) -> None:
    """Figure 11-27: five of twelve are #GP, and then nothing has changed."""
    legal = {(OFF, OFF), (OFF, ON), (ON, OFF), (ON, ON), (ON, WIDE), (WIDE, WIDE), (WIDE, OFF)}
    at(bench, old)
    assert bench.apic.wrmsr(APIC_BASE, PAGE | BSP | new) == ((old, new) in legal)
    expected = new if (old, new) in legal else old
    assert bench.apic.rdmsr(APIC_BASE) == PAGE | BSP | expected


def test_a_processor_without_x2apic_refuses_it() -> None:
    assert not ApicBench(announced=0).apic.wrmsr(APIC_BASE, PAGE | WIDE)


@pytest.mark.parametrize("bit", [0, 1, 7, 9, 40, 52, 63])
def test_reserved_bits_of_the_base_register_fault(bench: ApicBench, bit: int) -> None:
    """Figure 11-5: with 40 physical address bits."""
    assert not bench.apic.wrmsr(APIC_BASE, PAGE | BSP | ON | 1 << bit)


def test_the_registers_move_with_the_base(bench: ApicBench) -> None:
    """11.4.5; the guest reads the version at its new place and nothing at the old one."""
    assert bench.apic.wrmsr(APIC_BASE, 0xFED00000 | BSP | ON)
    bench.code(bytes.fromhex("66 64 a1 30 00"))  # mov eax, fs:[30h]
    bench.run(1)
    assert bench.apic.cpu["rax"] == 0xFFFFFFFF
    bench.code(bytes.fromhex("66 64 a1 30 00"))
    segment = bench.apic.cpu.segment("fs")
    bench.apic.cpu.set_segment("fs", type(segment)(0, 0xFED00000, 0xFFFF, 0x9300))
    bench.run(1)
    assert bench.apic.cpu["rax"] == 0x01060014


@pytest.mark.parametrize("mode", [OFF, WIDE])
def test_without_xapic_mode_the_page_is_nobodys(bench: ApicBench, mode: int) -> None:
    """11.4.3, 11.12.2: reads float, writes go nowhere."""
    at(bench, mode)
    bench.apic.write(TPR, 0x50)
    assert bench.apic.read(VERSION) == 0xFFFFFFFF
    assert bench.apic.view.tpr == 0


def test_cpuid_follows_the_enable_bit_and_names_the_initial_id() -> None:
    """11.4.3; CPUID.1:EBX[31:24] and CPUID.0BH:EDX are the id that reset gave."""
    bench = ApicBench(2)
    bench.apic.write(ID, 7 << 24)

    def cpuid(leaf: int) -> tuple[int, int, int]:
        bench.code(CPUID)
        bench.apic.cpu["rax"], bench.apic.cpu["rcx"] = leaf, 0
        bench.run(1)
        return bench.apic.cpu["rbx"] >> 24, bench.apic.cpu["rcx"] >> 21 & 9, bench.apic.cpu["rdx"]

    assert cpuid(1) == (0, 9, 1 << 9)
    assert cpuid(0xB)[2] == 0
    at(bench, OFF)
    assert cpuid(1) == (0, 9, 0)


def test_a_disabled_apic_accepts_nothing_and_leaves_lint0_as_the_intr_pin(bench: ApicBench) -> None:
    """11.4.3"""
    apic = bench.apic
    apic.write(LVT_LINT0, MASKED)
    at(bench, OFF)
    bench.msi(0x51)
    assert apic.state.irr == vectors()
    assert not apic.intr()
    apic.lint(0, True)
    assert apic.intr()
    apic.lint(1, True)
    assert apic.nmi()


def test_the_registers_survive_a_disable_unless_the_profile_forgets(bench: ApicBench) -> None:
    """11.4.3: they "may" be lost; KVM keeps them."""
    apic = bench.apic
    for forgets, svr in ((0, 0x1FF), (1, 0xFF)):
        apic.raw.forgets = forgets
        at(bench, OFF)
        apic.wrmsr(APIC_BASE, PAGE | BSP | ON)
        assert apic.read(SVR) == svr


LEFT_BY_INIT = {TPR: 0, SVR: 0xFF, LDR: 0, DFR: 0xFFFFFFFF, TIMER_INITIAL: 0, ICR: 0, 0x220: 0} | dict.fromkeys(
    EVERY_LVT, MASKED
)


def test_from_x2apic_mode_nothing_but_the_id_comes_through_disabled_to_xapic_mode() -> None:
    """11.12.5.1: the only way back has two steps, and no register but the id is preserved over them."""
    apic = ApicBench(2).apics[1]
    apic.enable()
    apic.write(LVT_TIMER, 0x31)
    apic.enter_x2apic()
    apic.wrmsr(msr(SELF_IPI), 0x51)
    for offset, value in ((TPR, 0x20), (LVT_ERROR, 0x41), (TIMER_INITIAL, 1000)):
        assert apic.wrmsr(msr(offset), value)
    assert not apic.wrmsr(APIC_BASE, PAGE | ON), "not in one step"
    assert apic.rdmsr(msr(TPR)) == 0x20
    for mode in (OFF, ON):
        assert apic.wrmsr(APIC_BASE, PAGE | mode)
    assert apic.read(ID) == 1 << 24
    assert {offset: apic.read(offset) for offset in LEFT_BY_INIT} == LEFT_BY_INIT
    assert not apic.signals()


def test_init_keeps_the_mode_and_the_id(wide: ApicBench) -> None:
    """11.12.5.1: an INIT in x2APIC mode initialises all other registers; disabled stays disabled."""
    apic = wide.apic
    apic.wrmsr(msr(TPR), 0x20)
    lib.vmm_x86_init(apic.vcpu)
    wide.run(1)
    assert apic.rdmsr(APIC_BASE) == PAGE | BSP | WIDE
    assert (apic.rdmsr(msr(ID)), apic.rdmsr(msr(TPR)), apic.rdmsr(msr(SVR))) == (0, 0, 0xFF)
    at(wide, OFF)
    lib.vmm_x86_init(apic.vcpu)
    wide.run(1)
    assert apic.rdmsr(APIC_BASE) == PAGE | BSP | OFF


def test_a_written_id_ends_with_the_next_enable(bench: ApicBench) -> None:
    apic = bench.apic
    apic.write(ID, 0x12345678)
    assert apic.read(ID) == 0x12000000
    at(bench, OFF)
    apic.wrmsr(APIC_BASE, PAGE | BSP | ON)
    assert apic.read(ID) == 0


# ---- x2APIC ----

READABLE = {
    ID, VERSION, TPR, PPR, LDR, SVR, *range(0x100, 0x280, 0x10), ESR, LVT_CMCI, ICR, *EVERY_LVT, TIMER_INITIAL,
    TIMER_CURRENT, TIMER_DIVIDE,
}  # fmt: skip
WRITABLE = {TPR, EOI, SVR, ESR, ICR, *EVERY_LVT, TIMER_INITIAL, TIMER_DIVIDE, SELF_IPI}


def test_every_msr_of_the_range_is_readable_writable_or_absent_as_the_manual_lists(wide: ApicBench) -> None:
    """Table 11-6: anything else is #GP; DFR, APR and the high half of ICR are not there."""
    for offset in range(0x000, 0x1000, 0x10):
        assert (wide.apic.rdmsr(msr(offset)) is not None) == (offset in READABLE), hex(offset)
    for offset in range(0x000, 0x1000, 0x10):
        value = 0x40 if offset == SELF_IPI else 0
        assert wide.apic.wrmsr(msr(offset), value) == (offset in WRITABLE), hex(offset)
    assert not {DFR, APR, ICR_HIGH} & (READABLE | WRITABLE)


def test_the_msrs_exist_in_x2apic_mode_only(bench: ApicBench) -> None:
    for mode in (ON, OFF):
        at(bench, mode)
        assert bench.apic.rdmsr(msr(TPR)) is None
        assert not bench.apic.wrmsr(msr(TPR), 0)


@pytest.mark.parametrize(
    ("offset", "legal", "reserved"),
    [
        (TPR, 0xFF, 0x100), (EOI, 0, 1), (SVR, 0x13FF, 0x400), (SVR, 0, 0x800), (ESR, 0, 1), (SELF_IPI, 0xFF, 0x100),
        (LVT_TIMER, 0x510FF, 0x100), (LVT_TIMER, 0x110FF, 0x80000), (LVT_THERMAL, 0x117FF, 0x2000),
        (LVT_LINT0, 0x1F7FF, 0x800), (LVT_LINT1, 0x1F7FF, 0x20000), (LVT_ERROR, 0x110FF, 0x100),
        (LVT_CMCI, 0x117FF, 0x8000), (TIMER_DIVIDE, 0xB, 4), (TIMER_INITIAL, 0xFFFFFFFF, 1 << 32), (TPR, 0, 1 << 32),
        (ICR, 0x000C_CFFF, 1 << 13),
        (ICR, 1 << 12, 1 << 13), (ICR, 0, 1 << 16), (ICR, 0, 1 << 17), (ICR, 0, 1 << 20), (ICR, 0, 1 << 31),
    ],
)  # fmt: skip
def test_reserved_bits_fault_and_the_others_do_not(wide: ApicBench, offset: int, legal: int, reserved: int) -> None:
    """11.12.1.2"""
    assert not wide.apic.wrmsr(msr(offset), legal | reserved)
    assert wide.apic.wrmsr(msr(offset), legal)


def test_tsc_deadline_mode_is_reserved_without_the_feature() -> None:
    bench = ApicBench(announced=1 << 21)
    bench.apic.enter_x2apic()
    assert not bench.apic.wrmsr(msr(LVT_TIMER), 0x40000)
    assert bench.apic.wrmsr(msr(LVT_TIMER), 0x20000)
    assert bench.apic.rdmsr(TSC_DEADLINE) is None
    assert not bench.apic.wrmsr(TSC_DEADLINE, 1)


def test_the_x2apic_id_has_32_bits_and_the_logical_id_follows_from_it() -> None:
    """11.12.10.2: cluster id[31:4] in the high half, 1 << id[3:0] in the low one."""
    bench = ApicBench(1)
    for initial, ldr in ((0, 0x0000_0001), (5, 0x0000_0020), (0x35, 0x0003_0020), (0x12F, 0x0012_8000)):
        at(bench, OFF)
        bench.apic.raw.initial_id = initial
        bench.apic.wrmsr(APIC_BASE, PAGE | BSP | ON)
        bench.apic.enter_x2apic()
        assert bench.apic.rdmsr(msr(ID)) == initial
        assert bench.apic.rdmsr(msr(LDR)) == ldr
        assert not bench.apic.wrmsr(msr(LDR), 0)
        assert not bench.apic.wrmsr(msr(ID), 0)


def test_x2apic_mode_keeps_the_state_of_xapic_mode(bench: ApicBench) -> None:
    """11.12.5: but for the ids and ICR's high half."""
    apic = bench.apic
    apic.ipi(SELF | 0x51)
    apic.write(TPR, 0x20)
    apic.write(LVT_TIMER, 0x31)
    apic.write(ICR_HIGH, 0xAA000000)
    apic.enter_x2apic()
    assert [apic.rdmsr(msr(offset)) for offset in (TPR, LVT_TIMER, SVR, 0x220)] == [0x20, 0x31, 0x1FF, 1 << 17]
    assert apic.rdmsr(msr(ICR)) == SELF | ASSERT | 0x51


def test_icr_is_one_64_bit_register(wide: ApicBench) -> None:
    """11.12.9: the write sends, the destination is its high half."""
    assert wide.apic.wrmsr(msr(ICR), 1 << 32 | ASSERT | 0x71)
    assert wide.apics[1].state.irr == vectors(0x71)
    assert wide.apic.state.irr == vectors()
    assert wide.apic.rdmsr(msr(ICR)) == 1 << 32 | ASSERT | 0x71


def test_the_self_ipi_register_sends_to_oneself(wide: ApicBench) -> None:
    """11.12.11; an illegal vector is the sender's error, and the receiver's."""
    assert wide.apic.wrmsr(msr(SELF_IPI), 0x66)
    assert wide.apic.inta() == 0x66
    assert wide.apic.wrmsr(msr(EOI), 0)
    assert wide.apic.wrmsr(msr(SELF_IPI), 0x0F)
    assert wide.apic.wrmsr(msr(ESR), 0)
    assert wide.apic.rdmsr(msr(ESR)) == 0x60


def test_the_self_ipi_register_is_reserved_in_xapic_mode(bench: ApicBench) -> None:
    bench.apic.write(SELF_IPI, 0x66)
    assert bench.apic.state.irr == vectors()
    bench.apic.write(ESR, 0)
    assert bench.apic.read(ESR) == 0x80


# ---- registers in memory ----


@pytest.mark.parametrize("offset", [0x00, 0x10, 0x40, 0x70, 0xC0, 0x290, 0x2E0, 0x3A0, 0x3D0, 0x3F0, 0x400, 0xFF0])
def test_a_reserved_address_is_an_illegal_register(bench: ApicBench, offset: int) -> None:
    """11.5.3: ESR bit 7; it reads as 0."""
    assert bench.apic.read(offset) == 0
    bench.apic.write(ESR, 0)
    assert bench.apic.read(ESR) == 0x80


@pytest.mark.parametrize("offset", [ID, VERSION, TPR, APR, PPR, EOI, LDR, DFR, SVR, 0x100, 0x270, ESR, *EVERY_LVT])
def test_a_defined_register_is_no_error(bench: ApicBench, offset: int) -> None:
    bench.apic.read(offset)
    bench.apic.write(offset, 0)
    bench.apic.write(ESR, 0)
    assert bench.apic.read(ESR) == 0


@pytest.mark.parametrize(
    ("offset", "all_ones"),
    [
        (ID, 0xFF000000), (VERSION, 0x01060014), (TPR, 0xFF), (LDR, 0xFF000000), (DFR, 0xFFFFFFFF), (SVR, 0x13FF),
        (ICR_HIGH, 0xFF000000), (LVT_TIMER, 0x700FF), (LVT_THERMAL, 0x107FF), (LVT_LINT0, 0x1A7FF),
        (LVT_ERROR, 0x100FF), (TIMER_DIVIDE, 0xB),
    ],
)  # fmt: skip
def test_what_remains_of_all_ones(bench: ApicBench, offset: int, all_ones: int) -> None:
    """In memory reserved and read-only bits are ignored (figures 11-7 to 11-23)."""
    bench.apic.write(offset, 0xFFFFFFFF)
    assert bench.apic.read(offset) == all_ones


def test_dfr_reads_its_reserved_bits_as_ones(bench: ApicBench) -> None:
    bench.apic.write(DFR, 0)
    assert bench.apic.read(DFR) == 0x0FFFFFFF


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("64 a0 30 00", 0x14),  # mov al, fs:[30h]
        ("64 a0 32 00", 0x06),  # mov al, fs:[32h]
        ("64 a1 32 00", 0x0106),  # mov ax, fs:[32h]
        ("64 a0 34 00", 0x00),  # mov al, fs:[34h]
    ],
)
def test_a_narrow_read_gives_the_bytes_it_covers(bench: ApicBench, code: str, expected: int) -> None:
    """11.4.1 leaves it to the model."""
    bench.code(bytes.fromhex(code))
    bench.apic.cpu["rax"] = 0
    bench.run(1)
    assert bench.apic.cpu["rax"] == expected


@pytest.mark.parametrize(
    ("code", "tpr"),
    [
        ("66 64 a3 80 00", 0x44),  # mov fs:[80h], eax
        ("64 a3 80 00", 0),  # mov fs:[80h], ax
        ("64 a2 80 00", 0),  # mov fs:[80h], al
        ("66 64 a3 84 00", 0),  # mov fs:[84h], eax
    ],
)
def test_only_an_aligned_32_bit_write_counts(bench: ApicBench, code: str, tpr: int) -> None:
    bench.code(bytes.fromhex(code))
    bench.apic.cpu["rax"] = 0x44
    bench.run(1)
    assert bench.apic.view.tpr == tpr


def test_reset_leaves_what_the_manual_lists(bench: ApicBench) -> None:
    """11.4.7.1; a second vCPU's, that no firmware has touched."""
    apic = ApicBench(2).apics[1]
    lib.vmm_lapic_reset(apic.vcpu)
    not_zero = {ID: 1 << 24, DFR: 0xFFFFFFFF, SVR: 0xFF}
    for offset in (ID, TPR, LDR, DFR, SVR, ESR, ICR, TIMER_INITIAL, TIMER_CURRENT, TIMER_DIVIDE):
        assert apic.read(offset) == not_zero.get(offset, 0)
    assert [apic.read(offset) for offset in EVERY_LVT] == [MASKED] * 7
    assert apic.rdmsr(APIC_BASE) == PAGE | ON
    assert bench.apic.rdmsr(APIC_BASE) == PAGE | BSP | ON


def test_a_guest_that_takes_an_interrupt_raises_cr8_and_gets_the_spurious_vector(bench: ApicBench) -> None:
    """Rules 12 and 14 through code: STI lets INTR in after TPR rose; the handler of FFh is entered, without ISR."""
    bench.handler(0xFF, bytes.fromhex("b411") + IRET)  # mov ah, 11h
    bench.code(bytes.fromhex("66 64 a3 80 00 fb 90"))  # mov fs:[80h], eax; sti; nop
    bench.apic.cpu["rax"] = 0x60
    bench.apic.ipi(SELF | 0x51)
    bench.run(6)
    assert bench.delivered() == [0xFF]
    assert bench.apic.cpu["rax"] >> 8 == 0x11
    assert bench.apic.state[:2] == (vectors(0x51), vectors())
