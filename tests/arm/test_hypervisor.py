"""Rules 25 and 28, EL2 over its guests: what HCR_EL2 and MDCR_EL2 route, and what this EL2 says it is not.

DDI0487 D13.2.48 (HCR_EL2), D2.5 and D2.10 (routing of debug exceptions), D1.10.1 (return
addresses), D13.2.64 (ID registers).
"""

from __future__ import annotations

from typing import Any

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
    ILLEGAL,
    LOWER_A64,
    PAGE_EL0,
    PAGE_EL1,
    RAM,
    SMC,
    TABLES,
    UNKNOWN,
    Arm64Bench,
    D,
    syndrome,
)  # fmt: skip
from arm.opcodes import a64
from vmm.core.native import ffi, lib

EL2, EL3 = ",virtualization=on", ",secure=on"
RW, TSC, TGE, E2H = 1 << 31, 1 << 19, 1 << 27, 1 << 34
NS, SCR_RW, SDD, TDE = 1, 1 << 10, 1 << 16, 1 << 8
SYSTEM_OFF, PSCI_VERSION, VERSION_1_1 = 0x84000008, 0x84000000, 0x00010001
MDCR_EL2, MDCR_EL3, VMPIDR_EL2 = (3, 4, 1, 1, 1), (3, 6, 1, 3, 1), (3, 4, 0, 0, 5)
MODELS = ["cortex-a53", "cortex-a57", "cortex-a72", "max"]


def hypervised(code: bytes, pstate: int, hcr: int = RW, board: str = EL2, **registers: Any) -> Arm64Bench:
    return Arm64Bench(code, pstate, board=board, hcr_el2=hcr, **registers)


def read(bench: Arm64Bench, *register: int) -> int:
    value = ffi.new("uint64_t *")
    assert lib.vmm_arm_system_get(bench.native.vcpus[0], *register, value) == 0
    return int(value[0])


# ---- SMC ----


@pytest.mark.parametrize(("code", "immediate"), [("smc #0", 0), ("smc #0x17", 0x17)])
def test_a_guest_s_smc_is_the_hypervisor_s_where_tsc_says_so(code: str, immediate: int) -> None:
    """EC 0x17; ELR is the SMC itself; firmware is not asked, so the machine goes on."""
    bench = hypervised(a64(code), EL1H, RW | TSC, x0=SYSTEM_OFF)
    stop = bench.step()
    assert stop.reason == "count"
    bench.assert_taken(SMC, LOWER_A64, el=2, after=1, elr=CODE, spsr=EL1H, esr=syndrome(SMC, immediate))
    assert bench.cpu["x0"] == SYSTEM_OFF


@pytest.mark.parametrize(("pstate", "hcr"), [(EL1H, RW), (EL2H, RW | TSC), (EL1H, RW | TSC | TGE)])
def test_firmware_answers_who_may_call_it(pstate: int, hcr: int) -> None:
    """EL1 without TSC, or with it while TGE is 1; EL2 always."""
    bench = hypervised(a64("smc #0"), pstate, hcr, x0=PSCI_VERSION)
    bench.step()
    assert (bench.numbers, bench.cpu["x0"], bench.cpu.pc) == ([], VERSION_1_1, CODE + 4)


def test_el0_s_smc_is_undefined_whatever_tsc_says() -> None:
    """C6.2 SMC."""
    bench = hypervised(a64("smc #0"), EL0, RW | TSC)
    bench.step()
    bench.assert_taken(UNKNOWN, LOWER_A64, after=1, elr=CODE, spsr=EL0, esr=syndrome(UNKNOWN))


# ---- what it is not ----


@pytest.mark.parametrize("cpu", MODELS)
@pytest.mark.parametrize(("board", "levels"), [("", 0x012), (EL2, 0x112), (EL3, 0x1012), (EL2 + EL3, 0x1112)])
def test_levels_above_el0_are_announced_as_aarch64_alone(cpu: str, board: str, levels: int) -> None:
    """ID_AA64PFR0_EL1.EL0 is 2, EL1 1; EL2 and EL3 are 1 where they are."""
    bench = Arm64Bench(a64("nop"), EL1H, cpu=cpu, board=board)
    assert hex(read(bench, 3, 0, 0, 4, 0) & 0xFFFF) == hex(levels)


@pytest.mark.parametrize("cpu", MODELS)
def test_rw_is_one_and_e2h_is_there_with_vhe_alone(cpu: str) -> None:
    """HCR_EL2.RW and SCR_EL3.RW are RAO/WI; HCR_EL2.E2H is RES0 where ID_AA64MMFR1_EL1.VH is 0."""
    bench = Arm64Bench(a64("nop"), EL1H, cpu=cpu, board=EL2 + EL3)
    assert (bench.cpu["hcr_el2"] & (RW | E2H), bench.cpu["scr_el3"] & SCR_RW) == (RW, SCR_RW)
    bench.registers(hcr_el2=E2H, scr_el3=NS)
    vhe = cpu == "max"
    assert (bench.cpu["hcr_el2"], bench.cpu["scr_el3"] & SCR_RW) == (RW | (E2H if vhe else 0), SCR_RW)
    assert read(bench, 3, 0, 0, 7, 1) >> 8 & 0xF == vhe


@pytest.mark.parametrize(("pstate", "board"), [(EL2H, EL2), (EL3H, EL3)])
def test_a_return_to_an_aarch32_kernel_is_illegal(pstate: int, board: str) -> None:
    """D1.11.4: PSTATE.IL, at the level it came from."""
    level = pstate >> 2
    bench = Arm64Bench(
        a64("eret"), pstate, board=board, hcr_el2=0, **{f"spsr_el{level}": 0x1D3, f"elr_el{level}": CODE + 0x40}
    )
    bench.step(2)
    event = bench.deliveries[-1]
    assert (event.number, event.target_el, event.pc, event.vector_offset) == (ILLEGAL, level, CODE + 0x40, ELXH_GROUP)


VHE = {
    "TTBR1_EL2": (3, 4, 2, 0, 1), "CONTEXTIDR_EL2": (3, 4, 13, 0, 1), "CNTHV_TVAL_EL2": (3, 4, 14, 3, 0),
    "CNTHV_CTL_EL2": (3, 4, 14, 3, 1), "CNTHV_CVAL_EL2": (3, 4, 14, 3, 2), "CNTP_TVAL_EL02": (3, 5, 14, 2, 0),
    "CNTV_CTL_EL02": (3, 5, 14, 3, 1), "SCTLR_EL12": (3, 5, 1, 0, 0), "VBAR_EL12": (3, 5, 12, 0, 0),
}  # fmt: skip


@pytest.mark.parametrize("register", VHE)
def test_registers_of_vhe_are_undefined_without_it(register: str) -> None:
    """At EL2, reading and writing."""
    op0, op1, crn, crm, op2 = VHE[register]
    for direction in (0, 1):
        word = 0xD5000000 | direction << 21 | op0 << 19 | op1 << 16 | crn << 12 | crm << 8 | op2 << 5
        bench = Arm64Bench(word.to_bytes(4, "little"), EL2H, board=EL2)
        bench.step()
        bench.assert_taken(UNKNOWN, ELXH_GROUP, el=2, after=1, elr=CODE, spsr=EL2H, esr=syndrome(UNKNOWN))


def test_a_guest_reads_the_mpidr_its_hypervisor_gave() -> None:
    """VMPIDR_EL2 at EL1, MPIDR_EL1 itself at EL2; until it is written they are one."""
    bench = hypervised(a64("mrs x1, mpidr_el1"), EL1H)
    bench.step()
    assert bench.cpu["x1"] == 0x80000000
    bench.system(*VMPIDR_EL2, 0x80000203)
    for pstate, expected in ((EL1H, 0x80000203), (EL2H, 0x80000000)):
        bench.registers(pstate=pstate, pc=CODE)
        bench.step()
        assert bench.cpu["x1"] == expected


FB, SPARE = 1 << 9, DATA + 0x2000


@pytest.mark.parametrize("code", ["tlbi vmalle1", "tlbi vaae1, x2"])
def test_a_guest_s_own_invalidation_reaches_other_vcpus_where_fb_says_so(code: str) -> None:
    """HCR_EL2.FB: the second vCPU sees a page that the first one has moved."""
    bench = hypervised(a64(code, "dsb sy", "b #0"), EL1H, RW | FB, smp=2)
    machine, second = bench.machine, bench.machine.cpus[1]
    bench.paging()
    bench.page(CODE, PAGE_EL1)
    lib.vmm_arm_start(bench.native.vcpus[1], CODE + 0x80, DATA)
    bench.memory.write(CODE + 0x80, a64("ldr x0, [x1]", "b #0xfffffffffffffffc"))
    for name in ("mair_el1", "ttbr0_el1", "tcr_el1", "sctlr_el1", "hcr_el2"):
        second[name] = bench.cpu[name]
    second["pstate"], second["x1"] = EL1H, DATA
    bench.write(DATA, 0x11)
    bench.write(SPARE, 0x22)
    bench.registers(pc=CODE + 8, x2=DATA >> 12)
    machine.run(insns=3000)
    assert second["x0"] == 0x11
    bench.write(TABLES + 0x1000 + 8 * (DATA - RAM >> 12), SPARE | PAGE_EL0, 0)
    bench.registers(pc=CODE)
    machine.run(insns=3000)
    assert second["x0"] == 0x22


# ---- debug exceptions and aborts ----

MDE, KDE = 1 << 15, 1 << 13
WATCHED = DATA + 0x100
EL1_AND_EL0, EL2_ALONE, EVERY = 3 << 1, 1 << 13 | 3 << 14, 1 << 13 | 3 << 1
"""DBGWCR.{PAC, HMC, SSC}: table D2-9."""


def watched(
    pstate: int, hcr: int = RW, mdcr2: int = 0, who: int = EL1_AND_EL0, mdscr: int = MDE | KDE, **options: Any
) -> Arm64Bench:
    """The next instruction loads from a watched doubleword."""
    bench = Arm64Bench(a64("ldr x0, [x1]"), pstate, hcr_el2=hcr, x1=WATCHED, board=options.pop("board", EL2), **options)
    bench.system(*MDCR_EL2, mdcr2)
    bench.system(2, 0, 0, 0, 6, WATCHED)
    bench.system(2, 0, 0, 0, 7, 1 | 3 << 3 | 0xFF << 5 | who)
    bench.system(2, 0, 0, 2, 2, mdscr)
    return bench


@pytest.mark.parametrize(
    ("pstate", "options", "target"),
    [
        (EL0, {}, 1), (EL1H, {}, 1), (EL2H, {"who": EVERY}, 0),
        (EL0, {"mdcr2": TDE}, 2), (EL1H, {"mdcr2": TDE}, 2), (EL0, {"hcr": RW | TGE}, 2),
        (EL1H, {"mdcr2": TDE, "mdscr": MDE}, 2), (EL1H | D, {"mdcr2": TDE}, 2), (EL1H | D, {}, 0),
        (EL2H, {"mdcr2": TDE}, 0), (EL2H, {"mdcr2": TDE, "who": EVERY}, 2), (EL2H, {"mdcr2": TDE, "who": EL2_ALONE}, 2),
        (EL1H, {"mdcr2": TDE, "who": EL2_ALONE}, 0), (EL2H | D, {"mdcr2": TDE, "who": EVERY}, 0),
        (EL2H, {"mdcr2": TDE, "who": EVERY, "mdscr": MDE}, 0),
        (EL1H, {"board": EL2 + EL3, "mdcr2": TDE, "scr_el3": SCR_RW}, 1),
        (EL3H, {"board": EL2 + EL3, "mdcr2": TDE, "who": EVERY, "scr_el3": SCR_RW | NS}, 0),
    ],
)  # fmt: skip
def test_a_watchpoint_goes_where_debug_exceptions_are_routed(pstate: int, options: dict[str, Any], target: int) -> None:
    """D2.5: to EL2 by TDE or TGE, there from below without KDE and in spite of D; EC 0x34 from below, else 0x35."""
    bench = watched(pstate, **options)
    bench.step()
    if not target:
        assert (bench.numbers, bench.cpu.pc) == ([], CODE + 4)
        return
    own = pstate >> 2 & 3 == target
    number, group = (0x35, ELXH_GROUP) if own else (0x34, LOWER_A64)
    bench.assert_taken(
        number, group, el=target, after=1, elr=CODE, spsr=pstate, esr=syndrome(number, 0x22), far=WATCHED
    )


def test_secure_el1_has_no_debug_exceptions_where_sdd_says_so() -> None:
    """MDCR_EL3.SDD."""
    bench = watched(EL1H, board=EL2 + EL3, scr_el3=SCR_RW)
    bench.system(*MDCR_EL3, SDD)
    bench.step()
    assert (bench.numbers, bench.cpu.pc) == ([], CODE + 4)


NOBODY = 0x0E000000


@pytest.mark.parametrize(
    ("pstate", "hcr", "target"), [(EL0, RW, 1), (EL0, RW | TGE, 2), (EL1H, RW, 1), (EL2H, RW, 2), (EL2H, RW | TGE, 2)]
)
def test_an_external_abort_goes_where_tge_routes_it(pstate: int, hcr: int, target: int) -> None:
    """AArch64.Abort: EL0's to EL2 with TGE; DFSC 0x10, FAR its address."""
    bench = hypervised(a64("ldr x0, [x1]"), pstate, hcr, x1=NOBODY)
    bench.step()
    own = pstate >> 2 == target
    number, group = (DATA_ABORT, ELXH_GROUP) if own else (DATA_LOWER, LOWER_A64)
    bench.assert_taken(number, group, el=target, after=1, elr=CODE, spsr=pstate, esr=syndrome(number, 0x10), far=NOBODY)
