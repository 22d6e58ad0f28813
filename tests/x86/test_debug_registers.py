"""Debug registers: fixed bits, and instruction breakpoints in shadows (SDM vol. 3B 17.2; 3A 6.8.3; 2B MOV DR)."""

from __future__ import annotations

import pytest

from x86.x86_bench import CODE, DATA, DATA2, DB, GP, INT, NOP, POPF, RF, STACK, STI, TF, UD, X86Bench, handler, le

TO_DR6, TO_DR7, TO_DR4, TO_DR5, TO_DR0 = (b"\x0f\x23" + bytes([0xC0 | number << 3]) for number in (6, 7, 4, 5, 0))
"""MOV DRn, RAX."""
FROM_DR6, FROM_DR7 = b"\x0f\x21\xf1", b"\x0f\x21\xf9"
"""MOV RCX, DRn."""
GENERAL_DETECT, BD, BS = 1 << 13, 1 << 13, 1 << 14
INTEL, AMD = "haswell", "epyc"


@pytest.mark.parametrize("mode", ["real", "protected32", "long64", "compat32"])
@pytest.mark.parametrize(
    ("write", "read", "value", "expected"),
    [
        # figure 17-1, without RTM and bus-lock detection: bit 12 is 0, 4 to 11 and 16 to 31 are 1
        (TO_DR6, FROM_DR6, 0xFFFFFFFF, 0xFFFFEFFF),
        (TO_DR6, FROM_DR6, 0, 0xFFFF0FF0),
        (TO_DR6, FROM_DR6, 0x5005, 0xFFFF4FF5),
        # bits 11, 12, 14 and 15 are 0, bit 10 is 1; DR0 to DR3 are 0 and watch nothing that is done here
        (TO_DR7, FROM_DR7, 0xD800, 0x400),
        (TO_DR7, FROM_DR7, 0, 0x400),
        (TO_DR7, FROM_DR7, 0x0FF00300, 0x0FF00700),
        (TO_DR4, FROM_DR6, 0xFFFFFFFF, 0xFFFFEFFF),
        (TO_DR5, FROM_DR7, 0xDB00, 0x700),
    ],
)
def test_fixed_bits_stay(mode: str, write: bytes, read: bytes, value: int, expected: int) -> None:
    bench = X86Bench(mode, write + read, rax=value)
    bench.step(2)
    assert (bench.vectors, hex(bench.cpu["rcx"])) == ([], hex(expected))


@pytest.mark.parametrize("write", [TO_DR6, TO_DR7, TO_DR4])
@pytest.mark.parametrize("bit", [32, 47, 63])
def test_a_bit_above_31_is_a_general_protection_fault_in_64_bit_mode(write: bytes, bit: int) -> None:
    bench = X86Bench("long64", write, rax=1 << bit)
    before = bench.cpu["dr6"], bench.cpu["dr7"]
    bench.step(2)
    assert (bench.vectors, bench.frame(error=True).ip, bench.frame(error=True).error) == ([GP], CODE, 0)
    assert (bench.cpu["dr6"], bench.cpu["dr7"]) == before


def test_an_address_register_takes_all_64_bits() -> None:
    bench = X86Bench("long64", TO_DR0, rax=0xFFFF800012345678)
    bench.step()
    assert (bench.vectors, bench.cpu["dr0"]) == ([], 0xFFFF800012345678)


def test_a_single_step_behind_a_write_of_dr6_sets_its_bit() -> None:
    bench = X86Bench("protected32", TO_DR6 + NOP, flags=TF, rax=0xF)
    bench.step(2)
    assert (bench.vectors, hex(bench.cpu["dr6"])) == ([DB], hex(0xFFFF0FFF | BS))


# ---- instruction breakpoints behind MOV SS and POP SS ----

MOV_SS, POP_SS, LSS_ESP = bytes.fromhex("8ed0"), b"\x17", bytes.fromhex("0fb22424")
INC_EBX = b"\x43"


SET_UP = bytes.fromhex("0f23c3 0f23f6 0f23fa")
"""MOV DR0, EBX; MOV DR6, ESI; MOV DR7, EDX."""
START = CODE + len(SET_UP)
ENABLED = 0x402


def broken(code: bytes, at: int, model: str, dr7: int = ENABLED, dr6: int = 0) -> X86Bench:
    """At the first byte of `code`, with an instruction breakpoint at byte `at` of it; the stack is for SS."""
    bench = X86Bench("protected32", SET_UP + code + NOP * 3, model=model, rax=0x10, rsp=STACK - 8,
                     rbx=START + at, rsi=dr6, rdx=dr7)  # fmt: skip
    bench.memory.write(STACK - 8, le(0x10, 4) + le(0x10, 4))
    bench.step(3)
    bench.cpu["rbx"] = 0
    return bench


@pytest.mark.parametrize(("write", "vector"), [(TO_DR4, UD), (TO_DR5, UD), (TO_DR6, DB)])
def test_an_alias_that_is_none_goes_before_general_detect(write: bytes, vector: int) -> None:
    """CR4.DE makes DR4 and DR5 undefined (17.2.2); GD makes any other access #DB, a fault with BD, and is cleared."""
    bench = broken(write, 0, INTEL, dr7=GENERAL_DETECT)
    bench.cpu["cr4"] |= 8
    bench.step(2)
    assert (bench.vectors, bench.frame().ip) == ([vector], START)
    assert (bench.cpu["dr6"] & BD != 0, bench.cpu["dr7"] & GENERAL_DETECT == 0) == (vector == DB,) * 2


@pytest.mark.parametrize("caster", [MOV_SS, POP_SS])
def test_intels_processors_suppress_it(caster: bytes) -> None:
    bench = broken(caster + INC_EBX, len(caster), INTEL, dr6=2)
    bench.step(4)
    assert (bench.vectors, bench.cpu["rbx"], bench.rip) == ([], 1, START + len(caster) + 3)
    assert (bench.cpu["rflags"] & RF, hex(bench.cpu["dr6"])) == (0, hex(0xFFFF0FF2))


@pytest.mark.parametrize("caster", [MOV_SS, POP_SS])
def test_amds_take_it(caster: bytes) -> None:
    bench = broken(caster + INC_EBX, len(caster), AMD)
    bench.step(3)
    assert (bench.vectors, bench.cpu["rbx"], bench.cpu["dr6"] & 0xF) == ([DB], 0, 1)
    assert bench.frame().ip == START + len(caster)


@pytest.mark.parametrize("model", [INTEL, AMD])
@pytest.mark.parametrize("caster", [STI, bytes.fromhex("8ed8"), MOV_SS + NOP, NOP])
def test_behind_anything_else_it_holds(caster: bytes, model: str) -> None:
    """STI, MOV DS, and the second instruction behind MOV SS."""
    bench = broken(caster + INC_EBX, len(caster), model)
    bench.step(4)
    assert (bench.vectors, bench.cpu["rbx"], bench.cpu["dr6"] & 0xF) == ([DB], 0, 1)
    assert (bench.frame().ip, bench.frame().flags & RF) == (START + len(caster), 0)


def test_it_holds_again_when_the_instruction_comes_without_the_shadow() -> None:
    bench = broken(MOV_SS + INC_EBX + bytes.fromhex("ebfd"), len(MOV_SS), INTEL)  # again: inc ebx; jmp again
    bench.step(4)
    assert (bench.vectors, bench.cpu["rbx"]) == ([DB], 1)
    assert bench.frame().ip == START + len(MOV_SS)


def test_what_was_suppressed_is_in_no_frame() -> None:
    """INT n is over when its frame is pushed, so RF is not in it, as it would not be without the breakpoint."""
    bench = broken(MOV_SS + INT(0x80), len(MOV_SS), INTEL)
    bench.step(3)
    assert (bench.vectors, bench.frame().flags & RF, bench.rip) == ([0x80], 0, handler(0x80))


def test_a_single_step_trap_comes_behind_the_instruction_whose_breakpoint_was_suppressed() -> None:
    """POPF sets TF; MOV SS is stepped without a trap, and the trap behind the next one has BS alone."""
    bench = broken(POPF + MOV_SS + INC_EBX, len(POPF + MOV_SS), INTEL)
    bench.memory.write(STACK - 8, le(TF | 2, 4))
    bench.step(4)
    assert (bench.vectors, bench.cpu["rbx"], bench.frame().ip) == ([DB], 1, START + 4)
    assert bench.cpu["dr6"] & (BS | 0xF) == BS


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_a_stop_in_the_shadow_changes_nothing(steps: int) -> None:
    bench = broken(MOV_SS + INC_EBX, len(MOV_SS), INTEL)
    for _ in range(6 // steps):
        bench.step(steps)
    assert (bench.vectors, bench.cpu["rbx"], bench.cpu.count) == ([], 1, 9)


# ---- breakpoints on ports and on data ----

DE = 1 << 3
OUT_DX_AL, IN_AL_DX, OUT_DX_EAX, REP_OUTSB = b"\xee", b"\xec", b"\xef", b"\xf3\x6e"
ON_PORT = 0x402 | 2 << 16
"""DR7: G0, R/W0 10b."""
PORT = 0xC0
"""Where nobody answers."""


def on_port(code: bytes, *, dr7: int = ON_PORT, dr0: int = PORT, de: bool = True, **registers: int) -> X86Bench:
    bench = X86Bench("protected32", SET_UP + code + NOP * 3, ebx=dr0, esi=0, edx=dr7, **registers)
    bench.cpu["cr4"] |= DE * de
    bench.step(3)
    bench.cpu["edx"], bench.cpu["esi"] = PORT, DATA
    return bench


@pytest.mark.parametrize("code", [OUT_DX_AL, IN_AL_DX, OUT_DX_EAX])
@pytest.mark.parametrize("cut", [False, True])
def test_a_breakpoint_on_a_port_is_a_trap_behind_the_instruction(code: bytes, cut: bool) -> None:
    """17.3.1.3: RIP behind it, RF 0, B0; wherever the run is stopped."""
    bench = on_port(code)
    for insns in (1, 1) if cut else (2,):
        bench.step(insns)
    assert (bench.vectors, bench.rip) == ([DB], handler(DB))
    assert (bench.frame().ip, bench.frame().flags & RF) == (START + 1, 0)
    assert (bench.cpu["dr6"] & 0xF, bench.machine.instructions) == (1, 5)


@pytest.mark.parametrize(
    ("dr0", "length", "hits"),
    [(0xC0, 0, 1), (0xC1, 0, 0), (0xBF, 0, 0), (0xC1, 1, 1), (0xC2, 1, 0), (0xC3, 3, 1), (0xC4, 3, 0)],
)
def test_the_length_counts_from_the_aligned_port(dr0: int, length: int, hits: int) -> None:
    """LEN0 00b is one port, 01b two, 11b four, from DR0 with its low bits 0 (17.2.5)."""
    bench = on_port(OUT_DX_AL, dr7=ON_PORT | length << 18, dr0=dr0)
    bench.step(2)
    assert bench.vectors == [DB] * hits


def test_without_cr4_de_there_is_none() -> None:
    """17.2.4: R/W 10b is undefined then."""
    bench = on_port(OUT_DX_AL, de=False)
    bench.step(2)
    assert bench.vectors == []


def test_a_repeated_instruction_traps_behind_an_iteration() -> None:
    """SDM vol. 2B REP: RIP is the instruction's, RCX one less; table 17-2: RF is set, so that it goes on."""
    bench = on_port(REP_OUTSB, ecx=3)
    bench.step(2)
    assert (bench.vectors, bench.frame().ip, bench.cpu["ecx"]) == ([DB], START, 2)
    assert bench.frame().flags & RF


def test_a_single_step_trap_and_one_of_a_port_are_one() -> None:
    bench = on_port(OUT_DX_AL)
    bench.cpu["rflags"] |= TF
    bench.step(2)
    assert (bench.vectors, bench.cpu["dr6"] & (BS | 0xF)) == ([DB], BS | 1)


@pytest.mark.parametrize("mode", ["paged32", "long64"])
def test_a_data_breakpoint_is_on_the_linear_address(mode: str) -> None:
    """17.2.5: before paging; the page there leads elsewhere, and another page leads to where it leads."""
    store = b"\x89\x03"  # mov [ebx], eax
    bench = X86Bench(mode, SET_UP + store * 2 + NOP * 3, rbx=DATA2, rsi=0, rdx=0x402 | 1 << 16 | 3 << 18)
    bench.alias(DATA, DATA2)
    bench.alias(DATA2, DATA)
    bench.step(3)
    bench.cpu["rbx"] = DATA
    bench.step()
    bench.cpu["rbx"] = DATA2
    assert bench.vectors == []
    bench.step(2)
    assert (bench.vectors, bench.frame().ip, bench.cpu["dr6"] & 0xF) == ([DB], START + 4, 1)


@pytest.mark.parametrize("gear", ["precise", "fast"])
def test_a_store_that_was_done_before_traps_once_dr7_says_so(gear: str) -> None:
    """MOV DR0, RBX; then a loop: MOV DR7, RAX; MOV [RBX], ECX; NOP; MOV EAX, EDX. At first nothing is watched."""
    disabled, four_bytes_written, set_dr0 = 0x400, 0xD0402, b"\x0f\x23\xc3"
    loop = TO_DR7 + b"\x89\x0b" + NOP + b"\x89\xd0\xeb\xf6"
    bench = X86Bench("protected32", set_dr0 + loop, gear=gear, rax=disabled, rdx=four_bytes_written, rbx=DATA)
    bench.step(1 + 5 + 2 + 1)
    assert (bench.vectors, bench.frame().ip) == ([DB], CODE + len(set_dr0 + TO_DR7) + 2)
