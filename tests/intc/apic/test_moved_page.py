"""Rule 14: IA32_APIC_BASE moves the registers' page, over RAM, too (SDM vol. 3A 11.4.5, figure 11-27)."""

from __future__ import annotations

import pytest
from x86.x86_bench import NOP, WRMSR, X86Bench

from vmm.loaders.image import MIB
from vmm.machine.config import Config
from vmm.machine.machine import Machine

APIC_BASE, ENABLED, X2APIC, BSP = 0x1B, 1 << 11, 1 << 10, 1 << 8
PAGE, DEFAULT = 0x120000, 0xFEE00000
ICR_HIGH, VERSION, TPR = 0x310, 0x30, 0x80
READ, WRITE = bytes.fromhex("8b06"), bytes.fromhex("8937")
"""MOV EAX, [RSI]; MOV [RDI], ESI."""
MODES = ("protected32", "paged32", "long64")


def moved(mode: str, code: bytes, base: int = PAGE | ENABLED | BSP, **registers: int) -> X86Bench:
    bench = X86Bench(mode, WRMSR + code + NOP * 2, rcx=APIC_BASE, rax=base, rdx=0, **registers)
    bench.memory.write(PAGE, b"\xa5" * 0x1000)
    bench.step()
    assert bench.vectors == []
    return bench


@pytest.mark.parametrize("mode", MODES)
def test_the_registers_are_read_there(mode: str) -> None:
    bench = moved(mode, READ, rsi=PAGE + VERSION)
    bench.step()
    assert bench.cpu["rax"] & 0xFF == 0x14


@pytest.mark.parametrize("mode", MODES)
def test_and_written_and_the_ram_below_is_as_it_was(mode: str) -> None:
    bench = moved(mode, WRITE, rdi=PAGE + TPR, rsi=0x60)
    bench.step()
    assert bench.machine.lapic[0].tpr == 0x60
    assert bench.memory.read(PAGE, 0x1000) == b"\xa5" * 0x1000


@pytest.mark.parametrize("before", [READ, WRITE])
def test_what_was_cached_of_the_ram_is_forgotten(before: bytes) -> None:
    """The page was accessed right before it was covered."""
    bench = X86Bench("protected32", before + WRMSR + READ + NOP, rcx=APIC_BASE, rsi=PAGE + VERSION, rdi=PAGE + VERSION)
    bench.step()
    bench.cpu["rax"], bench.cpu["rdx"] = PAGE | ENABLED | BSP, 0
    bench.step(2)
    assert bench.cpu["rax"] & 0xFF == 0x14


@pytest.mark.parametrize("base", [DEFAULT | ENABLED | BSP, PAGE | BSP, 0x130000 | ENABLED | BSP])
def test_where_they_have_left_there_is_ram_again(base: int) -> None:
    """Back to where they were, switched off, and on to another page."""
    bench = moved("protected32", READ + WRMSR + READ, rsi=PAGE + VERSION)
    bench.step()
    bench.cpu["rax"] = base
    bench.step(2)
    assert (bench.vectors, bench.cpu["rax"]) == ([], 0xA5A5A5A5)


def test_a_string_store_reaches_each_register() -> None:
    """SDM vol. 3A 11.4.1 wants 32-bit accesses to 16-byte steps; LVT masks are what a zero clears least."""
    bench = moved("protected32", b"\xf3\xab", rdi=PAGE + TPR)
    bench.cpu["rax"], bench.cpu["rcx"] = 0x70, 1
    bench.step()
    assert (bench.machine.lapic[0].tpr, bench.memory.read(PAGE + TPR, 4)) == (0x70, b"\xa5" * 4)
    bench = moved("protected32", b"\xf3\xaa", rdi=PAGE - 0x800)
    bench.cpu["rax"], bench.cpu["rcx"] = 0x11, 0x1800
    bench.step(0x1800)
    assert bench.memory.read(PAGE - 0x800, 0x1800) == b"\x11" * 0x800 + b"\xa5" * 0x1000


def test_another_vcpu_sees_the_ram() -> None:
    machine = Machine(Config(smp=2, memory=2 * MIB, board="pc,pit=off,quantum=3"))
    machine.memory.write(0x1000, WRMSR + READ + b"\xeb\xfe")
    machine.memory.write(0x2000, NOP + READ + b"\xeb\xfe")
    machine.memory.write(PAGE, b"\xa5" * 0x1000)
    for cpu, entry in zip(machine.cpus, (0x1000, 0x2000), strict=True):
        cpu.enter_protected32(entry, {"rsp": 0x8000})
        cpu["rsi"] = PAGE + VERSION
        cpu._native.off = 0
    machine.cpus[0]["rcx"], machine.cpus[0]["rax"], machine.cpus[0]["rdx"] = APIC_BASE, PAGE | ENABLED | BSP, 0
    machine.run(insns=20)
    assert (machine.cpus[0]["rax"] & 0xFF, machine.cpus[1]["rax"]) == (0x14, 0xA5A5A5A5)


def test_a_snapshot_knows_where_they_are() -> None:
    bench = X86Bench("protected32", READ + WRMSR + READ * 2, rsi=PAGE + VERSION, rcx=APIC_BASE, rdx=0)
    bench.memory.write(PAGE, b"\xa5" * 0x1000)
    there = bench.machine.snapshot()
    bench.step()
    bench.cpu["rax"] = PAGE | ENABLED | BSP
    bench.step(2)
    covered = bench.machine.snapshot()
    bench.machine.restore(there)
    bench.step()
    assert bench.cpu["rax"] == 0xA5A5A5A5
    bench.machine.restore(covered)
    bench.step()
    assert bench.cpu["rax"] & 0xFF == 0x14
