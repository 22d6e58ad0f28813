"""What the native core takes for granted about Unicorn 2.1.4's ARM, each fact by itself against the `unicorn` package.

A later Unicorn that breaks one must fail here and not in somebody's guest. Where the manual says otherwise the test's
name says so, and the core does what the manual says.
"""

from __future__ import annotations

import ctypes
import mmap
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from unicorn import (
    UC_ARCH_ARM,
    UC_ARCH_ARM64,
    UC_HOOK_CODE,
    UC_HOOK_INSN,
    UC_HOOK_INSN_INVALID,
    UC_HOOK_INTR,
    UC_MODE_ARM,
    UC_PROT_ALL,
    Uc,
)
from unicorn import arm64_const as a64
from unicorn import arm_const as a32

from vmm.core.native import unicorn_library

CODE, DATA, HANDLER, TABLE = 0x1000, 0x8000, 0xA000, 0x10000
UNDEFINED, SWI, PREFETCH_ABORT, DATA_ABORT, BKPT, SMC = 1, 2, 3, 4, 7, 13
EL0T, EL1H = 0x3C0, 0x3C5
USR, SVC_MODE, IRQ_MODE, THUMB = 0x1D0, 0x1D3, 0x1D2, 0x20
IL = 1 << 20
TPIDR_EL0 = (3, 3, 13, 0, 2)


class Cpu:
    """An A64, A32 or T32 vCPU with the MMU off and 1 MiB of RAM, about to execute words ended by WFI.

    A T32 word of more than 16 bits has its first halfword on top.
    """

    def __init__(self, isa: str, *words: int, model: int | None = None, state: int | None = None) -> None:
        self.isa, self.aarch64, self.thumb = isa, isa == "A64", isa == "T32"
        self.uc = Uc(UC_ARCH_ARM64 if self.aarch64 else UC_ARCH_ARM, UC_MODE_ARM)
        default = a64.UC_CPU_ARM64_A57 if self.aarch64 else a32.UC_CPU_ARM_CORTEX_A15
        self.uc.ctl_set_cpu_model(default if model is None else model)
        self.uc.ctl_exits_enabled(True)
        self.uc.mem_map(0, 1 << 20)
        self.wfi = {"A64": 0xD503207F, "A32": 0xE320F003, "T32": 0xBF30}[isa]
        self.uc.mem_write(CODE, self.pack(*words, self.wfi))
        self.uc.mem_write(HANDLER, self.pack(self.wfi))
        if state is not None:
            self["PSTATE" if self.aarch64 else "CPSR"] = state
        if self.aarch64:
            self.rebuild()
        self.seen: list[Any] = []

    def pack(self, *words: int) -> bytes:
        if not self.thumb:
            return struct.pack(f"<{len(words)}I", *words)
        halves = [half for word in words for half in ((word >> 16, word & 0xFFFF) if word >> 16 else (word,))]
        return struct.pack(f"<{len(halves)}H", *halves)

    def _number(self, name: str) -> int:
        return int(getattr(a64, f"UC_ARM64_REG_{name}") if self.aarch64 else getattr(a32, f"UC_ARM_REG_{name}"))

    def __getitem__(self, name: str) -> int:
        return int(self.uc.reg_read(self._number(name)))

    def __setitem__(self, name: str, value: int) -> None:
        self.uc.reg_write(self._number(name), value)

    def system(self, *encoding: int) -> int:
        """An A64 system register by op0, op1, CRn, CRm, op2."""
        op0, op1, crn, crm, op2 = encoding
        return int(self.uc.reg_read(a64.UC_ARM64_REG_CP_REG, (crn, crm, op0, op1, op2)))

    def set_system(self, value: int, *encoding: int) -> None:
        op0, op1, crn, crm, op2 = encoding
        self.uc.reg_write(a64.UC_ARM64_REG_CP_REG, (crn, crm, op0, op1, op2, value))

    def rebuild(self) -> None:
        """Let Unicorn derive its flags from the state: any write of a system register does."""
        self.set_system(0, *TPIDR_EL0)

    def on_code(self, act: Callable[[int], Any]) -> None:
        self.uc.hook_add(UC_HOOK_CODE, lambda uc, address, size, data: act(address))

    def on_interrupt(self, act: Callable[[int], Any]) -> None:
        self.uc.hook_add(UC_HOOK_INTR, lambda uc, number, data: act(number))

    def on_invalid(self, act: Callable[[], Any]) -> None:
        self.uc.hook_add(UC_HOOK_INSN_INVALID, lambda uc, data: (act(), True)[1])

    def record(self) -> Cpu:
        """Note every exception as (number or "invalid", PC) and end the run there."""

        def note(what: int | str) -> None:
            self.seen.append((what, self["PC"]))
            self.uc.emu_stop()

        self.on_interrupt(note)
        self.on_invalid(lambda: note("invalid"))
        return self

    def run(self, at: int = CODE) -> Cpu:
        self.uc.emu_start(at | self.thumb, 0)
        return self

    def context(self) -> bytes:
        """Unicorn's copy of its private state."""
        context = self.uc.context_save()
        return ctypes.string_at(context.context, context.size)


def first_exception(isa: str, *words: int, state: int | None = None) -> tuple[int | str, int]:
    """What is raised, and how far PC is from the first instruction."""
    what, pc = Cpu(isa, *words, state=state).record().run().seen[0]
    return what, pc - CODE


# ---- the exported functions that the core calls ----


@pytest.mark.parametrize("library", ["aarch64", "arm"])
@pytest.mark.parametrize(
    "name",
    [
        "define_one_arm_cp_reg_with_opaque", "arm_rebuild_hflags", "cpu_loop_exit_noexc", "cpsr_read", "cpsr_write",
        "arm_cpu_get_phys_page_attrs_debug", "aarch64_sync_32_to_64", "tlb_flush",
    ],
)  # fmt: skip
def test_the_library_exports_what_the_core_calls(name: str, library: str) -> None:
    assert hasattr(ctypes.CDLL(str(unicorn_library())), f"{name}_{library}")


# ---- exceptions: numbers, and where PC is ----


@pytest.mark.parametrize(
    ("isa", "word", "number", "pc"),
    [
        ("A64", 0xD4000021, SWI, 4), ("A32", 0xEF000021, SWI, 4), ("T32", 0xDF21, SWI, 2),
        ("A64", 0xD4000023, SMC, 4), ("A32", 0xE1600071, SMC, 4), ("T32", 0xF7F18000, SMC, 4),
        ("A64", 0xD4200020, BKPT, 0), ("A32", 0xE1200071, BKPT, 0), ("T32", 0xBE01, BKPT, 0),
    ],
    ids=lambda value: f"{value:#x}" if isinstance(value, int) else value,
)  # fmt: skip
def test_svc_and_smc_leave_pc_behind_them_and_brk_and_bkpt_at_them(isa: str, word: int, number: int, pc: int) -> None:
    assert first_exception(isa, word) == (number, pc)


@pytest.mark.parametrize("word", [0x00000000, 0xD45E0000], ids=["udf", "hlt"])
def test_undefined_a64_is_exception_1_with_pc_at_it(word: int) -> None:
    assert first_exception("A64", word) == (UNDEFINED, 0)


@pytest.mark.parametrize(("isa", "word"), [("A32", 0xE7F000F0), ("T32", 0xDE00)])
def test_undefined_a32_and_t32_come_to_the_hook_of_invalid_instructions_with_pc_at_them(isa: str, word: int) -> None:
    assert first_exception(isa, word) == ("invalid", 0)


@pytest.mark.parametrize(
    ("isa", "word", "what"), [("A64", 0xD4000022, 1), ("A32", 0xE1400071, "invalid"), ("T32", 0xF7E08001, "invalid")]
)
def test_hvc_is_undefined_with_pc_at_it_as_the_core_sets_the_processor_up(isa: str, word: int, what: int | str) -> None:
    """No EL2, or HCE off: firmware is called from there."""
    assert first_exception(isa, word) == (what, 0)


def test_with_an_el2_that_takes_it_hvc_is_exception_11_and_pc_is_behind_it() -> None:
    cpu = Cpu("A64", 0xD4000022).record()
    cpu.set_system(0x5B1, 3, 6, 1, 1, 0)  # SCR_EL3: RW, HCE, SMD, NS
    assert cpu.run().seen == [(11, CODE + 4)]


def test_hvc_and_smc_of_el0_are_undefined() -> None:
    assert first_exception("A64", 0xD4000022, state=EL0T) == (UNDEFINED, 0)
    assert first_exception("A64", 0xD4000023, state=EL0T) == (UNDEFINED, 0)


@pytest.mark.parametrize(("isa", "load"), [("A64", 0xF9400020), ("A32", 0xE5910000), ("T32", 0x6808)])
def test_a_data_abort_of_translation_shows_pc_at_the_load(isa: str, load: int) -> None:
    cpu = translated(isa, load).record()
    cpu["X1" if cpu.aarch64 else "R1"] = 0x40000000
    assert cpu.run().seen == [(DATA_ABORT, CODE)]


@pytest.mark.parametrize(("isa", "branch"), [("A64", 0xD61F0020), ("A32", 0xE12FFF11), ("T32", 0x4708)])
def test_a_prefetch_abort_comes_before_the_code_hook_of_its_instruction(isa: str, branch: int) -> None:
    cpu = translated(isa, branch).record()
    cpu["X1" if cpu.aarch64 else "R1"] = 0x40000000 | cpu.thumb
    began: list[int] = []
    cpu.on_code(began.append)
    assert cpu.run().seen == [(PREFETCH_ABORT, 0x40000000)]
    assert began == [CODE]


def translated(isa: str, *words: int) -> Cpu:
    """With the MMU on: the first MiB (A64: GiB) where it is, the next GiB not mapped."""
    cpu = Cpu(isa, *words)
    if cpu.aarch64:
        cpu.set_system(0x5B1, 3, 6, 1, 1, 0)
        cpu.set_system(1 << 31, 3, 4, 1, 1, 0)
        cpu.uc.mem_write(TABLE, struct.pack("<Q", 0x401))
        for value, *encoding in ((TABLE, 3, 0, 2, 0, 0), (0x803519, 3, 0, 2, 0, 2), (0x30D00801, 3, 0, 1, 0, 0)):
            cpu.set_system(value, *encoding)
        return cpu
    cpu.uc.mem_write(TABLE, struct.pack("<I", 0xC02))
    for value, crn in ((TABLE, 2), (1, 3), (0xC50079, 1)):
        cpu.uc.reg_write(a32.UC_ARM_REG_CP_REG, (15, 0, 0, crn, 0, 0, 0, value))
    return cpu


@pytest.mark.parametrize(("register", "value"), [((3, 6, 1, 1, 0), 0), ((3, 4, 1, 1, 0), 0)], ids=["SCR", "HCR"])
def test_a_processor_with_el2_and_el3_walks_no_a64_tables_before_firmware_says_that_el1_is_a64(
    register: tuple[int, ...], value: int
) -> None:
    """So the core takes both levels away from a machine that has no such firmware."""
    cpu = translated("A64", 0xD503201F).record()
    cpu.set_system(value, *register)
    assert cpu.run().seen[0][0] == PREFETCH_ABORT


def test_an_interrupt_hook_can_send_the_vcpu_elsewhere() -> None:
    for isa, svc in (("A64", 0xD4000001), ("A32", 0xEF000000)):
        cpu = Cpu(isa, svc)

        def enter(number: int, cpu: Cpu = cpu) -> None:
            cpu["PC"] = HANDLER

        cpu.on_interrupt(enter)
        assert cpu.run()["PC"] == HANDLER + 4


# ---- the syndrome ----


def syndrome_place() -> int:
    """Where the syndrome lies in the saved state, found by one that is known: of SVC #1234h."""
    raw = Cpu("A64", 0xD4024681).record().run().context()
    known = struct.pack("<I", 0x15 << 26 | 1 << 25 | 0x1234)
    assert raw.count(known) == 1
    return raw.index(known)


@pytest.mark.parametrize(
    ("word", "state", "syndrome"),
    [
        (0xD4200020, EL1H, 0x3C << 26 | 1 << 25 | 1),  # BRK #1
        (0x00000000, EL1H, 1 << 25),  # undefined
        (0xD5381000, EL0T, 1 << 25),  # MRS X0, SCTLR_EL1 at EL0: undefined (DDI0487 D13.2.118)
        (0xD50342DF, EL0T, 0),  # MSR DAIFSet, #2 at EL0 with UMA = 0: EC 18h by the manual
    ],
    ids=["brk", "udf", "mrs at el0", "daifset at el0"],
)
def test_the_syndrome_is_in_the_state_but_for_msr_immediate_at_el0(word: int, state: int, syndrome: int) -> None:
    cpu = Cpu("A64", word, state=state).record().run()
    assert struct.unpack_from("<I", cpu.context(), syndrome_place())[0] == syndrome
    assert cpu.seen[0][1] == CODE


@pytest.mark.parametrize(
    ("isa", "word", "syndrome"),
    [("A32", 0xEF000021, 0x46000021), ("T32", 0xDF21, 0x44000021), ("A32", 0xEF123456, 0x46003456)],
)
def test_the_syndrome_of_aarch32s_svc_has_the_low_16_bits_of_its_number(isa: str, word: int, syndrome: int) -> None:
    assert Cpu(isa, word).record().run()["ESR"] == syndrome


# ---- writing the state ----


def test_writing_pstate_does_not_swap_the_stack_pointer() -> None:
    cpu = Cpu("A64", 0xD503201F, state=EL1H)
    cpu["SP"] = 0x4444
    cpu["PSTATE"] = EL0T
    assert cpu["SP"] == 0x4444


def test_writing_pstate_alone_leaves_the_level_that_code_is_translated_for() -> None:
    """So the core has Unicorn derive its flags anew."""
    mrs = 0xD5381000  # mrs x0, sctlr_el1
    cpu = Cpu("A64", mrs, mrs).record()
    cpu["PSTATE"] = EL0T
    assert cpu.run().seen == []
    cpu.rebuild()
    assert cpu.run().seen == [(UNDEFINED, CODE)]


def test_writing_cpsr_swaps_the_banked_registers() -> None:
    cpu = Cpu("A32", 0xE320F000, state=SVC_MODE)
    cpu["SP"] = 0x4444
    cpu["CPSR"] = IRQ_MODE
    cpu["SP"] = 0x5555
    cpu["CPSR"] = SVC_MODE
    assert cpu["SP"] == 0x4444


def test_an_illegal_eret_sets_il_and_the_next_instruction_runs_which_the_manual_has_raise_an_exception() -> None:
    """DDI0487 D1.11.4: M = 0010b is no state."""
    cpu = Cpu("A64", 0xD69F03E0).record()
    cpu.set_system(0b0010, 3, 0, 4, 0, 0)  # SPSR_EL1
    cpu.set_system(HANDLER, 3, 0, 4, 0, 1)  # ELR_EL1
    cpu.uc.mem_write(HANDLER, cpu.pack(0xD2800020, cpu.wfi))  # mov x0, #1
    cpu.run()
    assert (cpu.seen, cpu["X0"], cpu["PSTATE"] & IL) == ([], 1, IL)


# ---- the boundary ----


@pytest.mark.parametrize(("isa", "nop", "size"), [("A64", 0xD503201F, 4), ("A32", 0xE320F000, 4), ("T32", 0xBF00, 2)])
def test_the_code_hook_comes_before_every_instruction_with_pc_at_it(isa: str, nop: int, size: int) -> None:
    cpu = Cpu(isa, nop, nop)
    cpu.on_code(lambda address: cpu.seen.append((address, cpu["PC"])))
    at = [CODE + size * n for n in range(3)]
    assert cpu.run().seen == [(address, address) for address in at]


def it_block() -> Cpu:
    """CMP R0, R0; ITTTE NE: three that are skipped (ADDS), one that is not; NOP."""
    return Cpu("T32", 0x4280, 0xBF1D, 0x3101, 0x3201, 0x3301, 0x3401, 0xBF00)


IT_AT, ELSE_AT, BEHIND = CODE + 2, CODE + 10, CODE + 12


def test_the_code_hook_is_not_called_for_what_an_it_block_skips() -> None:
    cpu = it_block()
    cpu.on_code(cpu.seen.append)
    assert cpu.run().seen == [CODE, IT_AT, ELSE_AT, BEHIND, BEHIND + 2]
    assert [cpu[name] for name in ("R1", "R2", "R3", "R4")] == [0, 0, 0, 1]


def test_inside_an_it_block_the_state_shows_no_it_bits() -> None:
    cpu = Cpu("T32", 0x4280, 0xBF08, 0x3101)  # cmp r0, r0; it eq; addeq r1, #1
    cpu.on_code(lambda address: cpu.seen.append(cpu["CPSR"] & 0x0600FC00))
    assert cpu.run().seen == [0, 0, 0, 0]


def test_emu_stop_in_a_code_hook_stops_before_the_instruction() -> None:
    cpu = Cpu("A64", 0xD2800020)  # mov x0, #1
    cpu.on_code(lambda address: cpu.uc.emu_stop())
    cpu.run()
    assert (cpu["X0"], cpu["PC"]) == (0, CODE)


def test_emu_stop_inside_an_it_block_is_lost_so_the_core_leaves_translated_code_itself() -> None:
    cpu = Cpu("T32", 0x4280, 0xBF01, 0x3101, 0x3201, 0x3301, 0x3401, 0xE7FF, 0x3501)  # itttt eq; adds; b .+2; adds
    cpu.on_code(lambda address: cpu.uc.emu_stop() if address == CODE + 6 else None)
    cpu.run()
    assert [cpu[name] for name in ("R1", "R2", "R3", "R4", "R5")] == [1, 1, 1, 1, 1]


# ---- hints ----


@pytest.mark.parametrize(("isa", "size"), [("A64", 4), ("A32", 4), ("T32", 2)])
def test_wfi_ends_the_run_without_an_error_and_pc_is_behind_it(isa: str, size: int) -> None:
    cpu = Cpu(isa).record()
    cpu.uc.emu_start(CODE | cpu.thumb, 0)  # would raise
    assert (cpu.seen, cpu["PC"]) == ([], CODE + size)


@pytest.mark.parametrize("word", [0xD503205F, 0xD503203F, 0xD503209F], ids=["wfe", "yield", "sev"])
def test_wfe_yield_and_sev_of_a64_do_nothing_that_a_hook_could_see(word: int) -> None:
    cpu = Cpu("A64", word).record().run()
    assert (cpu.seen, cpu["PC"]) == ([], CODE + 8)


@pytest.mark.parametrize(
    ("isa", "word", "size"),
    [("A32", 0xE320F002, 4), ("A32", 0xE320F001, 4), ("T32", 0xBF20, 2), ("T32", 0xBF10, 2)],
    ids=["wfe", "yield", "wfe.n", "yield.n"],
)
def test_wfe_and_yield_of_aarch32_come_as_invalid_instructions_with_pc_behind_them(
    isa: str, word: int, size: int
) -> None:
    assert first_exception(isa, word) == ("invalid", size)


# ---- system registers ----


def test_the_hook_of_mrs_comes_before_any_check_of_the_level() -> None:
    cpu = Cpu("A64", 0xD5381000, state=EL0T)  # mrs x0, sctlr_el1

    def on_read(uc: Uc, register: int, access: Any, data: Any) -> bool:
        cpu.seen.append((access.op0, access.op1, access.crn, access.crm, access.op2))
        return False

    cpu.uc.hook_add(UC_HOOK_INSN, on_read, None, 1, 0, a64.UC_ARM64_INS_MRS)
    cpu.record().run()
    assert cpu.seen == [(3, 0, 1, 0, 0), (UNDEFINED, CODE)]


def test_the_gics_registers_are_undefined_so_the_core_defines_them() -> None:
    assert first_exception("A64", 0xD538CC00) == (UNDEFINED, 0)  # mrs x0, icc_iar1_el1
    assert first_exception("A32", 0xEE1C0F1C) == ("invalid", 0)  # mrc p15, 0, r0, c12, c12, 0


@pytest.mark.parametrize(
    ("isa", "word"),
    [
        ("A64", 0xD53BE020), ("A64", 0xD53BE040), ("A32", 0xEC510F0E), ("A32", 0xEC510F1E), ("T32", 0xEC510F0E),
        ("T32", 0xEC510F1E),
    ],
    ids=["CNTPCT_EL0", "CNTVCT_EL0", "CNTPCT", "CNTVCT", "CNTPCT of T32", "CNTVCT of T32"],
)  # fmt: skip
def test_the_counters_run_on_the_hosts_clock_so_the_core_defines_its_own(isa: str, word: int) -> None:
    cpu = Cpu(isa, word)
    name = "X0" if cpu.aarch64 else "R0"
    first = cpu.run()[name]
    time.sleep(0.002)
    assert cpu.run()[name] - first & 0xFFFFFFFF > 62_500  # ticks of a millisecond at 62.5 MHz


@pytest.mark.parametrize(
    ("isa", "enable", "read"),
    [("A64", (0xD51B9C00, 0xD51B9C21), 0xD53B9D00), ("A32", (0xEE090F1C, 0xEE091F3C), 0xEE190F1D)],
)
def test_the_cycle_counter_runs_on_the_hosts_clock_so_the_core_defines_its_own(
    isa: str, enable: tuple[int, int], read: int
) -> None:
    """PMCR.E, PMCNTENSET.C, PMCCNTR."""
    cpu = Cpu(isa, *enable, read)
    x = "X" if cpu.aarch64 else "R"
    cpu[f"{x}0"], cpu[f"{x}1"] = 1, 1 << 31
    first = cpu.run()[f"{x}0"]
    time.sleep(0.002)
    again = cpu.run(CODE + 8)[f"{x}0"]
    assert again - first & 0xFFFFFFFF > 100_000


# ---- exclusives, and memory that engines share ----


def test_an_exclusive_store_compares_values_and_does_not_see_that_somebody_wrote_the_same_one_back() -> None:
    """So the core clears the monitor when another vCPU's turn begins."""
    cpu = Cpu("A64", 0xC85F7C20, 0xD503201F, 0xC8027C23)  # ldxr x0, [x1]; nop; stxr w2, x3, [x1]
    cpu["X1"], cpu["X2"] = DATA, 7

    def between(address: int) -> None:
        if address == CODE + 4:
            cpu.uc.mem_write(DATA, b"\1" * 8)
            cpu.uc.mem_write(DATA, b"\0" * 8)

    cpu.on_code(between)
    assert cpu.run()["X2"] == 0


def test_an_exclusive_store_fails_where_the_value_is_another() -> None:
    cpu = Cpu("A64", 0xC85F7C20, 0xD503201F, 0xC8027C23)
    cpu["X1"] = DATA
    cpu.on_code(lambda address: cpu.uc.mem_write(DATA, b"\1" * 8) if address == CODE + 4 else None)
    assert cpu.run()["X2"] == 1


def shared(memory: mmap.mmap) -> Cpu:
    """A vCPU that has `memory` at 10_0000h."""
    cpu = Cpu("A64")
    address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    cpu.uc.mem_map_ptr(0x100000, len(memory), UC_PROT_ALL, address)
    return cpu


def test_an_engine_does_not_see_code_that_another_one_writes_until_its_translations_are_flushed() -> None:
    memory = mmap.mmap(-1, 0x1000)
    memory[:8] = struct.pack("<2I", 0xD2800020, 0xD503207F)  # mov x0, #1; wfi
    reader, writer = shared(memory), shared(memory)
    assert reader.run(0x100000)["X0"] == 1
    writer.uc.mem_write(CODE, writer.pack(0xB9000020, writer.wfi))  # str w0, [x1]
    writer["X0"], writer["X1"] = 0xD2800040, 0x100000  # mov x0, #2
    writer.run()
    assert reader.run(0x100000)["X0"] == 1
    reader.uc.ctl_flush_tb()
    assert reader.run(0x100000)["X0"] == 2


def test_an_engine_sees_the_code_it_writes_itself_at_once() -> None:
    cpu = Cpu("A64", 0xB9000020, 0xD503201F, 0xD2800022)  # str w0, [x1]; nop; mov x2, #1
    cpu["X0"], cpu["X1"] = 0xD2800042, CODE + 8  # mov x2, #2
    cpu.run()
    assert cpu.run()["X2"] == 2


# ---- what would end the process ----

HALF_PRECISION = """
import sys
from test_unicorn_facts import CODE, Cpu
cpu = Cpu("A64", int(sys.argv[1], 0), model=int(sys.argv[2])).record()
cpu.set_system(3 << 20, 3, 0, 1, 0, 2)  # CPACR_EL1.FPEN
print(cpu.run().seen == [(1, CODE)])
"""


def half_precision(word: str, model: int) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", HALF_PRECISION, word, str(model)]
    return subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parent, timeout=30)


@pytest.mark.slow
@pytest.mark.parametrize("word", ["0x0e412c40", "0x5ef8195b", "0x7ef9f8d3"])
def test_unallocated_half_precision_aborts_the_process_of_a_model_that_has_any(word: str) -> None:
    """So the core takes it away from `max`."""
    assert half_precision(word, a64.UC_CPU_ARM64_MAX).returncode == -signal.SIGABRT
    assert half_precision(word, a64.UC_CPU_ARM64_A57).stdout == "True\n"
