"""Rules 25 to 27 with HCR_EL2.E2H: a kernel at EL2 that takes EL1's names, and its programs at EL0.

Source: DDI0487 D5.6, D13.1.3; register by register D13.2, timers D13.8, masks D1.13.4, PAN at entry
AArch64.TakeException, floating point CPTR_EL2 with E2H.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest

from arm.arm_bench import (
    CODE,
    DATA,
    DATA_ABORT,
    DATA_LOWER,
    EL0,
    EL1H,
    EL2H,
    EL3H,
    ELXH_GROUP,
    INTID,
    IRQ,
    LOWER_A64,
    PAGE_EL0,
    PAGE_EL1,
    ROOT,
    SCTLR_RES1,
    SVC,
    SYSREG,
    UNKNOWN,
    VECTORS,
    Arm64Bench,
    I,
    syndrome,
)  # fmt: skip
from arm.opcodes import a64
from vmm.core.native import ffi, lib

RW, TGE, E2H, IMO = 1 << 31, 1 << 27, 1 << 34, 1 << 4
GUEST, HOST = RW | E2H, RW | E2H | TGE
NS, SCR_RW = 1, 1 << 10
SPAN, PAN = 1 << 23, 1 << 22
EL2, BOTH = ",virtualization=on", ",virtualization=on,secure=on"


class Encoding(NamedTuple):
    op0: int
    op1: int
    crn: int
    crm: int
    op2: int

    def move(self, read: bool, rt: int) -> bytes:
        """MRS or MSR of Xt."""
        op0, op1, crn, crm, op2 = self
        word = 0xD5000000 | read << 21 | op0 << 19 | op1 << 16 | crn << 12 | crm << 8 | op2 << 5 | rt
        return word.to_bytes(4, "little")


class Pair(NamedTuple):
    """What EL1's name means below a host and to it, and the name that EL1's own has there."""

    name: Encoding
    el2: Encoding
    own: Encoding
    value: int
    other: int


def pair(
    name: tuple[int, ...], el2: tuple[int, ...] | None = None, value: int = 0x12345000, other: int = 0x54321000
) -> Pair:
    op0, _, *rest = name
    return Pair(Encoding(*name), Encoding(*(el2 or (op0, 4, *rest))), Encoding(op0, 5, *rest), value, other)


SCTLR_UCI, FPEN_ALL = SCTLR_RES1 | 1 << 26, 3 << 20
PAIRS = {
    "SCTLR": pair((3, 0, 1, 0, 0), None, SCTLR_UCI, SCTLR_RES1),
    "CPACR": pair((3, 0, 1, 0, 2), (3, 4, 1, 1, 2), FPEN_ALL, 1 << 20),
    "TTBR0": pair((3, 0, 2, 0, 0)),
    "TTBR1": pair((3, 0, 2, 0, 1)),
    "TCR": pair((3, 0, 2, 0, 2), None, 25 | 1 << 23, 16 | 1 << 23),
    "SPSR": pair((3, 0, 4, 0, 0), None, 0x3C5, 0x3C0),
    "ELR": pair((3, 0, 4, 0, 1)),
    "ESR": pair((3, 0, 5, 2, 0)),
    "FAR": pair((3, 0, 6, 0, 0)),
    "MAIR": pair((3, 0, 10, 2, 0)),
    "VBAR": pair((3, 0, 12, 0, 0), None, VECTORS[2], VECTORS[1]),
    "CONTEXTIDR": pair((3, 0, 13, 0, 1)),
    "CNTKCTL": pair((3, 0, 14, 1, 0), None, 0x103, 0x202),
    "CNTP_CTL": pair((3, 3, 14, 2, 1), None, 2, 0),
    "CNTP_CVAL": pair((3, 3, 14, 2, 2)),
    "CNTV_CTL": pair((3, 3, 14, 3, 1), None, 2, 0),
    "CNTV_CVAL": pair((3, 3, 14, 3, 2)),
}
"""D5.6.3: the registers whose names are redirected, and the *_EL12 and *_EL02 names."""
BY_NAME = pytest.mark.parametrize("p", PAIRS.values(), ids=PAIRS)


class Bench(Arm64Bench):
    def __init__(self, code: bytes, pstate: int, hcr: int = HOST, *, board: str = EL2, **registers: Any) -> None:
        if board == BOTH:
            registers |= {"scr_el3": NS | SCR_RW}
        super().__init__(code, pstate, cpu="max", board=board, hcr_el2=hcr, **registers)

    def read(self, register: Encoding) -> int:
        value = ffi.new("uint64_t *")
        assert lib.vmm_arm_system_get(self.native.vcpus[0], *register, value) == 0
        return int(value[0])


@BY_NAME
@pytest.mark.parametrize("hcr", [GUEST, HOST], ids=["TGE=0", "TGE=1"])
def test_el1_s_name_means_el2_s_register_at_el2(p: Pair, hcr: int) -> None:
    """Written there and read by both names; EL1's own stays, and is read by the name it has."""
    bench = Bench(
        p.name.move(False, 0) + p.el2.move(True, 1) + p.name.move(True, 2) + p.own.move(True, 3), EL2H, hcr, x0=p.value
    )
    bench.system(*p.name, p.other)
    bench.step(4)
    assert [hex(bench.cpu[f"x{n}"]) for n in (1, 2, 3)] == [hex(p.value), hex(p.value), hex(p.other)]
    assert (hex(bench.read(p.name)), bench.numbers) == (hex(p.other), [])


@BY_NAME
def test_el1_s_own_register_is_written_by_the_name_it_has(p: Pair) -> None:
    """*_EL12 and *_EL02; EL2's stays."""
    bench = Bench(p.own.move(False, 0), EL2H, x0=p.value)
    bench.system(*p.el2, p.other)
    bench.step()
    assert (hex(bench.read(p.name)), hex(bench.read(p.el2)), bench.numbers) == (hex(p.value), hex(p.other), [])


@BY_NAME
@pytest.mark.parametrize(("pstate", "hcr"), [(EL2H, RW), (EL1H, GUEST)], ids=["EL2 without E2H", "EL1 as a guest"])
def test_elsewhere_it_means_el1_s(p: Pair, pstate: int, hcr: int) -> None:
    """And the other names are undefined."""
    bench = Bench(p.name.move(False, 0) + p.own.move(True, 3), pstate, hcr, x0=p.value)
    lib.vmm_arm_system_set(bench.native.vcpus[0], 3, 4, 14, 1, 0, 3 | 3 << 10)  # CNTHCTL_EL2 admits in either format
    before = bench.read(p.el2)
    bench.step()
    assert (hex(bench.read(p.name)), bench.read(p.el2)) == (hex(p.value), before)
    bench.registers(vbar_el1=VECTORS[1], pc=CODE + 4)
    bench.step()
    assert bench.deliveries[-1].error == syndrome(UNKNOWN)


@BY_NAME
def test_at_el3_names_are_what_they_say(p: Pair) -> None:
    """EL1's own by either of its names with E2H, by the first alone without."""
    bench = Bench(p.own.move(True, 1) + p.name.move(True, 2), EL3H, board=BOTH)
    bench.system(*p.name, p.other)
    bench.system(*p.el2, p.value)
    bench.step(2)
    assert (bench.cpu["x1"], bench.cpu["x2"]) == (p.other, p.other)
    bench.registers(hcr_el2=RW, pc=CODE)
    bench.step()
    bench.assert_taken(UNKNOWN, ELXH_GROUP, el=3, after=3, elr=CODE, spsr=EL3H, esr=syndrome(UNKNOWN))


@pytest.mark.parametrize("crm_op2", [(5, 1, 0), (5, 1, 1), (10, 3, 0)], ids=["AFSR0", "AFSR1", "AMAIR"])
def test_what_is_zero_is_zero_by_every_name(crm_op2: tuple[int, int, int]) -> None:
    """RAZ/WI here (IMPLEMENTATION DEFINED)."""
    code = b"".join(Encoding(3, op1, *crm_op2).move(read, 3) for op1 in (0, 4, 5) for read in (False, True))
    bench = Bench(code, EL2H, x3=0x1234)
    bench.step(6)
    assert (bench.cpu["x3"], bench.numbers) == (0, [])


# ---- interrupts, exceptions and memory ----


@pytest.mark.parametrize(
    ("pstate", "hcr", "target"),
    [
        (EL0, HOST, 2),
        (EL0 | I, HOST, 0),
        (EL0 | I, GUEST | IMO, 2),
        (EL1H | I, GUEST | IMO, 2),
        (EL2H, HOST, 2),
        (EL2H | I, HOST, 0),
    ],
)
def test_a_host_s_program_can_be_masked_a_guest_cannot(pstate: int, hcr: int, target: int) -> None:
    """D1.13.4: from EL0 with {E2H, TGE} = {1, 1} PSTATE.I holds an IRQ for EL2."""
    bench = Bench(a64("nop"), pstate, hcr)
    bench.system(3, 4, 1, 0, 0, SPAN)
    bench.raise_irq()
    bench.step()
    assert bench.numbers == ([INTID] if target else [])
    if target:
        group = ELXH_GROUP if pstate & 0xC == 8 else LOWER_A64
        bench.assert_taken(INTID, group + IRQ, el=2, after=0, elr=CODE, spsr=pstate)


@pytest.mark.parametrize(("pstate", "hcr", "sctlr2", "pan"), [
    (EL0, HOST, 0, PAN), (EL0, HOST, SPAN, 0), (EL2H, HOST, 0, PAN), (EL0, GUEST, 0, None), (EL2H, GUEST, 0, 0),
])  # fmt: skip
def test_entry_to_a_host_s_el2_sets_pan_unless_span_says_no(
    pstate: int, hcr: int, sctlr2: int, pan: int | None
) -> None:
    """AArch64.TakeException: with TGE, and SCTLR_EL2.SPAN 0."""
    bench = Bench(a64("svc #9"), pstate, hcr, sctlr_el1=SPAN)
    bench.system(3, 4, 1, 0, 0, sctlr2)
    bench.step()
    assert bench.numbers == [SVC]
    assert (bench.cpu.el, bench.cpu["pstate"] & PAN) == ((1, 0) if pan is None else (2, pan))


def host_paging(bench: Bench, sctlr: int = SCTLR_RES1 | 1) -> None:
    """The EL2&0 regime over the tables of `paging`; EL1's is off."""
    bench.paging()
    bench.page(VECTORS[2], PAGE_EL1)
    bench.registers(sctlr_el1=SCTLR_RES1)
    for (op0, op1, crn, crm, op2), value in {
        (3, 4, 10, 2, 0): 0xFF, (3, 4, 2, 0, 0): ROOT, (3, 4, 2, 0, 2): 25 | 1 << 23, (3, 4, 1, 0, 0): sctlr,
    }.items():  # fmt: skip
        bench.system(op0, op1, crn, crm, op2, value)


def test_a_host_s_program_is_translated_by_ttbr0_el2_and_faults_to_el2() -> None:
    """EC 0x24, a translation fault of level 3 (0b000111)."""
    bench = Bench(a64("ldr x0, [x1]"), EL0, x1=DATA)
    host_paging(bench)
    bench.page(DATA, 0)
    bench.step()
    esr = syndrome(DATA_LOWER, 0x07)
    bench.assert_taken(DATA_LOWER, LOWER_A64, el=2, after=1, elr=CODE, spsr=EL0, esr=esr, far=DATA)


@pytest.mark.parametrize(("pan", "faults"), [(0, False), (PAN, True)])
def test_pan_keeps_a_host_from_its_programs_memory(pan: int, faults: bool) -> None:
    """EC 0x25, a permission fault of level 3 (0b001111)."""
    bench = Bench(a64("ldr x0, [x1]"), EL2H | pan, x1=DATA)
    host_paging(bench)
    bench.page(CODE, PAGE_EL1)
    bench.page(DATA, PAGE_EL0)
    bench.write(DATA, 0x77)
    bench.step()
    if not faults:
        assert (bench.numbers, bench.cpu["x0"]) == ([], 0x77)
        return
    event = bench.deliveries[-1]
    assert (event.number, event.error, event.value, event.target_el) == (
        DATA_ABORT,
        syndrome(DATA_ABORT, 0x0F),
        DATA,
        2,
    )


def test_the_upper_half_of_the_address_space_is_ttbr1_el2_s() -> None:
    """TCR_EL2 has TCR_EL1's format: T1SZ."""
    bench = Bench(a64("ldr x0, [x1]"), EL2H, x1=DATA | 0xFFFFFF80_00000000)
    host_paging(bench)
    bench.page(CODE, PAGE_EL1)
    bench.system(3, 4, 2, 0, 1, ROOT)
    bench.system(3, 4, 2, 0, 2, 25 | 25 << 16 | 2 << 30)
    bench.write(DATA, 0x99)
    bench.step()
    assert (bench.numbers, bench.cpu["x0"]) == ([], 0x99)


AT = {
    "S1E1R": (1, 0, 7, 8, 0),
    "S1E1W": (1, 0, 7, 8, 1),
    "S1E0R": (1, 0, 7, 8, 2),
    "S1E0W": (1, 0, 7, 8, 3),
    "S1E2R": (1, 4, 7, 8, 0),
}
PAR, FAULT, LEVEL_3, PERMISSION_3 = Encoding(3, 0, 7, 4, 0), 1, 0x07 << 1, 0x0F << 1
PAGE_RO_EL1 = PAGE_EL1 | 1 << 7


@pytest.mark.parametrize(
    ("name", "page", "fault"),
    [
        ("S1E1R", PAGE_EL1, 0), ("S1E1R", 0, LEVEL_3), ("S1E1W", PAGE_RO_EL1, PERMISSION_3), ("S1E0R", PAGE_EL0, 0),
        ("S1E0R", PAGE_EL1, PERMISSION_3), ("S1E0W", PAGE_EL0, 0), ("S1E2R", PAGE_EL1, 0), ("S1E2R", 0, LEVEL_3),
    ],
)  # fmt: skip
def test_a_host_translates_addresses_of_its_own_regime(name: str, page: int, fault: int) -> None:
    """D5.2.11, PAR_EL1: the page, or F and FST; EL1's own regime is off and stays so."""
    bench = Bench(Encoding(*AT[name]).move(False, 0) + PAR.move(True, 1), EL2H, x0=DATA)
    host_paging(bench)
    bench.page(CODE, PAGE_EL1)
    bench.page(DATA, page)
    bench.step(2)
    par = bench.cpu["x1"]
    assert (par & FAULT, par & 0x7E if par & FAULT else par & 0xFFFFF000) == ((FAULT, fault) if fault else (0, DATA))
    assert (bench.read(PAIRS["SCTLR"].name), bench.read(PAIRS["TTBR0"].name), bench.cpu["hcr_el2"]) == (
        SCTLR_RES1,
        ROOT,
        HOST,
    )


@pytest.mark.parametrize(("hcr", "pstate"), [(GUEST, EL2H), (GUEST, EL1H), (RW, EL2H)])
def test_of_a_guest_s_regime_they_stay(hcr: int, pstate: int) -> None:
    """Without TGE it is EL1's, which is off here: every address is itself."""
    bench = Bench(Encoding(*AT["S1E1R"]).move(False, 0) + PAR.move(True, 1), pstate, hcr, x0=DATA, sctlr_el1=SCTLR_RES1)
    bench.step(2)
    assert bench.cpu["x1"] & (FAULT | 0xFFFFF000) == DATA


# ---- timers ----

HYPERVISOR_PPI, HYPERVISOR_VIRTUAL_PPI = 26, 28


@pytest.mark.parametrize(("crm", "intid"), [(2, HYPERVISOR_PPI), (3, HYPERVISOR_VIRTUAL_PPI)])
@pytest.mark.parametrize("pstate", [EL0, EL2H])
def test_a_host_s_timers_are_el2_s(crm: int, intid: int, pstate: int) -> None:
    """CNTP_* is CNTHP_*, CNTV_* is CNTHV_*, on their own PPIs; so for its programs."""
    bench = Bench(
        Encoding(3, 3, 14, crm, 2).move(False, 0) + Encoding(3, 3, 14, crm, 1).move(False, 1), pstate, x0=0, x1=1
    )
    bench.system(3, 4, 14, 1, 0, 0x303)
    bench.step(2)
    assert frozenset(bench.machine.gic.cpu[0].asserted) == {intid}


def test_a_host_s_virtual_count_has_no_offset() -> None:
    """CNTVCT_EL0 at EL2 with E2H, and at EL0 with TGE, is CNTPCT_EL0; its guest's is not."""
    offset, read = 1000, a64("mrs x0, cntvct_el0", "mrs x1, cntpct_el0")
    for pstate, hcr, expected in ((EL2H, GUEST, 0), (EL0, HOST, 0), (EL1H, GUEST, offset)):
        bench = Bench(read, pstate, hcr, board=EL2 + ",insn_ns=16")
        bench.system(3, 4, 14, 0, 3, offset)
        bench.system(3, 4, 14, 1, 0, 3 | 3 << 10)
        bench.step(2)
        assert (bench.cpu["x1"] - bench.cpu["x0"] - 1) % (1 << 64) == expected


@pytest.mark.parametrize(("code", "bit"), [("mrs x0, cntpct_el0", 10), ("mrs x5, cntp_ctl_el0", 11)])
def test_a_guest_is_held_by_cnthctl_s_other_format(code: str, bit: int) -> None:
    """EL1PCTEN and EL1PTEN are bits 10 and 11 with E2H."""
    for cnthctl, held in ((~(1 << bit) & 0xFFF, True), (1 << bit, False)):
        bench = Bench(a64(code), EL1H, GUEST)
        bench.system(3, 4, 14, 1, 0, cnthctl)
        bench.step()
        assert [event.target_el for event in bench.deliveries if event.number == SYSREG] == ([2] if held else [])


@pytest.mark.parametrize(
    ("code", "bit"), [("mrs x0, cntpct_el0", 0), ("mrs x0, cntvct_el0", 1), ("mrs x5, cntp_ctl_el0", 9)]
)
def test_a_host_s_program_has_what_cnthctl_admits(code: str, bit: int) -> None:
    """EL0PCTEN, EL0VCTEN, EL0PTEN; EL1's CNTKCTL does not count; the trap goes to EL2."""
    for cnthctl, held in ((0, True), (1 << bit, False)):
        bench = Bench(a64(code), EL0)
        bench.system(3, 4, 14, 1, 0, cnthctl)
        bench.system(3, 0, 14, 1, 0, 0x303 if held else 0)
        bench.step()
        assert [(event.number, event.target_el) for event in bench.deliveries] == ([(SYSREG, 2)] if held else [])


# ---- floating point ----

HELD = syndrome(0x07, 1 << 24 | 0xE << 20)


@pytest.mark.parametrize(
    ("fpen", "hcr", "holders"),
    [
        (0, GUEST, "222"), (1, GUEST, "---"), (2, GUEST, "222"), (3, GUEST, "---"),
        (0, HOST, "2 2"), (1, HOST, "2 -"), (2, HOST, "2 2"), (3, HOST, "- -"),
    ],
)  # fmt: skip
def test_cptr_el2_has_cpacr_s_format(fpen: int, hcr: int, holders: str) -> None:
    """CPTR_EL2.FPEN of EL0, EL1, EL2; a host's programs have no CPACR_EL1."""
    for level, holder in enumerate(holders):
        if holder == " ":
            continue
        bench = Bench(a64("fmov d0, x0"), level << 2 | (level > 0), hcr, cpacr_el1=0 if hcr == HOST else 3 << 20)
        bench.system(3, 4, 1, 1, 2, fpen << 20)
        bench.step()
        found = [(event.error, event.target_el) for event in bench.deliveries]
        assert found == ([] if holder == "-" else [(HELD, int(holder))]), level


@pytest.mark.parametrize(("cptr", "errors"), [(3 << 20, [syndrome(0x19)]), (3 << 16, [HELD]), (3 << 20 | 3 << 16, [])])
def test_a_host_s_sve_is_held_by_zen(cptr: int, errors: list[int]) -> None:
    """CPTR_EL2.ZEN before FPEN."""
    bench = Bench(a64("ptrue p0.b"), EL2H)
    bench.system(3, 4, 1, 1, 2, cptr)
    bench.step()
    assert [event.error for event in bench.deliveries] == errors


ZCR = pair((3, 0, 1, 2, 0))


def test_zcr_is_redirected_and_held_as_sve_is() -> None:
    """ZCR_EL1, ZCR_EL2, ZCR_EL12 (DDI0584); EC 0x19 where CPTR_EL2.ZEN says so."""
    bench = Bench(
        ZCR.name.move(False, 0) + ZCR.el2.move(True, 1) + ZCR.own.move(False, 2) + ZCR.own.move(True, 3),
        EL2H,
        x0=3,
        x2=1,
    )
    bench.system(3, 4, 1, 1, 2, 3 << 20 | 3 << 16)
    bench.step(4)
    assert ([bench.cpu[f"x{n}"] for n in (1, 3)], bench.read(ZCR.name), bench.numbers) == ([3, 1], 1, [])
    bench.system(3, 4, 1, 1, 2, 3 << 20)
    bench.cpu["pc"] = CODE
    bench.step()
    assert [event.error for event in bench.deliveries] == [syndrome(0x19)]


def test_without_el2_there_is_no_vhe() -> None:
    """ID_AA64MMFR1_EL1.VH."""
    bench = Arm64Bench(a64("nop"), cpu="max")
    value = ffi.new("uint64_t *")
    assert lib.vmm_arm_system_get(bench.native.vcpus[0], 3, 0, 0, 7, 1, value) == 0
    assert value[0] >> 8 & 0xF == 0


def test_a_snapshot_is_one_of_a_host_too() -> None:
    """E2H, EL2's own registers and the fifth timer come back."""
    bench = Bench(a64("mrs x0, cntvct_el0", "b #0"), EL2H)
    before = bench.machine.snapshot()
    bench.system(3, 4, 14, 3, 1, 1)
    bench.registers(hcr_el2=RW)
    bench.machine.restore(before)
    assert (
        bench.cpu["hcr_el2"],
        bench.read(Encoding(3, 4, 14, 3, 1)),
        frozenset(bench.machine.gic.cpu[0].asserted),
    ) == (HOST, 0, frozenset())
