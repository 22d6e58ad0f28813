"""Rule 16: inter-processor interrupts (Intel SDM vol. 3A 11.6), and INIT and SIPI (9.4), computed by hand."""

from __future__ import annotations

import pytest

from intc.apic.apic_bench import (
    ALL,
    ASSERT,
    BASE_X2APIC,
    CODE,
    DFR,
    ESR,
    EXTINT,
    ICR,
    ICR_HIGH,
    INIT,
    LDR,
    LEVEL,
    LOGICAL,
    LOWEST,
    MASKED,
    NMI,
    OTHERS,
    SELF,
    SMI,
    STARTUP,
    SVR,
    TPR,
    ApicBench,
    vectors,
)  # fmt: skip
from vmm.core.native import lib

FLAT, CLUSTER = 0xFFFFFFFF, 0x0FFFFFFF


def receivers(bench: ApicBench, vector: int = 0x51) -> set[int]:
    """Who has the vector in IRR; it is taken out again."""
    found = set()
    for index, apic in enumerate(bench.apics):
        if vector in apic.state.irr:
            assert apic.serve() == [vector]
            found.add(index)
    return found


@pytest.fixture
def four() -> ApicBench:
    return ApicBench(4)


# ---- destinations ----


@pytest.mark.parametrize(("to", "reached"), [(0, {0}), (2, {2}), (4, set()), (0xFF, {0, 1, 2, 3})])
def test_a_physical_destination_is_an_id_or_everyone(four: ApicBench, to: int, reached: set[int]) -> None:
    """11.6.2.1"""
    four.apic.ipi(0x51, to)
    assert receivers(four) == reached


def test_a_physical_destination_means_the_id_as_it_is_now(four: ApicBench) -> None:
    four.apics[3].write(0x20, 9 << 24)
    four.apic.ipi(0x51, 3)
    assert receivers(four) == set()
    four.apic.ipi(0x51, 9)
    assert receivers(four) == {3}


@pytest.mark.parametrize(
    ("to", "reached"), [(0x01, {0}), (0x0A, {1, 3}), (0xFF, {0, 1, 2, 3}), (0xF0, set()), (0x00, set())]
)
def test_flat_logical_destinations_are_eight_bits_of_one_apic_each(four: ApicBench, to: int, reached: set[int]) -> None:
    """11.6.2.2"""
    for index, apic in enumerate(four.apics):
        apic.write(DFR, FLAT)
        apic.write(LDR, 1 << index << 24)
    four.apic.ipi(LOGICAL | 0x51, to)
    assert receivers(four) == reached


@pytest.mark.parametrize(
    ("to", "reached"), [(0x11, {0}), (0x13, {0, 1}), (0x23, {2, 3}), (0x21, {2}), (0x31, set()), (0xFF, {0, 1, 2, 3})]
)
def test_cluster_destinations_are_a_cluster_and_four_bits(four: ApicBench, to: int, reached: set[int]) -> None:
    """11.6.2.2: LDRs 11h, 12h, 21h, 22h; all ones is everyone."""
    for apic, ldr in zip(four.apics, (0x11, 0x12, 0x21, 0x22), strict=True):
        apic.write(DFR, CLUSTER)
        apic.write(LDR, ldr << 24)
    four.apic.ipi(LOGICAL | 0x51, to)
    assert receivers(four) == reached


@pytest.mark.parametrize(
    ("logical", "to", "reached"),
    [
        (0, 2, {2}), (0, 0xFF, set()), (0, 0xFFFFFFFF, {0, 1, 2, 3}),
        (LOGICAL, 0x00000005, {0, 2}), (LOGICAL, 0x00010001, {3}), (LOGICAL, 0x00020001, set()),
        (LOGICAL, 0xFFFFFFFF, {0, 1, 2, 3}), (LOGICAL, 0x0000FFFF, {0, 1, 2}),
    ],
)  # fmt: skip
def test_x2apic_destinations_have_32_bits(four: ApicBench, logical: int, to: int, reached: set[int]) -> None:
    """11.12.9, 11.12.10: ids 0, 1, 2 make cluster 0, id 10h is the first of cluster 1."""
    four.apics[3].raw.initial_id = 0x10
    for apic in four.apics:
        apic.enter_x2apic()
    assert four.apic.wrmsr(0x830, to << 32 | logical | ASSERT | 0x51)
    found = {index for index, apic in enumerate(four.apics) if 0x51 in apic.view.irr}
    assert found == reached


def test_an_ipi_does_not_reach_who_is_disabled_by_hardware(four: ApicBench) -> None:
    assert four.apics[1].wrmsr(0x1B, 0xFEE00000)
    four.apic.ipi(ALL | 0x51)
    assert receivers(four) == {0, 2, 3}


@pytest.mark.parametrize(("shorthand", "reached"), [(SELF, {1}), (ALL, {0, 1, 2, 3}), (OTHERS, {0, 2, 3})])
def test_shorthands_ignore_the_destination(four: ApicBench, shorthand: int, reached: set[int]) -> None:
    """11.6.1"""
    four.apics[1].ipi(shorthand | 0x51, to=2)
    assert receivers(four) == reached


# ---- delivery modes ----


def test_lowest_priority_goes_to_the_lowest_arbitration_priority(four: ApicBench) -> None:
    """11.6.2.4: TPRs 40h, 30h, 20h and 20h, but the last one has vector 91h in service."""
    for apic, tpr in zip(four.apics, (0x40, 0x30, 0x20, 0x20), strict=True):
        apic.write(TPR, tpr)
    four.apics[3].ipi(SELF | 0x91)
    assert four.apics[3].inta() == 0x91
    for _ in range(2):
        four.apic.ipi(ALL | LOWEST | 0x51)
        assert receivers(four) == {2}


def test_lowest_priority_among_equals_goes_round(four: ApicBench) -> None:
    """Arbitration rotates; a disabled one is passed over."""
    four.apics[2].write(SVR, 0xFF)
    reached = []
    for _ in range(4):
        four.apic.ipi(ALL | LOWEST | 0x51)
        reached.append(receivers(four))
    assert reached == [{1}, {3}, {0}, {1}]


def test_lowest_priority_with_nobody_enabled_goes_nowhere(four: ApicBench) -> None:
    for apic in four.apics:
        apic.write(SVR, 0xFF)
    four.apic.ipi(ALL | LOWEST | 0x51)
    for apic in four.apics:
        apic.enable()
    assert receivers(four) == set()


def test_an_nmi_ipi_has_no_vector_and_no_irr_bit(four: ApicBench) -> None:
    """11.6.1: the vector field is ignored."""
    four.apic.ipi(OTHERS | NMI | 0x51)
    assert [apic.nmi() for apic in four.apics] == [False, True, True, True]
    assert receivers(four) == set()
    four.apic.ipi(NMI, to=0)
    assert four.apic.nmi()


def test_an_ipi_is_an_edge_whatever_its_trigger_mode(four: ApicBench) -> None:
    """11.6.1: the trigger mode is for INIT only."""
    four.apic.ipi(SELF | LEVEL | 0x51)
    assert four.apic.state == (vectors(0x51), vectors(), vectors())


@pytest.mark.parametrize("mode", [SMI, 3 << 8, EXTINT])
def test_smi_and_the_reserved_modes_change_nothing(four: ApicBench, mode: int) -> None:
    four.apic.ipi(ALL | mode | 0x51)
    assert receivers(four) == set()
    assert not any(apic.intr() or apic.nmi() for apic in four.apics)


def test_an_icr_write_to_nobody_is_no_error_unless_the_profile_says_so(four: ApicBench) -> None:
    """11.5.3: send accept and receive accept errors are the P6 family's."""
    four.apic.ipi(0x51, to=9)
    four.apic.write(ESR, 0)
    assert four.apic.read(ESR) == 0
    for apic in four.apics:
        apic.raw.accept_errors = 1
    four.apic.ipi(0x51, to=9)
    four.apics[1].write(SVR, 0xFF)
    four.apic.ipi(0x51, to=1)
    for apic in four.apics[:2]:
        apic.write(ESR, 0)
    assert [apic.read(ESR) for apic in four.apics[:2]] == [0x04, 0x08]


def test_the_high_half_of_icr_sends_nothing(four: ApicBench) -> None:
    four.apic.write(ICR, SELF | ASSERT | 0x51)
    assert receivers(four) == {0}
    four.apic.write(ICR_HIGH, 1 << 24)
    assert receivers(four) == set()


# ---- INIT and SIPI ----


def start(bench: ApicBench, index: int, page: int) -> None:
    bench.apic.ipi(INIT, to=index)
    bench.apic.ipi(STARTUP | page, to=index)


def test_sipi_starts_who_waits_in_real_mode_at_its_page() -> None:
    """9.4.4: CS base is vector << 12, IP 0; the others go on waiting."""
    bench = ApicBench(3)
    bench.ram[0x5000:0x5009] = bytes.fromhex("2e c6 06 00 01 77 eb fe 90")  # mov byte cs:[100h], 77h; jmp $
    start(bench, 1, 0x05)
    ap = bench.apics[1].cpu
    assert (ap["cs"], ap.segment("cs").base, ap["rip"], ap["rflags"], ap["cr0"] & 1) == (0x500, 0x5000, 0, 2, 0)
    bench.run(3000)
    assert bench.ram[0x5100] == b"\x77"
    assert [bench.machine.vcpus[index].off for index in range(3)] == [0, 0, 1]


def test_a_second_sipi_changes_nothing() -> None:
    """9.4.4: only who waits for it takes it."""
    bench = ApicBench(2)
    start(bench, 1, 0x05)
    bench.apic.ipi(STARTUP | 0x06, to=1)
    assert bench.apics[1].cpu["cs"] == 0x500


def test_a_sipi_to_the_bsp_is_ignored() -> None:
    bench = ApicBench(2)
    bench.apic.ipi(STARTUP | 0x06, to=0)
    bench.run(5)
    assert bench.apic.cpu.pc == CODE


def test_init_resets_a_vcpu_but_for_its_id_and_base() -> None:
    """Table 9-1 and 11.4.7.3; it waits for a SIPI afterwards."""
    bench = ApicBench(2)
    start(bench, 1, 0x05)
    ap = bench.apics[1]
    ap.write(0x20, 7 << 24)
    ap.wrmsr(0x1B, 0xFED00800)
    ap.enable()
    ap.write(TPR, 0x20)
    ap.ipi(SELF | 0x51)
    ap.vcpu.pending |= lib.VMM_PEND_NMI
    ap.cpu["rax"] = 5
    bench.apic.ipi(INIT, to=7)
    assert (ap.read(0x20), ap.rdmsr(0x1B)) == (7 << 24, 0xFED00800)
    assert (ap.read(TPR), ap.read(SVR), ap.read(0x350)) == (0, 0xFF, MASKED)
    assert ap.state == (vectors(), vectors(), vectors())
    assert (ap.cpu["rax"], ap.cpu["rip"], ap.cpu["cs"], ap.vcpu.off) == (0, 0xFFF0, 0xF000, 1)
    assert not ap.nmi()


def test_init_keeps_x2apic_mode() -> None:
    """11.12.5.1"""
    bench = ApicBench(2)
    bench.apics[1].enter_x2apic()
    bench.apic.ipi(INIT, to=1)
    assert bench.apics[1].raw.base & BASE_X2APIC
    assert bench.apics[1].rdmsr(0x802) == 1


def test_init_deassert_is_ignored() -> None:
    """11.6.1: level trigger with the level bit clear."""
    bench = ApicBench(2)
    start(bench, 1, 0x05)
    bench.apic.write(ICR_HIGH, 1 << 24)
    bench.apic.write(ICR, INIT | LEVEL)
    assert bench.apics[1].vcpu.off == 0
    bench.apic.write(ICR, INIT | LEVEL | ASSERT)
    assert bench.apics[1].vcpu.off == 1


def test_the_bsp_starts_over_at_the_reset_vector() -> None:
    """9.1.4, by a store of its own: INIT to all, and nobody executes what follows it."""
    bench = ApicBench(2)
    start(bench, 1, 0x05)
    bench.ram[0x5000:0x5002] = b"\xeb\xfe"
    bench.code(bytes.fromhex("66 64 a3 00 03 43"))  # mov fs:[300h], eax; inc bx
    bench.apic.cpu["rax"] = ALL | ASSERT | INIT
    reason = bench.run(10)
    assert reason == lib.VMM_STOP_UNMAPPED, "there is no ROM at the reset vector"
    assert bench.machine.stop.address == 0xFFFFFFF0
    assert bench.apic.cpu["rbx"] == 0
    assert [bench.machine.vcpus[index].off for index in range(2)] == [0, 1]


def test_an_ap_that_sends_init_to_itself_waits_again() -> None:
    bench = ApicBench(2)
    ap = bench.apics[1]
    start(bench, 1, 0x05)
    bench.ram[0x5000:0x5009] = bytes.fromhex("66 64 a3 00 03 43 eb fe 90")
    ap.cpu["rax"] = SELF | ASSERT | INIT
    segment = ap.cpu.segment("ds")
    ap.cpu.set_segment("fs", type(segment)(0, 0xFEE00000, 0xFFFF, 0x9300))
    assert bench.run(5000) == lib.VMM_STOP_SLICE
    assert (ap.vcpu.off, ap.cpu["rbx"], ap.cpu["rip"]) == (1, 0, 0xFFF0)
    assert bench.apic.cpu.pc == CODE, "the BSP goes on"


def test_an_ipi_wakes_a_halted_vcpu() -> None:
    """The BSP halts; the other one sends it vector 51h after a while."""
    bench = ApicBench(2)
    bench.code(b"\xf4", interrupts=True)
    start(bench, 1, 0x05)
    # mov cx, 200h; loop $; mov eax, 4051h; mov fs:[300h], eax; hlt
    code = bytes.fromhex("b90002 e2fe 66b851400000 6664a30003 f4")
    bench.ram[0x5000 : 0x5000 + len(code)] = code
    ap = bench.apics[1]
    segment = ap.cpu.segment("ds")
    ap.cpu.set_segment("fs", type(segment)(0, 0xFEE00000, 0xFFFF, 0x9300))
    assert bench.run(3000) == lib.VMM_STOP_SLICE
    assert bench.delivered() == [0x51]
    assert bench.apic.state.isr == vectors(0x51)
