"""A null selector in SS (SDM vol. 2A LDS/LSS and 2B MOV, "Protected Mode Exceptions" and "64-Bit Mode Exceptions")."""

from __future__ import annotations

import pytest

from x86.x86_bench import CODE, DATA, GP, KERNEL_DATA, STACK, UD, X86Bench, le

MOV_AX, MOV_R9, MOV_MEMORY, LSS, LSS_W = (
    bytes.fromhex(code) for code in ("8ed0", "418ed1", "8e11", "0fb221", "480fb221")
)  # fmt: skip
"""MOV SS, EAX; MOV SS, R9W; MOV SS, [RCX]; LSS ESP, [RCX]; LSS RSP, [RCX]."""
FORMS = {"a register": MOV_AX, "R9": MOV_R9, "memory": MOV_MEMORY, "LSS": LSS, "LSS of 64 bits": LSS_W}


def about_to_load(code: bytes, selector: int, *, mode: str = "long64", ring: int = 0, gear: str = "fast") -> X86Bench:
    bench = X86Bench(
        mode, code, ring=ring, gear=gear, rax=selector, rcx=DATA, **({"r9": selector} if mode == "long64" else {})
    )
    pointer = le(STACK, 8 if code == LSS_W else 4) if code in (LSS, LSS_W) else b""
    bench.memory.write(DATA, pointer + le(selector, 2) + b"\xff" * 8)
    return bench


@pytest.mark.parametrize("gear", ["fast", "precise"])
@pytest.mark.parametrize("form", FORMS)
def test_its_rpl_must_be_the_ring(form: str, gear: str) -> None:
    for rpl in (1, 2, 3):
        bench = about_to_load(FORMS[form], rpl, gear=gear)
        bench.step()
        frame = bench.frame(error=True)
        assert (bench.vectors, frame.ip, frame.error, bench.cpu["ss"]) == ([GP], CODE, 0, KERNEL_DATA)


@pytest.mark.parametrize("gear", ["fast", "precise"])
@pytest.mark.parametrize("form", FORMS)
def test_in_ring_0_it_is_0(form: str, gear: str) -> None:
    bench = about_to_load(FORMS[form], 0, gear=gear)
    bench.step()
    assert (bench.vectors, bench.rip, bench.cpu["ss"], bench.cpu["rsp"]) == ([], CODE + len(FORMS[form]), 0, STACK)


@pytest.mark.parametrize("selector", [0, 3])
@pytest.mark.parametrize("form", ["a register", "LSS"])
def test_ring_3_has_none(form: str, selector: int) -> None:
    bench = about_to_load(FORMS[form], selector, ring=3)
    bench.step()
    assert (bench.vectors, bench.frame(error=True).ip) == ([GP], CODE)


def test_nor_has_32_bit_code() -> None:
    bench = about_to_load(MOV_AX, 0, mode="protected32")
    bench.step()
    assert bench.vectors == [GP]


@pytest.mark.parametrize("mode", ["long64", "protected32", "real"])
@pytest.mark.parametrize("gear", ["fast", "precise"])
def test_lss_of_a_register_is_undefined(mode: str, gear: str) -> None:
    """In every mode (SDM vol. 2A LDS: "If source operand is not a memory location")."""
    bench = X86Bench(mode, bytes.fromhex("0fb2ce"), gear=gear)
    bench.step()
    assert (bench.vectors, bench.frame().ip) == ([UD], CODE)


def test_it_shadows_what_follows_as_any_other() -> None:
    """The interrupt waits for one instruction (SDM vol. 2B MOV)."""
    bench = about_to_load(MOV_AX + b"\x90\x90", 0)
    bench.cpu["rflags"] |= 1 << 9
    bench.step()
    bench.external(0x40)
    bench.step()
    assert (bench.vectors, bench.rip) == ([], CODE + 3)
    bench.step()
    assert bench.vectors == [0x40]
