"""Bases that are kept for later must be canonical for the CPU, and CR4.LA57 stays in IA-32e mode.

SDM vol. 1 3.3.7.1, vol. 2A LGDT/LIDT and LLDT, vol. 2B LTR, MOV CR and WRMSR, vol. 3A 2.5.
"""

from __future__ import annotations

import pytest

from vmm.arch.x86.vcpu import Segment
from x86.x86_bench import CODE, DATA, GDT, GP, INT, NOP, PF, SPARE, SS, WRMSR, X86Bench, handler, le

LA57 = 1 << 12
EDGES = {"default": 48, "max": 57}
"""Bits of a linear address: qemu64 has no 5-level paging, icelake-server has."""
A_LDT, A_TSS64 = 0x8200, 0x8900
LGDT, LIDT = b"\x0f\x01\x13", b"\x0f\x01\x1b"
"""From [RBX]."""
LLDT, LTR = b"\x0f\x00\xd0", b"\x0f\x00\xd8"
"""From AX."""


def around(bits: int) -> dict[int, bool]:
    """Addresses at both edges of the hole, and whether they are canonical."""
    half = 1 << bits - 1
    return {half - 1: True, half: False, 2**64 - half: True, 2**64 - half - 1: False}


def table(bench: X86Bench, base: int) -> None:
    bench.memory.write(DATA, le(0xFF, 2) + le(base, 8))
    bench.cpu["rbx"] = DATA


@pytest.mark.parametrize("model", EDGES)
@pytest.mark.parametrize(("load", "name"), [(LGDT, "gdtr"), (LIDT, "idtr")])
def test_a_table_registers_base(model: str, load: bytes, name: str) -> None:
    for base, canonical in around(EDGES[model]).items():
        bench = X86Bench("long64", load + NOP, model=model)
        table(bench, base)
        before = bench.cpu.segment(name)
        bench.step(1 if canonical else 2)
        assert bench.vectors == ([] if canonical else [GP])
        assert bench.cpu.segment(name) == (Segment(0, base, 0xFF, 0) if canonical else before)
        if not canonical:
            assert (bench.frame(error=True).ip, bench.frame(error=True).error) == (CODE, 0)


@pytest.mark.parametrize(
    "load",
    [
        "0f0153 10",  # lgdt [rbx+10h]
        "0f0193 00010000",  # [rbx+100h]
        "0f0115 00000000",  # [rip]
        "0f01141d 00000000",  # [rbx*1]
        "0f0154d9 80",  # [rcx+rbx*8-80h]
        "430f011438",  # [r8+r15]
        "67 0f0113",  # [ebx]
        "65 0f0113",  # gs:[rbx]
        "64 430f01547a f0",  # fs:[r10+r15*2-10h]
    ],
)
def test_each_form_of_the_operand_is_understood(load: str) -> None:
    """Where it lies is filled with a base that is not canonical, and everything else with one that is."""
    code = bytes.fromhex(load)
    bad, good = le(0xFF, 2) + le(1 << 60, 8), bytes(10)
    registers = {"rbx": DATA, "rcx": DATA + 0x200, "r8": DATA + 0x300, "r10": 0x40, "r15": 0x80}
    where = {
        "53": DATA + 0x10, "93": DATA + 0x100, "15": CODE + len(code), "141d": DATA, "54d9": 9 * DATA + 0x200 - 0x80,
        "1438": DATA + 0x380, "13": DATA, "547a": 0x12000 + 0x40 + 0x100 - 0x10,
    }  # fmt: skip
    at = next(address for form, address in where.items() if load.replace("67 ", "").split("0f01")[1].startswith(form))
    at += 0x11000 if load.startswith("65") else 0
    for content, vectors in ((bad, [GP]), (good, [])):
        bench = X86Bench("long64", code + NOP * 16, **registers)
        for name, base in (("fs", 0x12000), ("gs", 0x11000)):
            bench.cpu.set_segment(name, Segment(0, base, 0, 0))
        if "15" in where and load.startswith("0f0115"):
            bench.memory.write(at, NOP)
        bench.memory.write(at, content)
        bench.step()
        assert bench.vectors == vectors, (hex(at), content.hex())


@pytest.mark.parametrize("model", EDGES)
@pytest.mark.parametrize(("load", "name", "attributes"), [(LLDT, "ldtr", A_LDT), (LTR, "tr", A_TSS64)])
def test_a_system_descriptors_base(model: str, load: bytes, name: str, attributes: int) -> None:
    """The fault has the selector, as for any other flaw of the descriptor."""
    for base, canonical in around(EDGES[model]).items():
        bench = X86Bench("long64", load + NOP, model=model, rax=SPARE)
        bench.descriptor(SPARE, base & 0xFFFFFFFF, 0x67, attributes)
        bench.memory.write(GDT + SPARE + 8, le(base >> 32, 8))
        bench.step(1 if canonical else 2)
        assert bench.vectors == ([] if canonical else [GP])
        if canonical:
            assert (bench.cpu.segment(name).selector, bench.cpu.segment(name).base) == (SPARE, base)
        else:
            assert (bench.frame(error=True).ip, bench.frame(error=True).error) == (CODE, SPARE)


@pytest.mark.parametrize("model", EDGES)
@pytest.mark.parametrize("msr", [0xC0000100, 0xC0000101, 0xC0000102, 0xC0000082, 0x175, 0x176])
def test_a_base_in_a_model_specific_register(model: str, msr: int) -> None:
    """FS, GS, KERNEL_GS, LSTAR, SYSENTER_ESP and _EIP: CR4.LA57 is 0 here, and does not matter."""
    for base, canonical in around(EDGES[model]).items():
        bench = X86Bench("long64", WRMSR + NOP, model=model, rcx=msr, rax=base & 0xFFFFFFFF, rdx=base >> 32)
        bench.step(1 if canonical else 2)
        assert bench.vectors == ([] if canonical else [GP])
        if canonical:
            assert bench.cpu.msr(msr) == base


@pytest.mark.parametrize("mode", ["long64", "compat32"])
def test_la57_cannot_change_in_ia_32e_mode(mode: str) -> None:
    bench = X86Bench(mode, b"\x0f\x22\xe0" + NOP, model="max")  # mov cr4, rax
    bench.cpu["rax"] = bench.cpu["cr4"] | LA57
    bench.step(2)
    assert (bench.vectors, bench.cpu["cr4"] & LA57) == ([GP], 0)
    assert bench.frame(error=True).ip == CODE


def test_la57_is_free_outside_of_it() -> None:
    bench = X86Bench("protected32", b"\x0f\x22\xe0" + NOP, model="max", rax=LA57)
    bench.step()
    assert (bench.vectors, bench.cpu["cr4"] & LA57) == ([], LA57)


@pytest.mark.parametrize(("la57", "vectors"), [(0, [SS]), (LA57, [PF])])
def test_a_stack_between_48_and_57_bits_is_an_address_where_la57_is_on(la57: int, vectors: list[int]) -> None:
    """5-level paging makes 57 bits canonical: the push of INT meets a page that is missing."""
    root5, far = 0x1F000, 1 << 50
    bench = X86Bench("long64", INT(0x80) + NOP, model="max", rsp=far)
    bench.memory.write(root5, le(bench.cpu["cr3"] | 7, 8))
    for vector in (SS, PF):
        bench.gate(vector, offset=handler(vector), ist=1)
    if la57:
        bench.cpu["cr0"] &= ~(1 << 31)
        bench.cpu["cr4"] |= LA57
        bench.cpu["cr3"] = root5
        bench.cpu["cr0"] |= 1 << 31
    bench.step()
    assert bench.vectors == vectors
    if la57:
        assert bench.cpu["cr2"] == far - 8
