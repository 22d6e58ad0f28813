"""The hypervisor's view on ARM: Python takes an event before the guest does (vmm/inputs/traps.py)."""

from __future__ import annotations

from typing import Any

import pytest

import vmm
from arm.arm_bench import (
    BRK,
    CODE,
    DAIF,
    EL0,
    EL1H,
    ELXH_GROUP,
    HVC,
    INTID,
    IRQ,
    LOWER_A64,
    MODES,
    PREFETCH32,
    SMC,
    SVC,
    SVC32,
    SYSREG,
    UNDEFINED32,
    UNKNOWN,
    VECTORS,
    A,
    Arm32Bench,
    Arm64Bench,
    ArmBench,
    I,
    T,
    syndrome,
)  # fmt: skip
from arm.opcodes import a32, a64, t32
from vmm.arch.arm.traps import Brk, Hvc, Smc, Svc, SysReg, Undefined
from vmm.arch.traps import Key
from vmm.inputs.traps import DONE, Trap
from vmm.machine.config import Config
from vmm.machine.machine import Machine

SEEN = list[tuple[Any, ...]]
RW = 1 << 31


def watch(bench: ArmBench, key: Key, answer: str | None, **changes: int) -> SEEN:
    """Trap `key`, note what is seen, change registers and give `answer`."""
    seen: SEEN = []

    @bench.machine.trap(key)
    def look(trap: Trap) -> str | None:
        seen.append((trap.key, trap.cpu.index))
        for name, value in changes.items():
            trap.cpu[name] = value
        return answer

    return seen


# ---- A64 ----

CALLS = [
    (Svc(0x1234), a64("svc #0x1234"), SVC, ""),
    (Hvc(0x17), a64("hvc #0x17"), UNKNOWN, ""),
    (Smc(0x17), a64("smc #0x17"), UNKNOWN, ""),
    (Hvc(0), a64("hvc #0"), HVC, ",virtualization=on"),
    (Smc(0x17), a64("smc #0x17"), SMC, ",secure=on"),
    (Brk(0xABCD), a64("brk #0xabcd"), BRK, ""),
]


@pytest.mark.parametrize(("key", "code", "number", "board"), CALLS)
def test_a_call_that_is_finished_goes_on_behind_it_and_reaches_no_handler(
    key: Key, code: bytes, number: int, board: str
) -> None:
    """Registers are the handler's; PSTATE, ELR and SP are untouched."""
    bench = Arm64Bench(code + a64("nop"), EL1H, board=board, elr_el1=0x77)
    seen = watch(bench, key, DONE, x0=42)
    bench.step()
    assert seen == [(key, 0)]
    assert (bench.numbers, bench.cpu.pc, bench.cpu.pstate) == ([], CODE + 4, EL1H)
    assert (bench.cpu["x0"], bench.cpu["elr_el1"]) == (42, 0x77)
    bench.step()
    assert bench.cpu.pc == CODE + 8


@pytest.mark.parametrize(("key", "code", "number", "board"), CALLS)
def test_a_call_that_is_let_through_is_taken_with_the_changed_registers(
    key: Key, code: bytes, number: int, board: str
) -> None:
    """As if nobody had looked."""
    bench = Arm64Bench(code, EL1H, board=board)
    seen = watch(bench, key, None, x0=42)
    bench.step()
    assert (len(seen), bench.numbers, bench.cpu["x0"]) == (1, [number], 42)


def test_an_svc_of_el0_is_seen_before_the_kernel() -> None:
    """And the level stays 0."""
    bench = Arm64Bench(a64("svc #0x1234"), EL0)
    seen = watch(bench, Svc(0x1234), DONE)
    bench.step()
    assert (len(seen), bench.cpu.pc, bench.cpu.el, bench.numbers) == (1, CODE + 4, 0, [])


def test_a_trap_on_one_immediate_sees_no_other() -> None:
    """SVC #1 is the guest's."""
    bench = Arm64Bench(a64("svc #1"), EL1H)
    seen = watch(bench, Svc(2), DONE)
    bench.step()
    bench.assert_taken(SVC, ELXH_GROUP, after=1, elr=CODE + 4, spsr=EL1H, esr=syndrome(SVC, 1))
    assert seen == []


def test_a_trapped_hvc_0_comes_before_firmware() -> None:
    """PSCI does not see what the script has finished; let through, PSCI answers."""
    bench = Arm64Bench(a64("hvc #0"), EL1H, x0=0x84000000)
    watch(bench, Hvc(0), DONE, x0=5)
    bench.step()
    assert (bench.cpu["x0"], bench.cpu.pc) == (5, CODE + 4)
    bench = Arm64Bench(a64("hvc #0"), EL1H, x0=0x84000000)
    seen = watch(bench, Hvc(0), None)
    bench.step()
    assert (len(seen), bench.cpu["x0"], bench.cpu.pc, bench.numbers) == (1, 0x10001, CODE + 4, [])


UNDEFINED_A64 = ["udf #0", "eret"]


@pytest.mark.parametrize("code", UNDEFINED_A64)
def test_an_undefined_instruction_that_is_finished_goes_on_where_the_handler_says(code: str) -> None:
    """PC is still at it, so the handler moves it."""
    bench = Arm64Bench(a64(code, "mov x9, #1"), EL0)
    seen = watch(bench, Undefined(), DONE, pc=CODE + 4)
    bench.step(2)
    assert (seen, bench.numbers, bench.cpu["x9"]) == ([(Undefined(), 0)], [], 1)


def test_an_undefined_instruction_that_is_let_through_is_taken() -> None:
    """EC 0."""
    bench = Arm64Bench(a64("udf #0"), EL1H)
    seen = watch(bench, Undefined(), None)
    bench.step()
    assert len(seen) == 1
    bench.assert_taken(UNKNOWN, ELXH_GROUP, after=1, elr=CODE, spsr=EL1H, esr=syndrome(UNKNOWN))


def test_a_call_is_not_an_undefined_instruction() -> None:
    """SVC and BRK have exceptions of their own."""
    for code in (a64("svc #1"), a64("brk #1")):
        bench = Arm64Bench(code, EL1H)
        seen = watch(bench, Undefined(), DONE)
        bench.step()
        assert (seen, len(bench.numbers)) == ([], 1)


def test_a_system_register_can_be_made_up() -> None:
    """MRS gets the handler's value, MSR shows what is written; neither reaches the register."""
    bench = Arm64Bench(a64("msr tpidr_el1, x1", "mrs x2, tpidr_el1"), EL1H, x1=0x1122334455667788, tpidr_el1=7)
    seen: SEEN = []

    @bench.machine.trap(SysReg("tpidr_el1"))
    def register(trap: Trap) -> str:
        seen.append((trap.write, trap.value if trap.write else None, trap.cpu["pc"]))
        trap.value = 0xAABBCCDD00000001
        return DONE

    bench.step(2)
    assert seen == [(True, 0x1122334455667788, CODE), (False, None, CODE + 4)]
    assert (bench.cpu["x2"], bench.cpu["tpidr_el1"], bench.cpu["x1"]) == (0xAABBCCDD00000001, 7, 0x1122334455667788)
    assert (bench.cpu.pc, bench.numbers) == (CODE + 8, [])


def test_a_system_register_that_is_let_through_is_accessed() -> None:
    """Both ways."""
    bench = Arm64Bench(a64("msr tpidr_el1, x1", "mrs x2, tpidr_el1"), EL1H, x1=0x55)
    seen = watch(bench, SysReg("tpidr_el1"), None)
    bench.step(2)
    assert (len(seen), bench.cpu["x2"], bench.cpu["tpidr_el1"]) == (2, 0x55, 0x55)


def test_a_system_register_is_trapped_in_code_that_has_run_before() -> None:
    """What was translated without the trap is translated again."""
    bench = Arm64Bench(a64("mrs x2, tpidr_el1"), EL1H, tpidr_el1=3)
    bench.step()
    assert bench.cpu["x2"] == 3
    bench.cpu["pc"] = CODE
    seen: SEEN = []

    @bench.machine.trap(SysReg("tpidr_el1"))
    def register(trap: Trap) -> str:
        seen.append((trap.key,))
        trap.value = 9
        return DONE

    bench.step()
    assert (len(seen), bench.cpu["x2"]) == (1, 9)


def test_the_zero_register_is_written_as_zero_and_takes_no_value() -> None:
    """MSR from XZR, MRS to XZR."""
    bench = Arm64Bench(a64("msr tpidr_el1, xzr", "mrs xzr, tpidr_el1"), EL1H)
    values: list[int] = []

    @bench.machine.trap(SysReg("tpidr_el1"))
    def register(trap: Trap) -> str:
        values.append(trap.value)
        trap.value = 0x99
        return DONE

    bench.cpu["sp"] = 0x4242
    bench.step(2)
    assert (values[0], bench.cpu["sp"], bench.cpu.pc) == (0, 0x4242, CODE + 8)


def test_a_trapped_register_is_asked_for_whatever_the_exception_level() -> None:
    """EL0's MRS of an EL1 register: finished, it is no exception; let through, it is one."""
    bench = Arm64Bench(a64("mrs x2, tpidr_el1"), EL0)

    @bench.machine.trap(SysReg("tpidr_el1"))
    def register(trap: Trap) -> str:
        trap.value = 8
        return DONE

    bench.step()
    assert (bench.cpu["x2"], bench.numbers, bench.cpu.pc) == (8, [], CODE + 4)
    bench = Arm64Bench(a64("mrs x5, daif"), EL0)
    watch(bench, SysReg("tpidr_el1"), DONE)
    bench.step()
    assert bench.numbers == [SYSREG], "one that nobody traps keeps its meaning"


def test_the_virtual_counter_can_be_made_up() -> None:
    """A register that is the machine's own, defined in Unicorn's table."""
    bench = Arm64Bench(a64("mrs x0, cntvct_el0"), EL1H)

    @bench.machine.trap(SysReg("cntvct_el0"))
    def register(trap: Trap) -> str:
        trap.value = 123456
        return DONE

    bench.step()
    assert bench.cpu["x0"] == 123456


def test_an_interrupt_that_a_handler_raises_is_taken_behind_the_call() -> None:
    """The next boundary; ELR is behind the SVC that was finished."""
    bench = Arm64Bench(a64("svc #1", "mov x9, #1"), EL1H)

    @bench.machine.trap(Svc(1))
    def call(trap: Trap) -> str:
        bench.raise_irq()
        return DONE

    bench.step(2)
    bench.assert_taken(INTID, ELXH_GROUP + IRQ, after=1, elr=CODE + 4, spsr=EL1H)
    assert bench.cpu["x9"] == 0


def test_an_interrupt_that_a_handler_raises_waits_for_the_svc_it_lets_through() -> None:
    """The entry masks I: the kernel's first instructions run."""
    bench = Arm64Bench(a64("svc #1"), EL0)
    bench.memory.write(VECTORS[1] + LOWER_A64, a64("nop", "msr daifclr, #2"))

    @bench.machine.trap(Svc(1))
    def call(trap: Trap) -> None:
        bench.raise_irq()

    bench.step(4)
    assert bench.numbers == [SVC, INTID]
    bench.assert_taken(INTID, ELXH_GROUP + IRQ, after=3, elr=VECTORS[1] + LOWER_A64 + 8, spsr=EL1H | DAIF & ~I)


def test_a_trap_is_recorded_before_what_it_lets_through() -> None:
    """The trace has both, in order."""
    bench = Arm64Bench(a64("svc #1"), EL1H)
    watch(bench, Svc(1), None)
    bench.step()
    assert [event.kind for event in bench.machine.trace.last(2)] == ["trapped", "delivered"]


def test_an_error_in_a_handler_ends_the_run_and_is_raised_from_it() -> None:
    """Nothing of it is lost between C and Python."""
    bench = Arm64Bench(a64("svc #1"), EL1H)

    @bench.machine.trap(Svc(1))
    def broken(trap: Trap) -> None:
        raise LookupError("no such call")

    with pytest.raises(LookupError, match="no such call"):
        bench.step()


# ---- A32 and T32 ----

CALLS32 = [
    (Svc(0x42), a32("svc #0x42"), False, SVC32, "svc"),
    (Svc(0xABCDEF), a32("svc #0xabcdef"), False, SVC32, "svc"),
    (Svc(0x42), t32("svc #0x42"), True, SVC32, "svc"),
    (Hvc(0x17), a32("hvc #0x17"), False, UNDEFINED32, "und"),
    (Hvc(0xABCD), t32("hvc.w #0xabcd"), True, UNDEFINED32, "und"),
    (Smc(7), a32("smc #7"), False, UNDEFINED32, "und"),
    (Smc(7), t32("smc #7"), True, UNDEFINED32, "und"),
    (Brk(0x1234), a32("bkpt #0x1234"), False, PREFETCH32, "abt"),
    (Brk(0x12), t32("bkpt #0x12"), True, PREFETCH32, "abt"),
]


@pytest.mark.parametrize(("key", "code", "thumb", "vector", "mode"), CALLS32)
def test_a_call_of_armv7_that_is_finished_goes_on_behind_it(
    key: Key, code: bytes, thumb: bool, vector: int, mode: str
) -> None:
    """In the same mode and instruction set."""
    bench = Arm32Bench(code + (t32("nop") if thumb else a32("nop")), "svc", 0, thumb=thumb, lr=0x77)
    seen = watch(bench, key, DONE, r0=42)
    bench.step()
    assert seen == [(key, 0)]
    state = MODES["svc"] | (T if thumb else 0)
    assert (bench.numbers, bench.cpu.pc, bench.cpu["cpsr"]) == ([], CODE + len(code), state)
    assert (bench.cpu["r0"], bench.cpu["lr"]) == (42, 0x77)
    bench.step()
    assert bench.cpu.pc == CODE + len(code) + (2 if thumb else 4)


@pytest.mark.parametrize(("key", "code", "thumb", "vector", "mode"), CALLS32)
def test_a_call_of_armv7_that_is_let_through_is_taken(
    key: Key, code: bytes, thumb: bool, vector: int, mode: str
) -> None:
    """As if nobody had looked."""
    bench = Arm32Bench(code, "svc", 0, thumb=thumb)
    seen = watch(bench, key, None, r0=42)
    bench.step()
    assert (len(seen), len(bench.numbers), bench.cpu["r0"], bench.cpu.mode) == (1, 1, 42, mode)
    assert bench.cpu.pc == VECTORS[1] + vector
    masks = A | I if vector == PREFETCH32 else I
    assert bench.cpu["cpsr"] == MODES[mode] | masks


@pytest.mark.parametrize("thumb", [False, True])
def test_an_undefined_instruction_of_armv7_that_is_finished_goes_on_where_the_handler_says(thumb: bool) -> None:
    """PC is still at it; the handler gives a Thumb bit with the new one."""
    code = t32("udf #0", "movs r7, #1") if thumb else a32("udf #0", "mov r7, #1")
    bench = Arm32Bench(code, "usr", 0, thumb=thumb)
    behind = CODE + 3 if thumb else CODE + 4
    seen = watch(bench, Undefined(), DONE, pc=behind)
    bench.step(2)
    assert (len(seen), bench.numbers, bench.cpu["r7"]) == (1, [], 1)


# ---- keys ----


@pytest.mark.parametrize("key", [Svc(1), Hvc(1), Smc(1), Brk(1), Undefined(), SysReg("cntvct_el0")])
def test_what_arm_has_cannot_be_trapped_on_x86(key: Key) -> None:
    """One line that names it."""
    machine = Machine(Config(board="pc", memory=1 << 20))
    with pytest.raises(vmm.VmmError, match="cannot happen on an x86 CPU"):
        machine.trap(key)(lambda trap: None)


@pytest.mark.parametrize("key", [vmm.Int(3), vmm.Exc(6), vmm.Hlt(), vmm.Msr(1), vmm.Port(0x60)])
@pytest.mark.parametrize("wide", [False, True])
def test_what_x86_has_cannot_be_trapped_on_arm(key: Key, wide: bool) -> None:
    """One line that names it."""
    bench = Arm64Bench(b"") if wide else Arm32Bench(b"")
    with pytest.raises(vmm.VmmError, match="cannot happen on an ARM CPU"):
        bench.machine.trap(key)(lambda trap: None)


def test_system_registers_are_not_trapped_on_armv7() -> None:
    """Their names are A64's."""
    with pytest.raises(vmm.VmmError, match="AArch64"):
        Arm32Bench(b"").machine.trap(SysReg("cntvct_el0"))(lambda trap: None)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Svc(1 << 24), "SVC 0x1000000"),
        (lambda: Svc(-1), "SVC -0x1"),
        (lambda: Hvc(1 << 16), "HVC 0x10000"),
        (lambda: Smc(1 << 16), "SMC 0x10000"),
        (lambda: Brk(1 << 16), "BRK 0x10000"),
        (lambda: SysReg("cntvct_el1"), "did you mean 'cntvct_el0'"),
    ],
)
def test_a_key_out_of_range_is_refused(make: Any, message: str) -> None:
    """One line that names it."""
    with pytest.raises(vmm.VmmError, match=message):
        make()


def test_the_keys_are_exported() -> None:
    """As the documentation of traps writes them."""
    assert (vmm.Svc, vmm.Hvc, vmm.Smc, vmm.Brk, vmm.Undefined, vmm.SysReg) == (Svc, Hvc, Smc, Brk, Undefined, SysReg)
