"""Rule 28: PSCI on whole machines, by HVC and by SMC (DEN0022 chapter 5), with one to four vCPUs."""

from __future__ import annotations

from typing import Any

import pytest

from arm.arm_bench import (
    CODE,
    DAIF,
    DATA,
    EL0,
    EL1H,
    EL2H,
    ELXH_GROUP,
    HVC,
    INTID,
    IRQ,
    LOWER_A64,
    MODES,
    NZCV,
    SMC,
    STACK64,
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

VERSION, CPU_SUSPEND, CPU_OFF, CPU_ON, AFFINITY_INFO = 0x84000000, 0x84000001, 0x84000002, 0xC4000003, 0xC4000004
CPU_ON32, AFFINITY_INFO32, SYSTEM_OFF, SYSTEM_RESET = 0x84000003, 0x84000004, 0x84000008, 0x84000009
SUCCESS, NOT_SUPPORTED, INVALID_PARAMETERS, ALREADY_ON, INVALID_ADDRESS = 0, -1, -2, -4, -9
ON, OFF = 0, 1
CALLS_A64 = ["hvc #0", "smc #0"]
CALLS_A32 = ["hvc #0", "smc #0"]
RW, HYP = 1 << 31, ",virtualization=on"


def signed(value: int) -> int:
    """The result's low 32 bits."""
    return (value & 0xFFFFFFFF ^ 1 << 31) - (1 << 31)


def call(bench: Arm64Bench, function: int, *arguments: int) -> int:
    """Let the first vCPU call again; the result."""
    bench.registers(pc=CODE, x0=function, **{f"x{n}": value for n, value in enumerate(arguments, 1)})
    bench.machine.run(until=CODE + 4, insns=5000)
    assert bench.cpu.pc == CODE + 4
    return signed(bench.cpu["x0"])


@pytest.mark.parametrize("code", CALLS_A64)
@pytest.mark.parametrize("gic", [2, 3])
def test_version_is_1_1_and_the_call_is_no_exception(code: str, gic: int) -> None:
    """DEN0022 5.1.1: major in the upper half. Nothing but X0 changes."""
    bench = Arm64Bench(a64(code), EL1H, gic=gic, x0=VERSION, x1=1, x17=17)
    bench.step()
    assert (bench.cpu["x0"], bench.cpu["x1"], bench.cpu["x17"]) == (0x10001, 1, 17)
    assert (bench.cpu.pc, bench.cpu.pstate, bench.numbers) == (CODE + 4, EL1H, [])


@pytest.mark.parametrize("function", [0x84000FFF, 0x80001234, 0, 0xC4000000])
def test_an_unknown_function_is_not_supported(function: int) -> None:
    """DEN0022 5.2.1: -1; VERSION has no SMC64 form."""
    assert call(Arm64Bench(a64("hvc #0")), function) == NOT_SUPPORTED


OTHERS_A64 = ["hvc #0x17", "smc #0x17"]


@pytest.mark.parametrize("code", OTHERS_A64)
def test_another_immediate_is_undefined(code: str) -> None:
    """DEN0028: the conduit's immediate is 0; there is no EL2 and no EL3."""
    bench = Arm64Bench(a64(code), EL1H, x0=VERSION)
    bench.step()
    bench.assert_taken(UNKNOWN, ELXH_GROUP, after=1, elr=CODE, spsr=EL1H, esr=syndrome(UNKNOWN))
    assert bench.cpu["x0"] == VERSION


@pytest.mark.parametrize("code", CALLS_A64)
def test_user_code_cannot_call_firmware(code: str) -> None:
    """DDI0487 C6.2: HVC and SMC are UNDEFINED at EL0."""
    bench = Arm64Bench(a64(code), EL0, x0=VERSION)
    bench.step()
    bench.assert_taken(UNKNOWN, LOWER_A64, after=1, elr=CODE, spsr=EL0, esr=syndrome(UNKNOWN))


@pytest.mark.parametrize("source", [EL1H, EL2H])
def test_with_el2_the_conduit_is_smc(source: int) -> None:
    """And HVC #0 is the hypervisor's."""
    bench = Arm64Bench(a64("smc #0"), source, board=HYP, hcr_el2=RW, x0=VERSION)
    bench.step()
    assert (bench.cpu["x0"], bench.numbers) == (0x10001, [])
    bench = Arm64Bench(a64("hvc #0"), EL1H, board=HYP, hcr_el2=RW, x0=VERSION)
    bench.step()
    bench.assert_taken(HVC, LOWER_A64, el=2, after=1, elr=CODE + 4, spsr=EL1H, esr=syndrome(HVC))


def test_with_el3_the_guest_is_its_own_firmware() -> None:
    """SMC #0 is an exception to EL3."""
    bench = Arm64Bench(a64("smc #0"), EL1H, board=",secure=on", scr_el3=1 | 1 << 10, x0=VERSION)
    bench.step()
    bench.assert_taken(SMC, LOWER_A64, el=3, after=1, elr=CODE + 4, spsr=EL1H, esr=syndrome(SMC))


# ---- power ----


@pytest.mark.parametrize(("function", "reason"), [(SYSTEM_OFF, "poweroff"), (SYSTEM_RESET, "reset")])
@pytest.mark.parametrize("code", CALLS_A64)
def test_system_off_and_reset_end_the_run_at_the_call(code: str, function: int, reason: str) -> None:
    """DEN0022 5.9, 5.11: exit status 0; the next instruction does not begin."""
    bench = Arm64Bench(a64(code, "mov x9, #1"), x0=function)
    stop = bench.step(10)
    assert (stop.reason, stop.exit_status, bench.machine.instructions, bench.cpu["x9"]) == (reason, 0, 1, 0)


def test_secondary_vcpus_are_off_until_they_are_started() -> None:
    """DEN0022 5.7."""
    bench = Arm64Bench(a64("hvc #0"), smp=4)
    assert [call(bench, AFFINITY_INFO, cpu, 0) for cpu in range(4)] == [ON, OFF, OFF, OFF]
    assert [cpu.off for cpu in bench.machine.cpus] == [False, True, True, True]
    assert call(bench, AFFINITY_INFO, 4, 0) == INVALID_PARAMETERS
    assert call(bench, AFFINITY_INFO32, 1, 0) == OFF


@pytest.mark.parametrize("function", [CPU_ON, CPU_ON32])
def test_cpu_on_starts_a_vcpu_at_el1_masked_with_its_context_in_x0(function: int) -> None:
    """DEN0022 5.6, 6.4: the level of the caller, SP_ELx, DAIF set, MMU off."""
    bench = Arm64Bench(a64("hvc #0"), EL1H, smp=2, sctlr_el1=0x30D00800)
    bench.memory.write(DATA, a64("b #0"))
    assert call(bench, function, 1, DATA, 0x1234) == SUCCESS
    other: Any = bench.machine.cpus[1]
    assert (other.off, other.pc, other["x0"], other.pstate & ~NZCV) == (False, DATA, 0x1234, EL1H | DAIF)
    assert (other["sctlr_el1"] & 1, other["mpidr_el1"] & 0xFFFFFF) == (0, 1)
    bench.step(3000)
    assert (other.count > 0, other.pc) == (True, DATA)
    assert call(bench, AFFINITY_INFO, 1, 0) == ON


def test_what_cannot_be_started_is_refused() -> None:
    """DEN0022 5.6.3."""
    bench = Arm64Bench(a64("hvc #0"), smp=2)
    assert call(bench, CPU_ON, 0, DATA, 0) == ALREADY_ON
    assert call(bench, CPU_ON, 2, DATA, 0) == INVALID_PARAMETERS
    assert call(bench, CPU_ON, 1 << 32 | 1, DATA, 0) == INVALID_PARAMETERS
    assert call(bench, CPU_ON, 1, DATA + 2, 0) == INVALID_ADDRESS
    bench.memory.write(DATA, a64("b #0"))
    assert call(bench, CPU_ON, 1, DATA, 0) == SUCCESS
    assert call(bench, CPU_ON, 1, DATA, 0) == ALREADY_ON


def test_cpu_off_switches_the_caller_off_and_it_can_be_started_again() -> None:
    """DEN0022 5.5: the call does not return."""
    bench = Arm64Bench(a64("hvc #0"), smp=2)
    bench.memory.write(DATA, a64("mov x9, #1", "hvc #0", "b #0"))
    assert call(bench, CPU_ON, 1, DATA, CPU_OFF) == SUCCESS
    bench.step(4000)
    other: Any = bench.machine.cpus[1]
    assert (other.off, other.count, call(bench, AFFINITY_INFO, 1, 0)) == (True, 2, OFF)
    assert call(bench, CPU_ON, 1, DATA, VERSION) == SUCCESS
    bench.step(4000)
    assert (other.off, other["x0"], other.pc) == (False, 0x10001, DATA + 8)


def test_with_every_vcpu_off_the_run_ends() -> None:
    """Nothing can switch one on again."""
    bench = Arm64Bench(a64("hvc #0"), x0=CPU_OFF)
    assert bench.step(10).reason == "idle"
    assert bench.machine.instructions == 1


def test_four_vcpus_each_know_who_they_are() -> None:
    """Each adds its MPIDR's Aff0 + 1 to a word of its own; all run."""
    bench = Arm64Bench(a64("hvc #0"), smp=4)
    bench.memory.write(
        DATA, a64("mrs x1, mpidr_el1", "and x1, x1, #0xff", "add x2, x1, #1", "str w2, [x0, x1, lsl #2]", "b #0")
    )
    for cpu in (1, 2, 3):
        assert call(bench, CPU_ON, cpu, DATA, DATA + 0x1000) == SUCCESS
    bench.step(10_000)
    assert [bench.machine.u32(DATA + 0x1000 + 4 * cpu) for cpu in range(4)] == [0, 2, 3, 4]


@pytest.mark.parametrize("gic", [2, 3])
def test_an_spi_is_delivered_to_the_vcpu_it_is_routed_to(gic: int) -> None:
    """The other one does not see it."""
    bench = Arm64Bench(a64("hvc #0"), EL1H, smp=2, gic=gic)
    bench.memory.write(DATA, a64("msr vbar_el1, x0", "msr daifclr, #2", "b #0"))
    assert call(bench, CPU_ON, 1, DATA, VECTORS[1]) == SUCCESS
    bench.step(2500)
    bench.enable(INTID, cpu=1)
    bench.machine.irq(INTID - 32).raise_()
    bench.step(2500)
    (event,) = bench.deliveries
    assert (event.vcpu, event.number, event.pc, event.vector_offset) == (1, INTID, DATA + 8, ELXH_GROUP + IRQ)
    assert bench.machine.cpus[1].pc == VECTORS[1] + ELXH_GROUP + IRQ


@pytest.mark.parametrize("gic", [2, 3])
def test_each_vcpu_has_timers_of_its_own(gic: int) -> None:
    """The second one's virtual timer interrupts the second one (PPI 27)."""
    bench = Arm64Bench(a64("hvc #0"), EL1H, smp=2, gic=gic)
    code = a64(
        "msr vbar_el1, x0", "msr cntv_cval_el0, xzr", "mov x1, #1", "msr cntv_ctl_el0, x1", "msr daifclr, #2", "b #0"
    )
    bench.memory.write(DATA, code)
    bench.enable(27, cpu=1)
    bench.enable(27, cpu=0)
    assert call(bench, CPU_ON, 1, DATA, VECTORS[1]) == SUCCESS
    bench.step(2500)
    (event,) = bench.deliveries
    assert (event.vcpu, event.number, event.source, event.pc) == (1, 27, "PPI", DATA + 20)


def test_cpu_suspend_waits_like_wfi_and_returns_success() -> None:
    """DEN0022 5.4: standby; a masked interrupt ends it, and no handler runs."""
    bench = Arm64Bench(a64("msr cntv_cval_el0, x3", "msr cntv_ctl_el0, x4", "hvc #0", "mrs x5, cntvct_el0"), EL1H | I)
    bench.registers(x0=CPU_SUSPEND, x1=0, x3=50_000, x4=1)
    bench.enable(27)
    bench.step(4)
    assert (signed(bench.cpu["x0"]), bench.numbers, bench.cpu["x5"]) == (SUCCESS, [], 50_000)


# ---- AArch32 ----


@pytest.mark.parametrize("code", CALLS_A32)
@pytest.mark.parametrize("mode", ["svc", "sys", "irq"])
def test_firmware_answers_a_privileged_a32_caller(code: str, mode: str) -> None:
    """R0 alone changes."""
    bench = Arm32Bench(a32(code), mode, 0, r0=VERSION, r1=1)
    bench.step()
    assert (bench.cpu["r0"], bench.cpu["r1"], bench.cpu.pc) == (0x10001, 1, CODE + 4)
    assert (bench.numbers, bench.cpu["cpsr"]) == ([], MODES[mode])


CALLS_T32 = ["hvc.w #0", "smc #0"]


@pytest.mark.parametrize("code", CALLS_T32)
def test_firmware_answers_a_t32_caller(code: str) -> None:
    """Both are four bytes long in T32."""
    bench = Arm32Bench(t32(code), "svc", 0, thumb=True, r0=VERSION)
    bench.step()
    assert (bench.cpu["r0"], bench.cpu.pc, bench.numbers) == (0x10001, CODE + 4, [])


def test_an_aarch32_caller_has_no_smc64_functions() -> None:
    """DEN0028: CPU_ON by its SMC64 number is unknown."""
    bench = Arm32Bench(a32("hvc #0"), "svc", 0, smp=2, r0=CPU_ON, r1=1, r2=DATA)
    bench.step()
    assert (signed(bench.cpu["r0"]), bench.machine.cpus[1].off) == (NOT_SUPPORTED, True)


@pytest.mark.parametrize("thumb", [False, True])
def test_cpu_on_starts_an_armv7_vcpu_in_supervisor_mode_in_the_state_of_bit_0(thumb: bool) -> None:
    """DEN0022 5.6.2, 6.4: bit 0 of the entry selects T32."""
    bench = Arm32Bench(a32("hvc #0"), "svc", smp=2, r0=CPU_ON32, r1=1, r2=DATA | thumb, r3=0x1234)
    bench.memory.write(DATA, t32("movs r7, #1", "b #0") if thumb else a32("mov r7, #1", "b #0"))
    bench.step()
    other: Any = bench.machine.cpus[1]
    state = MODES["svc"] | DAIF & ~(1 << 9) | (T if thumb else 0)
    assert (signed(bench.cpu["r0"]), other.pc, other["r0"]) == (SUCCESS, DATA, 0x1234)
    assert hex(other["cpsr"] & ~NZCV) == hex(state)
    bench.step(3000)
    assert (other["r7"], other.pc) == (1, DATA + (2 if thumb else 4))


def test_another_immediate_is_undefined_in_a32() -> None:
    """Taken to Undefined mode."""
    bench = Arm32Bench(a32("hvc #0x17"), "svc", 0, r0=VERSION)
    bench.step()
    bench.assert_taken(0, UNDEFINED32, "und", after=1, lr=CODE + 4, spsr=MODES["svc"], cpsr=I)


def test_system_off_ends_the_run_of_an_armv7_guest() -> None:
    """Exit status 0."""
    stop = Arm32Bench(a32("smc #0"), "svc", 0, r0=SYSTEM_OFF).step(5)
    assert (stop.reason, stop.exit_status) == ("poweroff", 0)


def test_the_stack_pointers_of_a_started_vcpu_are_not_the_callers() -> None:
    """It begins from reset."""
    bench = Arm64Bench(a64("hvc #0"), EL1H, smp=2)
    assert call(bench, CPU_ON, 1, DATA, 0) == SUCCESS
    other: Any = bench.machine.cpus[1]
    assert (bench.cpu["sp"], other["sp"]) == (STACK64[1], 0)


def test_nothing_runs_behind_cpu_off_not_even_between_an_exclusive_load_and_its_store() -> None:
    """DEN0022 5.5: the call does not return; a turn that may be finished for the pair's sake is over, too."""
    bench = Arm64Bench(a64("ldxr x2, [x1]", "hvc #0", "mov x9, #1"), 5, x0=0x84000002, x1=DATA)
    stop = bench.machine.run(insns=50)
    assert (stop.reason, bench.cpu.off, bench.cpu["x9"]) == ("idle", True, 0)
    assert "every vCPU is switched off" in stop.detail
