"""Encodings that the manual does not have are #UD, at their exact place, and their neighbours run.

What may be locked: SDM vol. 2A "LOCK"; what has a VEX form: the pages of BMI1 and BMI2; which forms an opcode has:
vol. 2D tables A-2 to A-6. The sweeps lay one encoding into each slot of 16 bytes; the handler of #UD moves the saved IP
one slot on, so that only a run in which every slot raised #UD at its first byte arrives behind the last one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pytest

from vmm.arch.x86.vcpu import Segment
from x86.x86_bench import AC, CODE, DATA, DATA2, GP, ICEBP, INT3, NOP, PF, UD, X86Bench, handler, le

LOCK = b"\xf0"
OSFXSR, SMAP = 1 << 9, 1 << 21
SLOT, SLOTS = 16, 0x20000
REGISTERS, MEMORY = 0xC1, 0x03
"""ModRM: a register operand; [EBX], or in 16-bit code [BP+DI]."""
SKIP_SLOT = {"long64": "48 83042410 48cf", "protected32": "83042410 cf", "real": "67 83042410 cf"}

PREFIXES = {0x26, 0x2E, 0x36, 0x3E, 0x64, 0x65, 0x66, 0x67, 0xF0, 0xF2, 0xF3}
ALU = {opcode | form for opcode in (0x00, 0x08, 0x10, 0x18, 0x20, 0x28, 0x30) for form in (0, 1)}
LOCKABLE: dict[int, set[int]] = {
    # opcode of the one-byte map: the /digits that LOCK allows, with memory
    **{opcode: set(range(8)) for opcode in ALU | {0x86, 0x87}},
    **{opcode: set(range(7)) for opcode in (0x80, 0x81, 0x82, 0x83)},
    **{opcode: {2, 3} for opcode in (0xF6, 0xF7)},
    **{opcode: {0, 1} for opcode in (0xFE, 0xFF)},
}
LOCKABLE_0F: dict[int, set[int]] = {
    **{opcode: set(range(8)) for opcode in (0xAB, 0xB3, 0xBB, 0xB0, 0xB1, 0xC0, 0xC1)},
    0xBA: {5, 6, 7},
    0xC7: {1},
}


def modrms() -> Iterator[int]:
    for digit in range(8):
        yield REGISTERS | digit << 3
        yield MEMORY | digit << 3


def locked(allowed: bool, mode: str) -> Iterator[bytes]:
    """LOCK before every opcode and form that allows it, or before every other."""
    for escape, table in ((b"", LOCKABLE), (b"\x0f", LOCKABLE_0F)):
        for opcode in range(256):
            rex = mode == "long64" and opcode & 0xF0 == 0x40
            if (not escape and (opcode in PREFIXES | {0x0F} or rex)) or (escape and opcode in (0x38, 0x3A)):
                continue
            for modrm in modrms():
                memory = modrm < 0xC0
                fits = memory and (modrm >> 3 & 7) in table.get(opcode, ())
                if fits == allowed:
                    yield LOCK + escape + bytes((opcode, modrm))
    if not allowed:
        yield from (LOCK + b"\x0f" + bytes((m, opcode, MEMORY)) for m in (0x38, 0x3A) for opcode in range(256))


def sweep(mode: str, encodings: Iterable[bytes], model: str = "default") -> None:
    """Every encoding is #UD."""
    bench = X86Bench(mode, NOP, model=model, rbx=DATA)
    bench.handler(UD, bytes.fromhex(SKIP_SLOT[mode]))
    slots = [encoding.ljust(SLOT - 1, NOP) + INT3 for encoding in encodings]
    bench.memory.write(SLOTS, b"".join(slots) + NOP * SLOT)
    end = SLOTS + SLOT * len(slots)
    if mode == "real":
        bench.cpu.set_segment("cs", Segment(SLOTS >> 4, SLOTS, 0xFFFF, 0x9B00))
    bench.cpu["rip"] = 0 if mode == "real" else SLOTS
    stop = bench.machine.run(until=end, insns=4 * len(slots) + 4)
    last = bench.deliveries[-1]
    at = last.base + last.pc - SLOTS
    assert stop.reason == "breakpoint", f"last #UD or other vector in {slots[at // SLOT % len(slots)].hex()}"
    assert set(bench.vectors) == {UD}


@pytest.mark.parametrize("mode", ["protected32", "long64"])
def test_lock_before_what_cannot_be_locked(mode: str) -> None:
    sweep(mode, locked(False, mode))


def test_lock_before_what_cannot_be_locked_in_real_mode() -> None:
    sweep("real", list(locked(False, "real"))[::4][:4000])


def runs(mode: str, encoding: bytes, model: str = "default", **registers: int) -> bool:
    """Does it run, to its last byte?"""
    bench = X86Bench(mode, encoding + NOP, model=model, **{"rbx": DATA, **registers})
    bench.step()
    return not bench.vectors and bench.rip == CODE + len(encoding)


@pytest.mark.parametrize("mode", ["protected32", "long64"])
def test_lock_before_what_can_be_locked(mode: str) -> None:
    bench = X86Bench(mode, NOP)
    immediates = {b"\x80": 1, b"\x81": 4, b"\x82": 1, b"\x83": 1, b"\x0f\xba": 1}
    for encoding in locked(True, mode):
        opcode = encoding[1:-1]
        if mode == "long64" and opcode == b"\x82":
            continue  # not in 64-bit mode (SDM vol. 2D table A-2, footnote i64)
        whole = encoding + bytes(immediates.get(opcode, 0))
        bench.memory.write(CODE, whole + NOP)
        bench.cpu["rip"], bench.cpu["rbx"] = CODE, DATA
        bench.step()
        assert (bench.vectors, bench.rip) == ([], CODE + len(whole)), encoding.hex()


NO_SUCH_FORM = {
    "MOVBE of registers": "0f38f0c1 0f38f1c1 660f38f0c1 660f38f1c1",
    "POP with a digit, which is XOP's": "8f0b 8f3b 8fc9 8fff 8fe97812c0",
    "MOV imm with a digit, XABORT, XBEGIN": "c60b00 c6c800 c6f800 c70b00000000 c7f800000000 c7f900000000",
    "MOVMSK of memory": "0f5003 660f5003",
    "MMX and SSE shifts of memory": "0f711301 0f722301 0f733301 660f711301 660f731b01 660f733b01",
    "MOVLPD, MOVHPD of registers": "660f12c1 660f16c1",
    "MOVDQ2Q, MOVQ2DQ of memory": "f20fd603 f30fd603",
    "MOVNTI with a prefix": "660fc303 f20fc303 f30fc303",
    "CLAC, STAC with a prefix": "660f01ca 660f01cb f20f01ca f30f01cb",
    "FXSAVE to STMXCSR with a prefix": "660fae03 f20fae0b f30fae13 f30fae1b",
    "fences with a prefix": "660faee8 f20faee8 f30faee8 660faef0 f20faef0 f30faef0 660faef9 f20faef8 f30faef8",
    "SSE4A where CPUID lacks it": "660f78c00101 660f79c1 f20f78c10101 f20f79c1 f20f2b03 f30f2b03",
}


@pytest.mark.parametrize("name", NO_SUCH_FORM)
@pytest.mark.parametrize("mode", ["protected32", "long64"])
def test_forms_that_there_are_not(mode: str, name: str) -> None:
    sweep(mode, map(bytes.fromhex, NO_SUCH_FORM[name].split()), model="max")


NEIGHBOURS = (
    "0f38f003", "660f38f103", "f20f38f1c1", "8f03", "8fc1", "c60300", "c7c100000000", "660f50c1", "660f71d101",
    "660f1203", "660f1603", "f20fd6c1", "0fc303", "0f01ca", "0f01cb", "0fae1b", "0faee8", "0faef0", "0faef8",
    "660faef8", "660fae33", "660fae3b", "f30fb8c1",
)  # fmt: skip


@pytest.mark.parametrize("mode", ["protected32", "long64"])
def test_their_neighbours_run(mode: str) -> None:
    bench = X86Bench(mode, NOP, model="max", flags=AC)
    bench.cpu["cr4"] = bench.cpu["cr4"] | OSFXSR | SMAP
    for text in NEIGHBOURS:
        code = bytes.fromhex(text)
        bench.memory.write(CODE, code + NOP)
        bench.cpu["rip"], bench.cpu["rbx"] = CODE, DATA
        bench.step()
        assert (bench.vectors, bench.rip) == ([], CODE + len(code)), text


# ---- VEX ----


def vex3(map: int, opcode: int, modrm: int, *, w: int = 0, vvvv: int = 0, l: int = 0, pp: int = 0) -> bytes:  # noqa: E741
    """SDM vol. 2A 2.3.5; vvvv as the register's number, which is stored inverted."""
    return bytes((0xC4, 0xE0 | map, w << 7 | (vvvv ^ 15) << 3 | l << 2 | pp, opcode, modrm))


BMI = {  # name: encoding, with what it makes of EBX = F0h (or R/M) and ECX (vvvv)
    "ANDN": vex3(2, 0xF2, 0xC3, vvvv=1),
    "BLSR": vex3(2, 0xF3, 0xCB, vvvv=0),
    "BLSMSK": vex3(2, 0xF3, 0xD3, vvvv=0),
    "BLSI": vex3(2, 0xF3, 0xDB, vvvv=0),
    "BEXTR": vex3(2, 0xF7, 0xC3, vvvv=1),
    "BZHI": vex3(2, 0xF5, 0xC3, vvvv=1),
    "PEXT": vex3(2, 0xF5, 0xC3, vvvv=1, pp=2),
    "PDEP": vex3(2, 0xF5, 0xC3, vvvv=1, pp=3),
    "MULX": vex3(2, 0xF6, 0xC3, vvvv=1, pp=3),
    "SHLX": vex3(2, 0xF7, 0xC3, vvvv=1, pp=1),
    "SARX": vex3(2, 0xF7, 0xC3, vvvv=1, pp=2),
    "SHRX": vex3(2, 0xF7, 0xC3, vvvv=1, pp=3),
    "RORX": vex3(3, 0xF0, 0xC3, pp=3) + b"\x04",
}


@pytest.mark.parametrize("mode", ["protected32", "long64"])
def test_instructions_with_a_vex_form_run_where_cpuid_announces_them(mode: str) -> None:
    bench = X86Bench(mode, NOP, model="max")
    bench.cpu["cr4"] = bench.cpu["cr4"] | OSFXSR  # which Unicorn wants for SHLX
    for name, code in BMI.items():
        bench.memory.write(CODE, code + NOP)
        bench.cpu["rip"] = CODE
        bench.step()
        assert (bench.vectors, bench.rip) == ([], CODE + len(code)), name
    for lacking, names in (("max,-bmi1", ("ANDN", "BLSI", "BEXTR")), ("max,-bmi2", ("BZHI", "MULX", "RORX", "SHLX"))):
        sweep(mode, (BMI[name] for name in names), model=lacking)


@pytest.mark.parametrize("mode", ["protected32", "long64"])
def test_vex_before_what_has_no_vex_form(mode: str) -> None:
    """All of maps 1 to 3 in the four forms of pp, but for BMI; and BMI's with L = 1, with other digits, LOCK or REX."""
    known = {(code[1] & 31, code[3], code[2] & 3) for code in BMI.values()}
    forms = ((map, opcode, pp) for map in (1, 2, 3) for opcode in range(256) for pp in range(4))
    plain = [vex3(map, opcode, 0xC3, pp=pp) for map, opcode, pp in forms if (map, opcode, pp) not in known]
    short = [bytes((0xC5, 0xF8 | pp, opcode, 0xC3)) for opcode in range(256) for pp in range(4)]
    long = [code[:2] + bytes((code[2] | 4,)) + code[3:] for code in BMI.values()]
    prefixed = [prefix + code for code in BMI.values() for prefix in (LOCK, b"\x66", b"\xf2", b"\xf3")]
    odd = [vex3(2, 0xF3, 0xC3), vex3(2, 0xF3, 0xE3), vex3(3, 0xF0, 0xC3, vvvv=1, pp=3)]
    sweep(mode, plain + short + long + prefixed + odd, model="max")


def test_vex_is_for_protected_mode() -> None:
    """SDM vol. 2A 2.3.1: #UD in real-address and virtual-8086 mode; C4 and C5 with a memory operand are LES and LDS."""
    sweep("real", BMI.values(), model="max")
    assert runs("real", bytes.fromhex("c403"), model="max", rbx=0xF000)


# ---- at the exact place ----


def test_the_frame_names_the_first_prefix() -> None:
    """SDM vol. 3A 6.15 "Interrupt 6": the saved IP points to the instruction, and RF is set."""
    bench = X86Bench("long64", NOP + bytes.fromhex("f066 0fabc1") + NOP)
    bench.step(2)
    frame = bench.frame()
    assert (bench.vectors, frame.ip, frame.flags & 1 << 16) == ([UD], CODE + 1, 1 << 16)


@pytest.mark.parametrize("code", [LOCK + ICEBP, LOCK + bytes.fromhex("0f01c1"), LOCK + bytes.fromhex("660faef8")])
def test_lock_before_what_the_core_finishes_itself(code: bytes) -> None:
    """INT1, VMCALL and PCOMMIT are no different."""
    bench = X86Bench("protected32", code, model="max")
    bench.step()
    assert (bench.vectors, bench.frame().ip) == ([UD], CODE)


def test_an_instruction_becomes_defined_when_a_byte_behind_its_prefixes_is_written() -> None:
    """LOCK BTS of a register; the handler makes the operand memory, and the instruction is done again."""
    bench = X86Bench("protected32", bytes.fromhex("f00fabc1"), rbx=DATA, rax=3)
    bench.handler(UD, bytes.fromhex("c605") + le(CODE + 3, 4) + b"\x03\xcf")  # movb $3, CODE+3; iret
    bench.step(4)
    assert bench.vectors == [UD]
    assert (bench.rip, bench.memory.read(DATA, 1)) == (CODE + 4, b"\x08")


def test_a_byte_that_cannot_be_fetched_comes_first() -> None:
    """SDM vol. 3A table 6-2: faults of fetching stand above those of decoding."""
    bench = X86Bench("paged32", NOP)
    bench.page(DATA, 0)
    bench.memory.write(DATA - 2, bytes.fromhex("f00f"))
    bench.cpu["rip"] = DATA - 2
    bench.step()
    assert (bench.vectors, bench.cpu["cr2"], bench.frame(error=True).ip) == ([PF], DATA, DATA - 2)


def test_across_a_page_boundary() -> None:
    bench = X86Bench("paged32", NOP)
    bench.memory.write(DATA2 - 2, bytes.fromhex("f00fabc1"))
    bench.cpu["rip"] = DATA2 - 2
    bench.step()
    assert (bench.vectors, bench.frame().ip) == ([UD], DATA2 - 2)


def test_what_is_too_long_is_general_protection() -> None:
    """SDM vol. 2A 2.3.11: more than 15 bytes; 15 are an instruction."""
    for prefixes, vector in ((12, UD), (13, GP)):
        bench = X86Bench("protected32", LOCK * prefixes + bytes.fromhex("0fabc1"))
        bench.step()
        assert (bench.vectors, bench.rip) == ([vector], handler(vector))


def test_lock_mov_cr0_is_cr8_where_announced() -> None:
    """AMD APM vol. 3 "MOV CRn": CPUID 8000_0001h ECX bit 4."""
    code = bytes.fromhex("f00f20c0")
    assert runs("protected32", code, model="epyc")
    bench = X86Bench("protected32", code)
    bench.step()
    assert bench.vectors == [UD]


DIVERTED = {  # what the core does itself somewhere; how many of its bytes are left to fetch behind each
    "IN imm8": ("protected32", "e440"),
    "OUT imm8": ("long64", "e640"),
    "RETF imm16": ("protected32", "ca0800"),
    "CALL ptr16:32": ("protected32", "9a000000000800"),
    "JMP ptr16:16": ("protected32", "66ea00000800"),
    "CALL [disp32]": ("protected32", "ff1d00f00000"),
    "JMP [ebp+esi+disp8]": ("protected32", "ff6c3510"),
    "CALL [rip+disp32]": ("long64", "48ff1d00000000"),
    "JMP [bx+disp16]": ("protected32", "67ffaf0000"),
}


@pytest.mark.parametrize("name", DIVERTED)
def test_what_is_diverted_is_fetched_to_its_last_byte(name: str) -> None:
    """SDM vol. 3A table 6-2: a fault of fetching comes first, wherever the page ends; here by ring 3."""
    mode, text = DIVERTED[name]
    code = bytes.fromhex(text)
    for fetched in range(1, len(code)):
        bench = X86Bench("paged32" if mode == "protected32" else mode, NOP, ring=3)
        bench.page(DATA2, 0)
        bench.memory.write(DATA2 - fetched, code)
        bench.cpu["rip"] = DATA2 - fetched
        bench.step()
        frame = bench.frame(error=True, outer=mode != "long64")
        assert (bench.vectors, bench.cpu["cr2"], frame.ip) == ([PF], DATA2, DATA2 - fetched)
        assert frame.error == 4


@pytest.mark.parametrize("name", DIVERTED)
def test_what_is_diverted_has_15_bytes_at_most(name: str) -> None:
    mode, text = DIVERTED[name]
    code = bytes.fromhex(text)
    bench = X86Bench(mode, b"\x2e" * (16 - len(code)) + code, ring=3)
    bench.step()
    assert bench.vectors == [GP]
    assert bench.frame(error=True, outer=mode != "long64").ip == CODE
