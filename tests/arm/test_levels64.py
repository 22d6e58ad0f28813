"""Rules 25 and 26, EL2 and EL3: start, calls upwards, routing of IRQ, FIQ and SError (DDI0487 D1.10.3, D1.13)."""

from __future__ import annotations

from typing import Any

import pytest

from arm.arm_bench import (
    CODE,
    DAIF,
    EL0,
    EL1H,
    EL1T,
    EL2H,
    EL3H,
    ELXH_GROUP,
    FIQ,
    FIQ_INTID,
    HVC,
    INTID,
    IRQ,
    LOWER_A64,
    SERROR,
    SERROR_CLASS,
    SMC,
    STACK64,
    SVC,
    SYNC,
    UNKNOWN,
    VECTORS,
    Arm64Bench,
    I,
    syndrome,
)  # fmt: skip
from arm.opcodes import a64
from vmm.core.native import ffi, lib
from vmm.machine.config import Config
from vmm.machine.machine import Machine

EL2, EL3 = ",virtualization=on", ",secure=on"
RW = 1 << 31
"""HCR_EL2: EL1 is AArch64."""
FMO, IMO, AMO, TGE, HCD = 1 << 3, 1 << 4, 1 << 5, 1 << 27, 1 << 29
NS, SCR_IRQ, SCR_FIQ, SCR_EA, SMD, HCE, RW3 = 1, 1 << 1, 1 << 2, 1 << 3, 1 << 7, 1 << 8, 1 << 10
SCR = NS | RW3
"""SCR_EL3 of a Non-secure AArch64 world below."""


def hypervised(code: bytes, pstate: int, hcr: int = RW, **registers: Any) -> Arm64Bench:
    """HCR_EL2 as given."""
    return Arm64Bench(code, pstate, board=EL2, hcr_el2=hcr, **registers)


def secured(code: bytes, pstate: int, scr: int = SCR) -> Arm64Bench:
    """SCR_EL3 as given."""
    return Arm64Bench(code, pstate, board=EL3, scr_el3=scr)


@pytest.mark.parametrize(
    ("board", "state"),
    [("", EL1H), (EL2, EL2H), (EL3, EL3H), (EL2 + EL3, EL3H)],
    ids=["neither", "EL2", "EL3", "both"],
)
def test_a_vcpu_starts_masked_at_the_highest_level_there_is(board: str, state: int) -> None:
    """DDI0487 D1.9.1: PSTATE.{D,A,I,F} are 1, SP is SP_ELx."""
    cpu = Machine(Config(board=f"virt{board}", cpu="cortex-a57", memory=1 << 20)).cpu
    assert cpu.pstate & ~(0xF << 28) == state | DAIF


# ---- calls ----


@pytest.mark.parametrize("source", [EL1T, EL1H])
def test_hvc_goes_to_el2_and_returns_behind_itself(source: int) -> None:
    """DDI0487 D1.10.1, EC 0x16 with the immediate."""
    bench = hypervised(a64("hvc #0x17"), source)
    bench.step()
    bench.assert_taken(HVC, LOWER_A64, el=2, after=1, elr=CODE + 4, spsr=source, esr=syndrome(HVC, 0x17))
    assert bench.cpu["sp_el1"] == STACK64[1]


def test_hvc_at_el2_is_taken_there() -> None:
    """From the current level with SP_ELx."""
    bench = hypervised(a64("hvc #3"), EL2H)
    bench.step()
    bench.assert_taken(HVC, ELXH_GROUP, el=2, after=1, elr=CODE + 4, spsr=EL2H, esr=syndrome(HVC, 3))


def test_hvc_is_undefined_at_el0_and_where_hcd_says_so() -> None:
    """DDI0487 C6.2 HVC: never at EL0; HCR_EL2.HCD without EL3."""
    bench = hypervised(a64("hvc #0x17"), EL0)
    bench.step()
    bench.assert_taken(UNKNOWN, LOWER_A64, after=1, elr=CODE, spsr=EL0, esr=syndrome(UNKNOWN))
    bench = hypervised(a64("hvc #0x17"), EL1H, RW | HCD)
    bench.step()
    bench.assert_taken(UNKNOWN, ELXH_GROUP, after=1, elr=CODE, spsr=EL1H, esr=syndrome(UNKNOWN))


@pytest.mark.parametrize(("source", "group"), [(EL1H, LOWER_A64), (EL3H, ELXH_GROUP)])
def test_smc_goes_to_el3_and_returns_behind_itself(source: int, group: int) -> None:
    """DDI0487 D1.10.1, EC 0x17."""
    bench = secured(a64("smc #0x17"), source)
    bench.step()
    bench.assert_taken(SMC, group, el=3, after=1, elr=CODE + 4, spsr=source, esr=syndrome(SMC, 0x17))


@pytest.mark.parametrize(("source", "scr"), [(EL0, SCR), (EL1H, SCR | SMD)])
def test_smc_is_undefined_at_el0_and_where_smd_says_so(source: int, scr: int) -> None:
    """DDI0487 C6.2 SMC, SCR_EL3.SMD; taken to EL1."""
    bench = secured(a64("smc #0x17"), source, scr)
    bench.step()
    group = ELXH_GROUP if source else LOWER_A64
    bench.assert_taken(UNKNOWN, group, after=1, elr=CODE, spsr=source, esr=syndrome(UNKNOWN))


def test_svc_of_el0_goes_to_el2_where_tge_says_so() -> None:
    """DDI0487 D1.10.3: HCR_EL2.TGE."""
    bench = hypervised(a64("svc #9"), EL0, RW | TGE)
    bench.step()
    bench.assert_taken(SVC, LOWER_A64, el=2, after=1, elr=CODE + 4, spsr=EL0, esr=syndrome(SVC, 9))


def test_svc_of_el1_stays_at_el1_below_a_hypervisor() -> None:
    """Nothing routes it."""
    bench = hypervised(a64("svc #9"), EL1H, RW | IMO | FMO | AMO)
    bench.step()
    bench.assert_taken(SVC, ELXH_GROUP + SYNC, after=1, elr=CODE + 4, spsr=EL1H, esr=syndrome(SVC, 9))


def test_eret_of_el2_goes_down_and_a_call_comes_up_again() -> None:
    """SP follows the level."""
    bench = hypervised(a64("eret"), EL2H, spsr_el2=EL1H, elr_el2=CODE + 0x40)
    bench.memory.write(CODE + 0x40, a64("hvc #0x17"))
    bench.step()
    assert (bench.cpu.pstate, bench.cpu.pc, bench.cpu["sp"]) == (EL1H, CODE + 0x40, STACK64[1])
    bench.step()
    bench.assert_taken(HVC, LOWER_A64, el=2, after=2, elr=CODE + 0x44, spsr=EL1H, esr=syndrome(HVC, 0x17))


# ---- routing: what is pending, the bit that routes it to EL2, to EL3, its mask, its vector, its number ----

KINDS = {
    "irq": (IMO, SCR_IRQ, 1 << 7, IRQ, INTID),
    "fiq": (FMO, SCR_FIQ, 1 << 6, FIQ, FIQ_INTID),
    "serror": (AMO, SCR_EA, 1 << 8, SERROR, SERROR_CLASS),
}


def make_pending(bench: Arm64Bench, kind: str) -> None:
    {"irq": bench.raise_irq, "fiq": bench.raise_fiq, "serror": bench.cpu.serror}[kind]()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("source", [EL0, EL1T, EL1H])
@pytest.mark.parametrize("masked", [False, True])
def test_what_hcr_routes_to_el2_is_taken_there_from_below_masked_or_not(kind: str, source: int, masked: bool) -> None:
    """DDI0487 D1.13.2 and table D1-13."""
    hcr, _, mask, offset, number = KINDS[kind]
    bench = hypervised(a64("nop"), source | (mask if masked else 0), RW | hcr)
    make_pending(bench, kind)
    bench.step()
    bench.assert_taken(number, LOWER_A64 + offset, el=2, after=0, elr=CODE, spsr=source | (mask if masked else 0))


@pytest.mark.parametrize("kind", KINDS)
def test_what_hcr_does_not_route_is_taken_to_el1_below_a_hypervisor_if_unmasked(kind: str) -> None:
    """DDI0487 table D1-13."""
    _, _, mask, offset, number = KINDS[kind]
    bench = hypervised(a64("nop", "nop"), EL1H | mask)
    make_pending(bench, kind)
    bench.step()
    assert bench.numbers == []
    bench.cpu["pstate"] = EL1H
    bench.step()
    bench.assert_taken(number, ELXH_GROUP + offset, after=1, elr=CODE + 4, spsr=EL1H)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_for_el1_never_interrupts_el2(kind: str) -> None:
    """DDI0487 D1.13.4: an interrupt is not taken to a lower level; it is after the ERET."""
    _, _, _, offset, number = KINDS[kind]
    bench = hypervised(a64("nop", "eret"), EL2H, spsr_el2=EL1H, elr_el2=CODE + 0x40)
    make_pending(bench, kind)
    bench.step(2)
    assert bench.numbers == []
    bench.step()
    bench.assert_taken(number, ELXH_GROUP + offset, after=2, elr=CODE + 0x40, spsr=EL1H)


@pytest.mark.parametrize("kind", KINDS)
def test_at_el2_its_own_mask_counts(kind: str) -> None:
    """DDI0487 D1.13.4: taken from the level it targets, PSTATE masks it."""
    hcr, _, mask, offset, number = KINDS[kind]
    bench = hypervised(a64("nop", "nop"), EL2H | mask, RW | hcr)
    make_pending(bench, kind)
    bench.step()
    assert bench.numbers == []
    bench.cpu["pstate"] = EL2H
    bench.step()
    bench.assert_taken(number, ELXH_GROUP + offset, el=2, after=1, elr=CODE + 4, spsr=EL2H)


@pytest.mark.parametrize("kind", KINDS)
def test_tge_routes_everything_of_el0_to_el2(kind: str) -> None:
    """DDI0487 D13.2.46 HCR_EL2.TGE: IMO, FMO and AMO count as 1."""
    *_, offset, number = KINDS[kind]
    bench = hypervised(a64("nop"), EL0 | DAIF, RW | TGE)
    make_pending(bench, kind)
    bench.step()
    bench.assert_taken(number, LOWER_A64 + offset, el=2, after=0, elr=CODE, spsr=EL0 | DAIF)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("source", [EL0, EL1H])
def test_what_scr_routes_to_el3_is_taken_there_from_below_although_masked(kind: str, source: int) -> None:
    """DDI0487 D1.13.2: SCR_EL3.IRQ, FIQ and EA."""
    _, scr, _, offset, number = KINDS[kind]
    bench = secured(a64("nop"), source | DAIF, SCR | scr)
    make_pending(bench, kind)
    bench.step()
    bench.assert_taken(number, LOWER_A64 + offset, el=3, after=0, elr=CODE, spsr=source | DAIF)


@pytest.mark.parametrize("kind", KINDS)
def test_at_el3_what_is_not_routed_there_waits(kind: str) -> None:
    """DDI0487 D1.13.4."""
    bench = secured(a64("nop", "nop"), EL3H)
    make_pending(bench, kind)
    bench.step(2)
    assert bench.numbers == []


@pytest.mark.parametrize("kind", KINDS)
def test_el3_comes_before_el2(kind: str) -> None:
    """DDI0487 table D1-13: SCR_EL3 before HCR_EL2."""
    hcr, scr, _, offset, number = KINDS[kind]
    bench = Arm64Bench(a64("nop"), EL1H | DAIF, board=EL2 + EL3, scr_el3=SCR | scr, hcr_el2=RW | hcr)
    make_pending(bench, kind)
    bench.step()
    bench.assert_taken(number, LOWER_A64 + offset, el=3, after=0, elr=CODE, spsr=EL1H | DAIF)


@pytest.mark.parametrize("kind", KINDS)
def test_in_secure_state_hcr_routes_nothing(kind: str) -> None:
    """DDI0487 D1.13.1, before FEAT_SEL2: HCR_EL2 has no effect while SCR_EL3.NS is 0."""
    hcr, _, _, offset, number = KINDS[kind]
    bench = Arm64Bench(a64("nop"), EL1H, board=EL2 + EL3, scr_el3=RW3, hcr_el2=RW | hcr)
    make_pending(bench, kind)
    bench.step()
    bench.assert_taken(number, ELXH_GROUP + offset, after=0, elr=CODE, spsr=EL1H)


def test_an_irq_for_el2_interrupts_the_handler_of_el1() -> None:
    """Between its first instructions, whose own ELR and SPSR stay."""
    bench = hypervised(a64("svc #0"), EL1H, RW | IMO)
    bench.step()
    bench.raise_irq()
    bench.step()
    assert bench.numbers == [SVC, INTID]
    at = VECTORS[1] + ELXH_GROUP
    bench.assert_taken(INTID, LOWER_A64 + IRQ, el=2, after=1, elr=at, spsr=EL1H | DAIF)
    assert (bench.cpu["elr_el1"], bench.cpu["spsr_el1"]) == (CODE + 4, EL1H)


def test_wfi_at_el1_is_trapped_where_twi_says_so() -> None:
    """DDI0487 D13.2.46 HCR_EL2.TWI, EC 0x01: CV 1, COND 0b1110, TI 0; ELR is the WFI."""
    bench = hypervised(a64("wfi"), EL1H | I, RW | 1 << 13)
    bench.step()
    bench.assert_taken(1, LOWER_A64, el=2, after=1, elr=CODE, spsr=EL1H | I, esr=syndrome(1, 1 << 24 | 0xE << 20))


# ---- the Security state, as the GIC's system registers see it ----


@pytest.mark.parametrize(
    ("pstate", "scr", "group_0", "copies"),
    [
        (EL3H, SCR, 1, (5, 2)),
        (EL3H, RW3, 1, (3, 5)),
        (EL1H, SCR | SCR_FIQ, 0, (5, 2)),
        (EL1H, SCR, 1, (5, 2)),
        (EL1H, RW3, 1, (3, 5)),
    ],
    ids=["EL3, NS", "EL3", "Non-secure EL1", "Non-secure EL1 with FIQs", "Secure EL1"],
)
def test_el3_is_secure_but_scr_ns_chooses_the_bank(
    pstate: int, scr: int, group_0: int, copies: tuple[int, int]
) -> None:
    """DDI0487 D1.4 and IHI0069: ICC_IGRPEN0_EL1 is 1, and EL3's where FIQs are; ICC_BPR1_EL1, written 5, is
    banked: it has a Non-secure and a Secure one, of which the other keeps its least value, 3 or 2.
    """
    bench = Arm64Bench(a64("nop"), pstate, gic=3, board=EL3, scr_el3=scr)
    native, value = bench.native, ffi.new("uint64_t *")
    lib.vmm_arm_system_get(native.vcpus[0], 3, 0, 12, 12, 6, value)
    lib.vmm_arm_system_set(native.vcpus[0], 3, 0, 12, 12, 3, 5)
    banks = (lib.VMM_GIC_NONSECURE, lib.VMM_GIC_SECURE)
    points = tuple(lib.vmm_gic_icc_read(native, 0, lib.VMM_ICC_BPR1, bank) for bank in banks)
    assert (value[0], points) == (group_0, copies)
