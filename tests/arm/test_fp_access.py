"""Rule 25, floating point and SIMD: who may use the registers, and what everybody else's first use raises.

DDI0487 AArch64.CheckFPAdvSIMDEnabled, CPACR_EL1.FPEN, CPTR_EL2.TFP, CPTR_EL3.TFP, and D13.2.37 for the syndrome (EC
0x07, CV 1, COND 0b1110); DDI0406 B1.11.1, B4.1.40 for CPACR and FPEXC.EN of ARMv7: an UNDEFINED instruction.
"""

from __future__ import annotations

import pytest

from arm.arm_bench import (
    CODE,
    EL0,
    EL1H,
    ELXH_GROUP,
    LOWER_A64,
    MODES,
    UNDEFINED32,
    UNKNOWN,
    VECTORS,
    Arm32Bench,
    Arm64Bench,
    I,
    T,
    syndrome,
)  # fmt: skip
from arm.opcodes import a32, a64, t32
from vmm.core.native import lib
from vmm.machine.machine import Machine

FP_ACCESS, SVE_ACCESS = 0x07, 0x19
HELD = syndrome(FP_ACCESS, 1 << 24 | 0xE << 20)
FPEN, ZEN_ALL, TFP = 20, 3 << 16, 1 << 10
TGE, RW, NS, SCR_RW = 1 << 27, 1 << 31, 1, 1 << 10
BOTH = ",virtualization=on,secure=on"
CPTR_EL2, CPTR_EL3 = (3, 4, 1, 1, 2), (3, 6, 1, 1, 2)
USES = ["fmov d0, x0", "str q0, [x1]", "mrs x0, fpcr"]


def bench64(
    code: str, pstate: int, *, fpen: int = 3, cptr2: int = 0, cptr3: int = 0, hcr: int = RW, scr: int = NS
) -> Arm64Bench:
    """Every level there is; who holds what."""
    bench = Arm64Bench(a64(code), pstate, board=BOTH, hcr_el2=hcr, scr_el3=scr | SCR_RW, cpacr_el1=fpen << FPEN)
    bench.system(*CPTR_EL2, cptr2)
    bench.system(*CPTR_EL3, cptr3)
    bench.cpu["x1"] = CODE + 0x100
    return bench


HOLDERS: list[tuple[dict[str, int], str]] = [
    # what is set; who holds EL0, EL1, EL2 and EL3, where there is such a state
    ({"fpen": 0}, "11--"),
    ({"fpen": 1}, "1---"),
    ({"fpen": 2}, "11--"),
    ({"fpen": 3}, "----"),
    ({"cptr2": TFP}, "222-"),
    ({"cptr3": TFP}, "3333"),
    ({"cptr2": TFP, "cptr3": TFP}, "2223"),
    ({"cptr2": TFP, "scr": 0}, "-- -"),  # EL2 is not there for Secure levels
]


@pytest.mark.parametrize("code", USES)
@pytest.mark.parametrize(
    ("controls", "pstate", "holder"),
    [
        (controls, level << 2 | (level > 0), holder)
        for controls, holders in HOLDERS
        for level, holder in enumerate(holders)
        if holder != " "
    ],
)
def test_a_use_is_trapped_by_whoever_holds_the_registers(
    code: str, controls: dict[str, int], pstate: int, holder: str
) -> None:
    """To the level that holds them, with PC at the instruction."""
    bench = bench64(code, pstate, **controls)
    bench.step()
    if holder == "-":
        assert (bench.numbers, bench.cpu.pc) == ([], CODE + 4)
        return
    group = ELXH_GROUP if pstate >> 2 == int(holder) else LOWER_A64
    bench.assert_taken(FP_ACCESS, group, el=int(holder), after=1, elr=CODE, spsr=pstate, esr=HELD)


def test_el1_holds_before_el2_and_el2_before_el3() -> None:
    """AArch64.CheckFPAdvSIMDEnabled's order."""
    bench = bench64(USES[0], EL0, fpen=0, cptr2=TFP, cptr3=TFP)
    bench.step()
    bench.assert_taken(FP_ACCESS, LOWER_A64, el=1, after=1, elr=CODE, spsr=EL0, esr=HELD)


def test_where_tge_routes_it_to_el2_its_class_is_unknown() -> None:
    """DDI0487 AArch64.AdvSIMDFPAccessTrap: EC 0 where EL1 would have taken it."""
    bench = bench64(USES[0], EL0, fpen=0, hcr=RW | TGE)
    bench.step()
    bench.assert_taken(UNKNOWN, LOWER_A64, el=2, after=1, elr=CODE, spsr=EL0, esr=syndrome(UNKNOWN))


@pytest.mark.parametrize(
    ("cpacr", "esr"),
    [(3 << FPEN, syndrome(SVE_ACCESS)), (ZEN_ALL, HELD), (3 << FPEN | ZEN_ALL, None)],
    ids=["ZEN", "FPEN", "neither"],
)
def test_what_is_announced_of_sve_is_held_alike(cpacr: int, esr: int | None) -> None:
    """DDI0584 CPACR_EL1.ZEN comes first, then FPEN."""
    bench = Arm64Bench(a64("ptrue p0.b"), EL1H, cpu="max", cpacr_el1=cpacr)
    bench.step()
    assert [event.error for event in bench.deliveries] == ([] if esr is None else [esr])


LOOP = a64("fmov d0, x0", "nop")


def test_code_that_ran_with_access_traps_without_it_and_runs_again() -> None:
    """Whatever was translated when; the register keeps what it had."""
    bench = Arm64Bench(LOOP, EL1H, cpacr_el1=3 << FPEN, x0=0x1234)
    bench.step(2)
    for _ in range(2):
        bench.registers(pc=CODE, cpacr_el1=0, x0=0x5678)
        bench.step()
        assert bench.cpu.pc == VECTORS[1] + ELXH_GROUP
        bench.registers(pstate=EL1H, pc=CODE, cpacr_el1=3 << FPEN, x0=0x1234)
        bench.step(2)
        assert bench.cpu.pc == CODE + 8
    assert bench.numbers == [FP_ACCESS, FP_ACCESS]


def test_a_guest_s_own_write_of_cpacr_counts_from_the_next_instruction_on() -> None:
    """MSR CPACR_EL1; ISB; use."""
    bench = Arm64Bench(a64("msr cpacr_el1, x0", "isb", "fmov d0, x0"), EL1H, cpacr_el1=3 << FPEN, x0=0)
    bench.step(3)
    bench.assert_taken(FP_ACCESS, ELXH_GROUP, after=3, elr=CODE + 8, spsr=EL1H, esr=HELD)


def trapped(machine: Machine) -> list[list[int]]:
    events = machine.trace.last(4096)
    return [[event.number for event in events if event.kind == "delivered" and event.vcpu == n] for n in (0, 1)]


def test_each_vcpu_has_its_own_say_and_a_snapshot_keeps_it() -> None:
    """The second vCPU holds the registers, the first does not; the same after coming back."""
    bench = Arm64Bench(a64("b #0"), EL1H, smp=2, cpacr_el1=3 << FPEN)
    machine = bench.machine
    second = machine.cpus[1]
    lib.vmm_arm_start(machine._native.vcpus[1], CODE + 0x80, 0)
    machine.memory.write(CODE + 0x80, LOOP + a64("b #0"))
    machine.memory.write(CODE, LOOP + a64("b #0"))
    second["vbar_el1"] = VECTORS[1]
    before = machine.snapshot()
    for _ in range(2):
        machine.run(insns=3000)
        assert trapped(machine) == [[], [FP_ACCESS]]
        assert machine.cpus[0].pc == CODE + 8
        machine.restore(before)


def test_an_aarch32_program_s_use_is_its_kernel_s() -> None:
    """CPACR_EL1.FPEN of an AArch64 kernel holds AArch32 EL0; EC 0x07, CV 1, COND 0b1110."""
    bench = Arm64Bench(a64("eret"), EL1H, cpacr_el1=1 << FPEN, spsr_el1=0x10, elr_el1=CODE + 4)
    bench.memory.write(CODE + 4, a32("vmov s0, r0"))
    bench.step(2)
    bench.assert_taken(FP_ACCESS, LOWER_A64 + 0x200, after=2, elr=CODE + 4, spsr=0x10, esr=HELD)


# ---- ARMv7-A ----

EN, ASEDIS = 1 << 30, 1 << 31
FULL, PRIVILEGED = 0xF << 20, 0x5 << 20
VMOV, SIMD = a32("vmov s0, r0"), a32("vmov.i32 q0, #0")


def bench32(code: bytes, mode: str, cpacr: int, fpexc: int = EN, *, thumb: bool = False) -> Arm32Bench:
    """FPEXC is written by the guest: it is no CP15 register."""
    bench = Arm32Bench(code, mode, 0, thumb=thumb)
    bench.system(1, 0, 0, 2, FULL)
    state = bench.cpu["cpsr"]
    bench.memory.write(CODE - 4, a32("vmsr fpexc, r0"))
    bench.registers(cpsr=MODES["svc"], pc=CODE - 4, r0=fpexc)
    bench.step()
    bench.system(1, 0, 0, 2, cpacr)
    bench.registers(cpsr=state, pc=CODE | thumb)
    return bench


@pytest.mark.parametrize(
    ("mode", "cpacr", "fpexc", "code", "held"),
    [
        ("usr", 0, EN, VMOV, True), ("svc", 0, EN, VMOV, True), ("usr", PRIVILEGED, EN, VMOV, True),
        ("svc", PRIVILEGED, EN, VMOV, False), ("usr", FULL, EN, VMOV, False), ("usr", FULL, 0, VMOV, True),
        ("svc", FULL, 0, VMOV, True), ("usr", FULL, 0, SIMD, True), ("usr", FULL, EN, SIMD, False),
        ("usr", FULL | ASEDIS, EN, SIMD, True), ("usr", FULL | ASEDIS, EN, VMOV, False), ("svc", 0, EN, SIMD, True),
    ],
)  # fmt: skip
def test_armv7_has_an_undefined_instruction_of_it(mode: str, cpacr: int, fpexc: int, code: bytes, held: bool) -> None:
    """LR is the next instruction; CPSR.I is masked and nothing else changes."""
    bench = bench32(code, mode, cpacr, fpexc)
    bench.step()
    if not held:
        assert (bench.numbers, bench.cpu.pc) == ([], CODE + 4)
        return
    number = bench.deliveries[-1].number
    bench.assert_taken(number, UNDEFINED32, "und", after=2, lr=CODE + 4, spsr=MODES[mode], cpsr=I)
    assert number in (UNKNOWN, FP_ACCESS)


def test_a_thumb_instruction_is_held_alike() -> None:
    """LR is the address + 2 (DDI0406 table B1-7)."""
    bench = bench32(t32("vmov s0, r0"), "usr", 0, thumb=True)
    bench.step()
    assert (bench.cpu["lr"], bench.cpu["spsr"], bench.cpu.pc) == (CODE + 2, MODES["usr"] | T, VECTORS[1] + UNDEFINED32)


def test_an_it_block_s_state_is_kept_where_one_of_its_instructions_is_held() -> None:
    """ITE EQ; VMOVEQ with Z: SPSR.IT is 0b00001100 (DDI0406 A2.5.2)."""
    bench = bench32(t32("ite eq", "vmov s0, r0", "movs r0, #1"), "svc", 0, thumb=True)
    z = 1 << 30
    bench.registers(cpsr=MODES["svc"] | T | z, pc=CODE | 1)
    bench.step(2)
    assert (bench.cpu["lr"], hex(bench.cpu["spsr"])) == (CODE + 4, hex(MODES["svc"] | T | z | 0x0C >> 2 << 10))


def test_an_armv7_guest_s_own_write_counts_from_the_next_instruction_on() -> None:
    """MCR CPACR; the same instruction that ran before it is undefined behind it."""
    code = a32("vmov s0, r0", "mcr p15, #0, r0, c1, c0, #2", "vmov s0, r0")
    bench = bench32(code, "svc", FULL)
    bench.cpu["r0"] = 0
    bench.step(3)
    assert (bench.cpu["lr"], bench.cpu.pc) == (CODE + 12, VECTORS[1] + UNDEFINED32)


def test_simd_switched_off_by_asedis_comes_back_with_a_reset_and_a_snapshot() -> None:
    """It is a property of the state, not of the machine."""
    bench = bench32(SIMD, "svc", FULL)
    machine, on = bench.machine, bench.machine.snapshot()
    bench.system(1, 0, 0, 2, FULL | ASEDIS)
    off = machine.snapshot()
    for snapshot, count in ((off, 1), (on, 0), (off, 1)):
        machine.restore(snapshot)
        bench.step()
        assert len(bench.deliveries) == count
