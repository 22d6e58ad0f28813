"""What the native core takes for granted about Unicorn 2.1.4, each fact by itself against the `unicorn` package.

A later Unicorn that breaks one must fail here and not in somebody's guest. The last facts are about SVM guest mode,
which only C can switch on, so they are asked through a machine.
"""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Callable
from typing import Any

import pytest
import unicorn
from unicorn import (
    UC_ARCH_X86,
    UC_ERR_FETCH_PROT,
    UC_ERR_READ_UNMAPPED,
    UC_HOOK_BLOCK,
    UC_HOOK_CODE,
    UC_HOOK_INSN,
    UC_HOOK_INSN_INVALID,
    UC_HOOK_INTR,
    UC_MODE_64,
    UC_PROT_READ,
    Uc,
    UcError,
)
from unicorn import x86_const as x86

from vmm.core.native import unicorn_library
from x86.x86_bench import GP, UD, X86Bench, le

CODE, STACK, DATA, HANDLER, TABLES = 0x1000, 0x8000, 0x9000, 0xA000, 0x10000
NOP, HLT, STI, INT80, INT3, CD03, UD2, ICEBP = (
    bytes.fromhex(code) for code in ("90", "f4", "fb", "cd80", "cc", "cd03", "0f0b", "f1")
)
XOR_ECX, DIV_ECX, BAD_DS = bytes.fromhex("31c9"), bytes.fromhex("f7f1"), bytes.fromhex("66b8f8ff8ed8")
MOV_SS_AX, REP_STOSB, LOAD_DATA = (bytes.fromhex(code) for code in ("8ed0", "f3aa", "8b042500900000"))
IF, TF = 1 << 9, 1 << 8
INH = 1 << 3
GENERAL = (
    "RAX", "RCX", "RDX", "RBX", "RSP", "RBP", "RSI", "RDI", "R8", "R9", "R10", "R11", "R12", "R13", "R14", "R15",
)  # fmt: skip


class Head(ctypes.Structure):
    """How Unicorn's private state begins."""

    _fields_ = (
        ("regs", ctypes.c_uint64 * 16), ("eip", ctypes.c_uint64), ("eflags", ctypes.c_uint64),
        ("cc", ctypes.c_uint64 * 3), ("cc_op", ctypes.c_uint32), ("df", ctypes.c_int32),
        ("hflags", ctypes.c_uint32), ("hflags2", ctypes.c_uint32),
    )  # fmt: skip


class Tail(ctypes.Structure):
    """How what a context holds of it ends."""

    _fields_ = (
        ("error_code", ctypes.c_int32), ("exception_is_int", ctypes.c_int32), ("next_eip", ctypes.c_uint64),
        ("dr", ctypes.c_uint64 * 8), ("breakpoints", ctypes.c_void_p * 4), ("old_exception", ctypes.c_int32),
        ("vmcb", ctypes.c_uint64), ("tsc_offset", ctypes.c_uint64), ("intercept", ctypes.c_uint64),
        ("intercept_cr_dr", ctypes.c_uint16 * 4), ("intercept_exceptions", ctypes.c_uint32),
        ("nested_cr3", ctypes.c_uint64), ("nested_pg_mode", ctypes.c_uint32), ("v_tpr", ctypes.c_uint8),
        ("retaddr", ctypes.c_uint64),
    )  # fmt: skip


class Cpu:
    """A vCPU in flat long mode with 1 MiB of RAM and `code` in front of it, ended by HLT."""

    def __init__(self, code: bytes, flags: int = 2) -> None:
        self.uc = Uc(UC_ARCH_X86, UC_MODE_64)
        self.uc.ctl_exits_enabled(True)
        self.uc.mem_map(0, 1 << 20)
        self.uc.mem_write(CODE, code + HLT)
        self.uc.mem_write(HANDLER, HLT)
        self["RSP"] = STACK
        self["EFLAGS"] = flags
        self.seen: list[Any] = []

    def __getitem__(self, name: str) -> int:
        return int(self.uc.reg_read(getattr(x86, f"UC_X86_REG_{name}")))

    def __setitem__(self, name: str, value: int) -> None:
        self.uc.reg_write(getattr(x86, f"UC_X86_REG_{name}"), value)

    def hook(self, kind: int, look: Callable[[], Any], *more: Any) -> None:
        """Let `look` add to what was seen."""

        def call(*_: Any) -> bool:
            self.seen.append(look())
            return True

        self.uc.hook_add(kind, call, None, 1, 0, *more)

    def on_interrupt(self, act: Callable[[int], Any]) -> None:
        self.uc.hook_add(UC_HOOK_INTR, lambda uc, number, data: self.seen.append(act(number)))

    def run(self) -> Cpu:
        self.uc.emu_start(CODE, 0)
        return self

    def _context(self) -> bytes:
        context = self.uc.context_save()
        return ctypes.string_at(context.context, context.size)

    def head(self) -> Head:
        """The state from the context, which is a plain copy."""
        raw = self._context()
        return Head.from_buffer_copy(raw, raw.index(struct.pack("<8Q", *(self[name] for name in GENERAL[:8]))))

    def tail(self) -> Tail:
        raw = self._context()
        return Tail.from_buffer_copy(raw, len(raw) - ctypes.sizeof(Tail))

    def skip(self, length: int) -> None:
        self["RIP"] += length


# ---- where the state is ----


def test_the_version_is_the_one_everything_was_measured_on() -> None:
    assert unicorn.uc_version()[:2] == (2, 1) and unicorn.__version__ == "2.1.4"


def test_the_context_holds_the_general_registers_in_encoding_order_then_rip() -> None:
    cpu = Cpu(NOP)
    for number, name in enumerate(GENERAL):
        cpu[name] = 0x1111_2222_0000_0000 + number
    cpu["RIP"] = 0x7654_3210
    head = cpu.head()
    assert list(head.regs) == [0x1111_2222_0000_0000 + number for number in range(16)]
    assert head.eip == 0x7654_3210


def test_a_debug_register_is_where_the_tail_says() -> None:
    cpu = Cpu(NOP)
    cpu["DR2"] = 0x1234_5678_9ABC
    assert cpu.tail().dr[2] == 0x1234_5678_9ABC


# ---- interrupts and exceptions ----


@pytest.mark.parametrize(
    ("code", "vector"), [(INT80, 0x80), (INT3, 3), (CD03, 3)], ids=["int 80h", "int3", "int 3 in two bytes"]
)
def test_a_software_interrupt_shows_rip_after_it_and_says_that_it_is_one(code: bytes, vector: int) -> None:
    cpu = Cpu(code)
    cpu.on_interrupt(lambda number: (number, cpu["RIP"], cpu.tail().exception_is_int))
    assert cpu.run().seen == [(vector, CODE + len(code), 1)]


def test_a_divide_error_shows_rip_at_the_instruction_and_is_no_software_interrupt() -> None:
    cpu = Cpu(XOR_ECX + DIV_ECX)

    def look(number: int) -> tuple[int, int, int]:
        seen = (number, cpu["RIP"], cpu.tail().exception_is_int)
        cpu.uc.emu_stop()
        return seen

    cpu.on_interrupt(look)
    assert cpu.run().seen == [(0, CODE + 2, 0)]


def test_a_general_protection_fault_leaves_its_error_code_in_the_tail() -> None:
    cpu = Cpu(BAD_DS)

    def look(number: int) -> tuple[int, int]:
        cpu.uc.emu_stop()
        return number, cpu.tail().error_code

    cpu.on_interrupt(look)
    assert cpu.run().seen == [(GP, 0xFFF8)]


def test_nobody_forgets_the_old_exception_so_the_second_fault_arrives_as_a_double_fault() -> None:
    cpu = Cpu(BAD_DS + BAD_DS)

    def skip(number: int) -> int:
        cpu.skip(2)
        return number

    cpu.on_interrupt(skip)
    assert cpu.run().seen == [GP, 8]


def test_an_interrupt_hook_can_send_the_vcpu_elsewhere() -> None:
    cpu = Cpu(INT80)

    def enter(number: int) -> int:
        cpu["RIP"] = HANDLER
        return number

    cpu.on_interrupt(enter)
    assert cpu.run()["RIP"] == HANDLER + 1


@pytest.mark.parametrize("code", [UD2, ICEBP], ids=["ud2", "icebp"])
def test_an_undefined_instruction_goes_to_its_own_hook_with_rip_at_it(code: bytes) -> None:
    cpu = Cpu(code)

    def skip() -> int:
        at = cpu["RIP"]
        cpu.skip(len(code))
        return at

    cpu.on_interrupt(lambda number: f"interrupt {number}")
    cpu.hook(UC_HOOK_INSN_INVALID, skip)
    assert cpu.run().seen == [CODE]


def test_a_single_step_trap_comes_after_the_instruction() -> None:
    cpu = Cpu(NOP, flags=TF | 2)

    def look(number: int) -> tuple[int, int]:
        cpu.uc.emu_stop()
        return number, cpu["RIP"]

    cpu.on_interrupt(look)
    assert cpu.run().seen == [(1, CODE + 1)]


def test_a_data_breakpoint_never_fires() -> None:
    cpu = Cpu(LOAD_DATA)
    cpu["DR0"] = DATA
    cpu["DR7"] = 1 | 0b1111 << 16  # enabled, four bytes, read or write
    cpu.on_interrupt(lambda number: number)
    assert cpu.run().seen == []


# ---- the boundary ----


def test_hlt_ends_the_run_without_an_error_and_rip_is_after_it() -> None:
    assert Cpu(NOP).run()["RIP"] == CODE + 2


def test_a_code_hook_comes_before_every_iteration_of_rep() -> None:
    cpu = Cpu(REP_STOSB)
    cpu["RDI"], cpu["RCX"] = DATA, 3
    cpu.hook(UC_HOOK_CODE, lambda: (cpu["RIP"], cpu["RCX"]))
    at_rep = [entry for entry in cpu.run().seen if entry[0] == CODE]
    assert at_rep[:3] == [(CODE, 3), (CODE, 2), (CODE, 1)]


def test_a_block_hook_comes_before_the_code_hook_of_its_first_instruction() -> None:
    cpu = Cpu(NOP)
    cpu.hook(UC_HOOK_CODE, lambda: "code")
    cpu.hook(UC_HOOK_BLOCK, lambda: "block")
    assert cpu.run().seen == ["block", "code", "code"]


def test_hooks_of_one_kind_are_called_in_the_order_they_were_added() -> None:
    cpu = Cpu(b"")
    for name in ("first", "second"):
        cpu.hook(UC_HOOK_CODE, lambda name=name: name)
    assert cpu.run().seen == ["first", "second"]


def test_one_write_of_rip_in_a_code_hook_goes_there_before_the_instruction_begins() -> None:
    cpu = Cpu(bytes.fromhex("ffc0"))  # inc eax

    def leave() -> None:
        if cpu["RIP"] == CODE:
            cpu["RIP"] = HANDLER

    cpu.hook(UC_HOOK_CODE, leave)
    cpu.run()
    assert (cpu["EAX"], cpu["RIP"]) == (0, HANDLER + 1)


def test_emu_stop_in_a_code_hook_stops_before_the_instruction() -> None:
    cpu = Cpu(bytes.fromhex("ffc0"))
    cpu.hook(UC_HOOK_CODE, cpu.uc.emu_stop)
    cpu.run()
    assert (cpu["EAX"], cpu["RIP"]) == (0, CODE)


def test_with_exits_enabled_and_none_given_until_stops_nothing() -> None:
    cpu = Cpu(NOP * 3)
    cpu.uc.emu_start(CODE, CODE + 1)
    assert cpu["RIP"] == CODE + 4


def test_a_hook_added_after_translation_is_not_seen_until_a_flush() -> None:
    cpu = Cpu(NOP).run()
    cpu.hook(UC_HOOK_CODE, lambda: cpu["RIP"])
    assert cpu.run().seen == []
    cpu.uc.ctl_flush_tb()
    assert cpu.run().seen == [CODE, CODE + 1]


def test_a_host_write_leaves_translated_code_stale_until_its_cache_is_removed() -> None:
    cpu = Cpu(bytes.fromhex("b801000000")).run()  # mov eax, 1
    cpu.uc.mem_write(CODE + 1, b"\x02")
    assert cpu.run()["EAX"] == 1
    cpu.uc.ctl_remove_cache(CODE, CODE + 5)
    assert cpu.run()["EAX"] == 2


# ---- the shadow: hflags bit 3 at the boundary after the instruction ----


def shadows(code: bytes, flags: int) -> list[bool]:
    """INH at each CODE hook."""
    cpu = Cpu(code, flags=flags)
    cpu.hook(UC_HOOK_CODE, lambda: bool(cpu.head().hflags & INH))
    return cpu.run().seen


def test_sti_casts_a_shadow_of_one_instruction() -> None:
    assert shadows(STI + NOP, flags=2) == [False, True, False]


def test_sti_with_if_set_casts_one_too_which_hardware_does_not() -> None:
    assert shadows(STI + NOP, flags=IF | 2) == [False, True, False]


def test_mov_ss_casts_a_shadow_of_one_instruction() -> None:
    assert shadows(MOV_SS_AX + NOP, flags=2) == [False, True, False]


def test_sti_in_a_mov_ss_shadow_casts_none_which_hardware_does() -> None:
    assert shadows(MOV_SS_AX + STI + NOP, flags=2) == [False, True, False, False]


def test_sti_ends_its_block_and_the_shadowed_one_is_one_instruction_long() -> None:
    cpu = Cpu(STI + NOP + NOP)
    cpu.hook(UC_HOOK_BLOCK, lambda: cpu["RIP"])
    assert cpu.run().seen == [CODE, CODE + 1, CODE + 2]


def test_a_fault_in_the_shadow_leaves_it_on() -> None:
    cpu = Cpu(XOR_ECX + STI + DIV_ECX)

    def look(number: int) -> bool:
        cpu.uc.emu_stop()
        return bool(cpu.head().hflags & INH)

    cpu.on_interrupt(look)
    assert cpu.run().seen == [True]


# ---- memory and ports ----


def test_an_unmapped_read_ends_the_run_with_its_error() -> None:
    cpu = Cpu(bytes.fromhex("8b042500002000"))  # mov eax, [200000h]
    with pytest.raises(UcError) as error:
        cpu.run()
    assert error.value.errno == UC_ERR_READ_UNMAPPED


def test_device_memory_cannot_be_executed_and_is_not_reported_as_unmapped() -> None:
    cpu = Cpu(bytes.fromhex("e9fb1f2000"))  # jmp 203000h
    cpu.uc.mmio_map(0x200000, 0x10000, lambda *_: 0x90, None, lambda *_: None, None)
    with pytest.raises(UcError) as error:
        cpu.run()
    assert error.value.errno == UC_ERR_FETCH_PROT


def test_emu_stop_in_a_device_read_repeats_the_read_on_resume() -> None:
    cpu = Cpu(bytes.fromhex("8b042500002000"))  # mov eax, [200000h]

    def read(uc: Uc, offset: int, size: int, data: Any) -> int:
        cpu.seen.append(offset)
        if len(cpu.seen) == 1:
            uc.emu_stop()
        return 0

    cpu.uc.mmio_map(0x200000, 0x1000, read, None, lambda *_: None, None)
    cpu.run()
    cpu.uc.emu_start(cpu["RIP"], 0)
    assert len(cpu.seen) == 2


def test_a_translation_that_fails_overwrites_cr2() -> None:
    cpu = Cpu(NOP)
    for level in range(3):
        cpu.uc.mem_write(TABLES + level * 0x1000, le(TABLES + (level + 1) * 0x1000 | 7 if level < 2 else 0x87, 8))
    cpu["CR3"], cpu["CR4"] = TABLES, 1 << 5
    cpu["CR0"] = 1 << 31 | 1
    translate = ctypes.CDLL(str(unicorn_library())).uc_vmem_translate  # the Python package has no name for it
    linear, physical = ctypes.c_uint64(0x20_0000_1234), ctypes.c_uint64()
    assert translate(cpu.uc._uch, linear, UC_PROT_READ, ctypes.byref(physical)) != 0
    assert cpu["CR2"] == 0x20_0000_1234


@pytest.mark.parametrize(("code", "size"), [("ec", 1), ("66ed", 2), ("ed", 4)])
def test_an_in_hook_gives_the_value_in_the_width_of_the_instruction(code: str, size: int) -> None:
    cpu = Cpu(bytes.fromhex(code))
    cpu["RAX"], cpu["RDX"] = 0x1111_2222_3333_4444, 0x60
    ask = []
    cpu.uc.hook_add(UC_HOOK_INSN, lambda uc, port, width, data: ask.append((port, width)) or 0xAABBCCDD, None, 1, 0,
                    x86.UC_X86_INS_IN)  # fmt: skip
    cpu.run()
    assert ask == [(0x60, size)]
    assert cpu["RAX"] & (1 << 8 * size) - 1 == 0xAABBCCDD & (1 << 8 * size) - 1


def test_syscall_does_nothing_but_call_its_hook_and_go_on_after_it() -> None:
    cpu = Cpu(bytes.fromhex("0f05"))
    cpu.hook(UC_HOOK_INSN, lambda: cpu["RIP"], x86.UC_X86_INS_SYSCALL)
    cpu.run()
    assert (cpu.seen, cpu["RIP"], cpu["RCX"]) == ([CODE], CODE + 3, 0)


# ---- SVM guest mode, which only C can switch on ----


def test_rdmsr_of_an_unknown_register_is_intercepted() -> None:
    bench = X86Bench("long64", bytes.fromhex("0f32"), rcx=0x12345678)
    bench.step(2)
    assert bench.vectors == [GP]


def test_rdtsc_is_intercepted_and_reads_virtual_time() -> None:
    bench = X86Bench("long64", bytes.fromhex("0f310f31"))
    bench.step(1)
    first = bench.cpu["rax"]
    bench.step(1)
    assert bench.cpu["rax"] - first == 10  # nanoseconds an instruction


def test_cr8_is_intercepted_and_reads_back() -> None:
    bench = X86Bench("long64", bytes.fromhex("440f22c1440f20c2"), rcx=5)  # mov cr8, rcx; mov rdx, cr8
    bench.step(2)
    assert bench.cpu["rdx"] == 5


def test_hlt_is_intercepted_and_a_trap_sees_it_first() -> None:
    import vmm

    bench = X86Bench("long64", HLT + NOP)
    seen = []
    bench.machine.trap(vmm.Hlt())(lambda trap: seen.append(trap.cpu["rip"]) or vmm.inputs.traps.DONE)
    bench.step(2)
    assert len(seen) == 1 and bench.rip == 0x8002


def test_an_undefined_instruction_is_intercepted_as_exception_6() -> None:
    bench = X86Bench("long64", UD2)
    bench.step(2)
    assert bench.vectors == [UD]
