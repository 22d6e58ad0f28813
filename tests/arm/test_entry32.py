"""Rule 25, A32 and T32: every exception's mode, bank, LR, SPSR, CPSR, vector, and return (DDI0406 B1.8, B1.9).

The class of an AArch32 exception, its event's number, is the one that HSR.EC has for it (DDI0406 B3.13.6).
"""

from __future__ import annotations

from typing import Any

import pytest

from arm.arm_bench import (
    AIF,
    CODE,
    DATA,
    DATA32,
    FIQ32,
    FIQ_INTID,
    FIQ_PIN,
    HIGH_VECTORS,
    INTID,
    IRQ32,
    MODES,
    NZCV,
    PIN,
    PREFETCH32,
    RAM,
    ROOT,
    STACK32,
    SVC32,
    UNDEFINED32,
    VECTORS,
    A,
    Arm32Bench,
    E,
    F,
    I,
    T,
)  # fmt: skip
from arm.opcodes import a32, t32
from vmm.arch.arm import int_line

UNDEFINED_CLASS, SVC_CLASS, SERROR_CLASS, BKPT_CLASS = 0x00, 0x11, 0x2F, 0x38
FETCH_CLASS, DATA_CLASS = (0x20, 0x21), (0x24, 0x25)
"""From User mode, and from a privileged one."""
PRIVILEGED = ["fiq", "irq", "svc", "abt", "und", "sys"]
SOURCES = ["usr", *PRIVILEGED]
SCTLR_EE, SCTLR_V = 1 << 25, 1 << 13


@pytest.mark.parametrize("source", SOURCES)
def test_svc_is_taken_to_supervisor_mode_and_returns_behind_itself(source: str) -> None:
    """DDI0406 B1.9.4: LR is the next instruction; I is set, A and F are kept."""
    bench = Arm32Bench(a32("svc #0x42"), source, F)
    bench.step()
    bench.assert_taken(SVC_CLASS, SVC32, "svc", after=1, lr=CODE + 4, spsr=MODES[source] | F, cpsr=I | F)


@pytest.mark.parametrize("source", SOURCES)
def test_svc_of_t32_is_two_bytes_long_and_its_handler_runs_in_a32(source: str) -> None:
    """DDI0406 B1.9.4, B1.8.3: CPSR.T is SCTLR.TE, here 0."""
    bench = Arm32Bench(t32("svc #0x42"), source, 0, thumb=True)
    bench.step()
    bench.assert_taken(SVC_CLASS, SVC32, "svc", after=1, lr=CODE + 2, spsr=MODES[source] | T, cpsr=I)
    assert bench.deliveries[-1].interrupted == CODE + 2  # behind SVC


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize(("thumb", "offset"), [(False, 4), (True, 2)])
def test_an_undefined_instruction_leaves_its_own_address_plus_4_or_2(source: str, thumb: bool, offset: int) -> None:
    """DDI0406 table B1-7; I is set, A and F are kept."""
    bench = Arm32Bench(t32("udf #0") if thumb else a32("udf #0"), source, A, thumb=thumb)
    bench.step()
    state = T if thumb else 0
    bench.assert_taken(
        UNDEFINED_CLASS, UNDEFINED32, "und", after=1, lr=CODE + offset, spsr=MODES[source] | A | state, cpsr=A | I
    )
    assert bench.deliveries[-1].interrupted == CODE


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("thumb", [False, True])
def test_an_irq_leaves_the_next_instruction_plus_4(source: str, thumb: bool) -> None:
    """DDI0406 B1.9.10: A and I are set, F is kept."""
    bench = Arm32Bench(t32("nop", "nop") if thumb else a32("nop", "nop"), source, I, thumb=thumb)
    bench.raise_irq()
    bench.step()
    state = T if thumb else 0
    bench.cpu["cpsr"] = MODES[source] | state
    bench.step()
    next_one = CODE + (2 if thumb else 4)
    bench.assert_taken(INTID, IRQ32, "irq", after=1, lr=next_one + 4, spsr=MODES[source] | state, cpsr=A | I)
    assert bench.deliveries[-1].interrupted == next_one


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("gic", [2, 3])
@pytest.mark.parametrize("thumb", [False, True])
def test_a_fiq_leaves_the_next_instruction_plus_4_and_masks_all(source: str, gic: int, thumb: bool) -> None:
    """DDI0406 B1.9.11."""
    bench = Arm32Bench(t32("nop") if thumb else a32("nop"), source, I, thumb=thumb, gic=gic)
    bench.raise_fiq()
    bench.step()
    state = T if thumb else 0
    bench.assert_taken(FIQ_INTID, FIQ32, "fiq", after=0, lr=CODE + 4, spsr=MODES[source] | I | state, cpsr=AIF)
    assert bench.deliveries[-1].interrupted == CODE


@pytest.mark.parametrize("source", SOURCES)
def test_bkpt_is_a_prefetch_abort_with_the_fault_status_of_a_debug_event(source: str) -> None:
    """DDI0406 B1.9.7, C3.1: LR is the instruction plus 4, IFSR 0b00010; A and I are set."""
    bench = Arm32Bench(a32("bkpt #0x1234"), source, 0)
    bench.step()
    bench.assert_taken(BKPT_CLASS, PREFETCH32, "abt", after=1, lr=CODE + 4, spsr=MODES[source], cpsr=A | I)
    assert bench.cpu["ifsr"] & 0x40F == 0b00010


def test_bkpt_of_t32_leaves_its_own_address_plus_4() -> None:
    """DDI0406 table B1-7: prefetch aborts have 4 in both instruction sets."""
    bench = Arm32Bench(t32("bkpt #0x12"), "svc", 0, thumb=True)
    bench.step()
    bench.assert_taken(BKPT_CLASS, PREFETCH32, "abt", after=1, lr=CODE + 4, spsr=MODES["svc"] | T, cpsr=A | I)
    assert bench.deliveries[-1].interrupted == CODE


@pytest.mark.parametrize("source", SOURCES)
def test_an_asynchronous_abort_leaves_the_next_instruction_plus_8(source: str) -> None:
    """DDI0406 B1.9.8, B3.13.3: DFSR.FS 0b10110; DFAR is not touched."""
    bench = Arm32Bench(a32("nop", "nop"), source, I | F)
    bench.cpu["dfar"] = 0x1234
    bench.step()
    bench.cpu.serror()
    bench.step()
    bench.assert_taken(SERROR_CLASS, DATA32, "abt", after=1, lr=CODE + 12, spsr=MODES[source] | I | F, cpsr=A | I | F)
    assert bench.cpu["dfsr"] & 0x40F == 0b10110 & 0xF | 1 << 10
    assert bench.cpu["dfar"] == 0x1234


# ---- aborts of an MMU with sections ----

TRANSLATION_SECTION, DOMAIN_SECTION, PERMISSION_SECTION = 0b00101, 0b01001, 0b01101
EXTERNAL = 0b01000
WNR = 1 << 11
S_FULL, S_PRIVILEGED, S_READ_ONLY, S_XN = 3 << 10, 1 << 10, 1 << 15 | 3 << 10, 3 << 10 | 1 << 4
OTHER_SECTION = RAM + 0x300000


def section(bench: Arm32Bench, virtual: int, physical: int, attributes: int) -> None:
    """A first-level entry of domain 0 (DDI0406 B3.5.1); attributes 0: none."""
    entry = attributes and (physical & 0xFFF00000 | attributes | 0b10)
    bench.write(ROOT + (virtual >> 18 & ~3), entry)


def paging(bench: Arm32Bench, dacr: int = 1) -> None:
    """Identity-map RAM and the devices by sections that anyone may use, and switch the MMU on."""
    bench.memory.write(ROOT, bytes(0x4000))
    for megabyte in range(4):
        section(bench, RAM + (megabyte << 20), RAM + (megabyte << 20), S_FULL)
    bench.system(2, 0, 0, 0, ROOT)
    bench.registers(dacr=dacr, ttbcr=0)
    bench.cpu["sctlr"] |= 1


ACCESSES_A32 = {"ldr r0, [r1]": 0, "str r0, [r1]": WNR, "ldrb r0, [r1]": 0, "strh r0, [r1]": WNR}


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("code", ACCESSES_A32)
def test_a_data_abort_leaves_its_own_address_plus_8_with_status_and_address(source: str, code: str) -> None:
    """DDI0406 B1.9.8, B3.13: DFSR is FS, WnR and the domain; DFAR is the address."""
    bench = Arm32Bench(a32("nop", code), source, F, r1=OTHER_SECTION + 0x10)
    paging(bench)
    section(bench, OTHER_SECTION, 0, 0)
    bench.step(2)
    number = DATA_CLASS[source != "usr"]
    bench.assert_taken(number, DATA32, "abt", after=2, lr=CODE + 12, spsr=MODES[source] | F, cpsr=AIF)
    assert hex(bench.cpu["dfsr"]) == hex(TRANSLATION_SECTION | ACCESSES_A32[code])
    assert hex(bench.cpu["dfar"]) == hex(OTHER_SECTION + 0x10)
    assert bench.deliveries[0].value == OTHER_SECTION + 0x10


def test_a_data_abort_of_t32_leaves_its_own_address_plus_8() -> None:
    """DDI0406 table B1-7."""
    bench = Arm32Bench(t32("nop", "ldr r0, [r1]"), "svc", 0, thumb=True, r1=OTHER_SECTION)
    paging(bench)
    section(bench, OTHER_SECTION, 0, 0)
    bench.step(2)
    bench.assert_taken(DATA_CLASS[1], DATA32, "abt", after=2, lr=CODE + 10, spsr=MODES["svc"] | T, cpsr=A | I)
    assert bench.deliveries[-1].interrupted == CODE + 2


@pytest.mark.parametrize(
    ("source", "attributes", "dacr", "code", "status"),
    [
        ("usr", S_PRIVILEGED, 1, "ldr r0, [r1]", PERMISSION_SECTION),
        ("usr", S_READ_ONLY, 1, "str r0, [r1]", PERMISSION_SECTION | WNR),
        ("svc", S_READ_ONLY, 1, "str r0, [r1]", PERMISSION_SECTION | WNR),
        ("svc", S_FULL | 1 << 5, 1, "ldr r0, [r1]", DOMAIN_SECTION | 1 << 4),
    ],
    ids=["privileged only", "read-only, usr", "read-only, svc", "domain 1 without access"],
)
def test_what_a_section_forbids_has_its_own_status(
    source: str, attributes: int, dacr: int, code: str, status: int
) -> None:
    """DDI0406 table B3-23; DFSR[7:4] is the domain."""
    bench = Arm32Bench(a32(code), source, 0, r1=OTHER_SECTION + 4)
    paging(bench, dacr)
    section(bench, OTHER_SECTION, OTHER_SECTION, attributes)
    bench.step()
    assert bench.deliveries[0].vector_offset == DATA32
    assert (hex(bench.cpu["dfsr"]), hex(bench.cpu["dfar"])) == (hex(status), hex(OTHER_SECTION + 4))


@pytest.mark.parametrize(
    ("source", "attributes", "status"),
    [
        ("usr", 0, TRANSLATION_SECTION),
        ("svc", 0, TRANSLATION_SECTION),
        ("usr", S_PRIVILEGED, PERMISSION_SECTION),
        ("svc", S_XN, PERMISSION_SECTION),
    ],
)
@pytest.mark.parametrize("thumb", [False, True])
def test_a_prefetch_abort_leaves_its_own_address_plus_4_with_status_and_address(
    source: str, attributes: int, status: int, thumb: bool
) -> None:
    """DDI0406 B1.9.7: IFSR and IFAR; the branch is complete, DFAR is not touched."""
    target = OTHER_SECTION + 0x20
    bench = Arm32Bench(t32("bx r1") if thumb else a32("bx r1"), source, 0, thumb=thumb, r1=target | thumb, dfar=0x1234)
    paging(bench)
    section(bench, OTHER_SECTION, OTHER_SECTION if attributes else 0, attributes)
    bench.step(2)
    state = T if thumb else 0
    number = FETCH_CLASS[source != "usr"]
    bench.assert_taken(number, PREFETCH32, "abt", after=2, lr=target + 4, spsr=MODES[source] | state, cpsr=A | I)
    assert (hex(bench.cpu["ifsr"]), hex(bench.cpu["ifar"])) == (hex(status), hex(target))
    assert bench.cpu["dfar"] == 0x1234


def test_an_address_that_nothing_decodes_is_a_synchronous_external_abort() -> None:
    """DDI0406 table B3-23: FS 0b01000."""
    bench = Arm32Bench(a32("str r0, [r1]"), "svc", 0, r1=0x0F000000)
    bench.step()
    bench.assert_taken(DATA_CLASS[1], DATA32, "abt", after=1, lr=CODE + 8, spsr=MODES["svc"], cpsr=A | I)
    assert (bench.cpu["dfsr"], bench.cpu["dfar"]) == (EXTERNAL | WNR, 0x0F000000)


@pytest.mark.parametrize(("code", "status"), [("str r0, [r1]", EXTERNAL | WNR), ("ldr r0, [r1]", EXTERNAL)])
def test_the_external_aborts_address_is_the_virtual_one_that_was_used(code: str, status: int) -> None:
    """DDI0406 B3.12.5 and B4.1.52 DFAR; of two sections that lead there the one of this access."""
    nobody, first, second = 0x0F000000, 0xA0000000, 0xA0100000
    bench = Arm32Bench(a32(code), "svc", 0)
    paging(bench)
    for alias in (first, second):
        section(bench, alias, nobody, S_FULL)
    for begun, alias in enumerate((first, second, first)):
        bench.registers(cpsr=MODES["svc"], pc=CODE, r1=alias + 0x1234)
        bench.step()
        bench.assert_taken(DATA_CLASS[1], DATA32, "abt", after=begun + 1, lr=CODE + 8, spsr=MODES["svc"], cpsr=A | I)
        assert (hex(bench.cpu["dfsr"]), hex(bench.cpu["dfar"])) == (hex(status), hex(alias + 0x1234))


def test_an_exclusive_load_must_be_aligned() -> None:
    """DDI0406 A3.2.1, table A3-1: FS 0b00001, whatever SCTLR.A."""
    bench = Arm32Bench(a32("ldrex r0, [r1]"), "svc", 0, r1=DATA + 2)
    paging(bench)
    bench.step()
    bench.assert_taken(DATA_CLASS[1], DATA32, "abt", after=1, lr=CODE + 8, spsr=MODES["svc"], cpsr=A | I)
    assert (bench.cpu["dfsr"], bench.cpu["dfar"]) == (0b00001, DATA + 2)


# ---- where the vectors are, and in which state handlers run ----


def test_the_low_vectors_are_at_vbar() -> None:
    """DDI0406 B1.8.1: SCTLR.V is 0."""
    bench = Arm32Bench(a32("svc #0"), "usr", 0, vbar=VECTORS[2])
    bench.step()
    bench.assert_taken(SVC_CLASS, SVC32, "svc", after=1, lr=CODE + 4, spsr=MODES["usr"], cpsr=I, base=VECTORS[2])


@pytest.mark.parametrize(("sctlr", "base"), [(0, 0), (SCTLR_V, HIGH_VECTORS)])
def test_vectors_may_be_at_0_or_at_ffff0000_where_vbar_does_not_count(sctlr: int, base: int) -> None:
    """DDI0406 B1.8.1."""
    bench = Arm32Bench(a32("nop", "nop"), "usr", 0, vbar=0 if base == 0 else VECTORS[1])
    paging(bench)
    section(bench, base, OTHER_SECTION, S_FULL)
    bench.memory.write(OTHER_SECTION + (base & 0xFFFFF), a32("b #0") * 8)
    bench.cpu["sctlr"] |= sctlr
    bench.step()
    bench.raise_irq()
    bench.step()
    bench.assert_taken(INTID, IRQ32, "irq", after=1, lr=CODE + 8, spsr=MODES["usr"], cpsr=A | I, base=base)


@pytest.mark.parametrize("thumb", [False, True])
def test_sctlr_te_and_ee_choose_instruction_set_and_endianness_of_handlers(thumb: bool) -> None:
    """DDI0406 B1.8.3: CPSR.T and E are SCTLR.TE and EE, whatever they were."""
    bench = Arm32Bench(t32("svc #0") if thumb else a32("svc #0"), "usr", 0, thumb=thumb, thumb_vectors=True)
    bench.cpu["sctlr"] |= SCTLR_EE
    bench.step()
    state = T if thumb else 0
    bench.assert_taken(
        SVC_CLASS, SVC32, "svc", after=1, lr=CODE + (2 if thumb else 4), spsr=MODES["usr"] | state, cpsr=I | T | E
    )


def test_flags_stay_and_q_ge_and_e_are_saved() -> None:
    """DDI0406 B1.8.3: SPSR is CPSR; of CPSR only M, T, IT, J, E and the masks change."""
    whole = NZCV | 1 << 27 | 0xA << 16
    bench = Arm32Bench(a32("svc #0"), "usr", whole | E)
    bench.memory.write(CODE, a32("svc #0"))
    bench.step()
    assert hex(bench.cpu["spsr"]) == hex(MODES["usr"] | whole | E)
    assert hex(bench.cpu["cpsr"]) == hex(MODES["svc"] | whole | I)


# ---- banks ----


def test_every_mode_has_its_own_sp_lr_and_spsr() -> None:
    """DDI0406 B1.3.2: System mode has User mode's SP and LR, and no SPSR."""
    bench = Arm32Bench(a32("nop"), "svc")
    for name in SOURCES:
        bench.cpu["cpsr"] = MODES[name] | AIF
        bench.registers(sp=0x1000 * MODES[name], lr=0x100 * MODES[name])
        if name not in ("usr", "sys"):
            bench.cpu["spsr"] = MODES[name]
    for name in SOURCES:
        bench.cpu["cpsr"] = MODES[name] | AIF
        owner = MODES["sys"] if name in ("usr", "sys") else MODES[name]
        assert (bench.cpu["sp"], bench.cpu["lr"]) == (0x1000 * owner, 0x100 * owner)
        if name not in ("usr", "sys"):
            assert bench.cpu["spsr"] == MODES[name]


def test_fiq_mode_has_its_own_r8_to_r12_and_others_are_shared() -> None:
    """DDI0406 B1.3.2."""
    values: Any = {f"r{n}": 0x100 + n for n in range(13)}
    bench = Arm32Bench(a32("nop", "nop"), "usr", 0, **values)
    bench.raise_fiq()
    bench.memory.write(VECTORS[1] + FIQ32, a32("mov r8, #0xf8", "mov ip, #0xfc", "mov r7, #0xf7", "subs pc, lr, #4"))
    bench.step(3)
    assert [bench.cpu[f"r{n}"] for n in (7, 8, 12)] == [0xF7, 0xF8, 0xFC]
    bench.machine.irq(FIQ_PIN).lower()
    bench.step(2)
    assert bench.cpu.pc == CODE + 4
    assert [bench.cpu[f"r{n}"] for n in range(13)] == [0x100 + n if n != 7 else 0xF7 for n in range(13)]


def test_irq_and_fiq_nest_each_in_its_own_bank() -> None:
    """The FIQ interrupts the IRQ's first instruction; LR_irq and SPSR_irq stay."""
    bench = Arm32Bench(a32("nop"), "usr", 0)
    bench.raise_irq()
    bench.step()
    bench.raise_fiq()
    bench.step()
    assert bench.numbers == [INTID, FIQ_INTID]
    bench.assert_taken(FIQ_INTID, FIQ32, "fiq", after=1, lr=VECTORS[1] + IRQ32 + 4, spsr=MODES["irq"] | A | I, cpsr=AIF)
    assert (bench.banked("irq", "lr"), bench.banked("irq", "spsr")) == (CODE + 4, MODES["usr"])


# ---- returns ----

STATES = [("usr", 0), ("usr", T), ("sys", F), ("svc", T | NZCV)]


def handler_at(bench: Arm32Bench, vector: int, code: bytes) -> None:
    """A handler longer than a vector, at its own place."""
    bench.memory.write(VECTORS[1] + vector, a32("b #0x100"))
    bench.memory.write(VECTORS[1] + vector + 0x100, code)


RETURNS = {
    "SUBS PC": a32("subs pc, lr, #4"),
    "LDM with ^": a32("sub lr, lr, #4", "push {r0, lr}", "ldm sp!, {r0, pc} ^"),
    "RFE": a32("sub lr, lr, #4", "srsdb sp!, #0x12", "rfeia sp!"),
    "MOVS PC": a32("sub lr, lr, #4", "movs pc, lr"),
}


@pytest.mark.parametrize(("mode", "state"), STATES)
@pytest.mark.parametrize("how", RETURNS)
def test_an_irq_handler_returns_to_the_interrupted_instruction_in_its_state(how: str, mode: str, state: int) -> None:
    """DDI0406 B1.9.10, B9.3: CPSR from SPSR or from memory, PC with it; SP_irq is as before."""
    thumb = bool(state & T)
    bench = Arm32Bench(t32("nop", "nop") if thumb else a32("nop", "nop"), mode, state & ~T, thumb=thumb, r0=0x77)
    handler_at(bench, IRQ32, RETURNS[how])
    bench.raise_irq()
    bench.step()
    bench.machine.irq(PIN).lower()
    bench.step(len(RETURNS[how]) // 4)
    assert (bench.cpu.pc, hex(bench.cpu["cpsr"]), bench.cpu["r0"]) == (CODE, hex(MODES[mode] | state), 0x77)
    assert bench.banked("irq", "sp") == STACK32["irq"]
    bench.step()
    assert (bench.cpu.pc, bench.numbers) == (CODE + (2 if thumb else 4), [INTID])


def test_srs_stores_lr_and_spsr_on_the_stack_of_the_mode_it_names() -> None:
    """DDI0406 B9.3.16."""
    bench = Arm32Bench(a32("srsdb sp!, #0x13"), "irq")
    bench.registers(lr=0x11223344, spsr=0x1F3)
    bench.step()
    stored = bench.cpu.read(STACK32["svc"] - 8, 8)
    assert (int.from_bytes(stored[:4], "little"), int.from_bytes(stored[4:], "little")) == (0x11223344, 0x1F3)
    assert (bench.banked("svc", "sp"), bench.cpu["sp"]) == (STACK32["svc"] - 8, STACK32["irq"])


@pytest.mark.parametrize(
    ("code", "before", "after"),
    [
        ("cpsid if", 0, I | F | MODES["svc"]),
        ("cpsie a", AIF, I | F | MODES["svc"]),
        ("cps #0x1f", AIF, AIF | MODES["sys"]),
        ("cpsid f, #0x17", 0, F | MODES["abt"]),
    ],
)
def test_cps_changes_masks_and_mode_together(code: str, before: int, after: int) -> None:
    """DDI0406 B9.3.2."""
    bench = Arm32Bench(a32(code), "svc", before)
    bench.step()
    assert hex(bench.cpu["cpsr"]) == hex(after)


CPS_A32 = ["cpsid if", "cpsie a", "cps #0x1f", "cpsid f, #0x17"]


@pytest.mark.parametrize("code", CPS_A32)
def test_cps_does_nothing_in_user_mode(code: str) -> None:
    """DDI0406 B9.3.2: a NOP there."""
    bench = Arm32Bench(a32(code), "usr", 0)
    bench.step()
    assert (hex(bench.cpu["cpsr"]), bench.numbers) == (hex(MODES["usr"]), [])


def test_msr_cpsr_in_user_mode_changes_flags_alone() -> None:
    """DDI0406 B9.3.12: A, I, F and M are not User mode's."""
    bench = Arm32Bench(a32("msr cpsr_fc, r0"), "usr", 0, r0=NZCV | AIF | MODES["svc"])
    bench.step()
    assert hex(bench.cpu["cpsr"]) == hex(NZCV | MODES["usr"])


def test_hvc_and_smc_without_their_extensions_are_undefined() -> None:
    """DDI0406 B9.3.4, B9.3.14: the Virtualization and Security Extensions are not there."""
    for code in HYPER_A32:
        bench = Arm32Bench(a32(code), "svc", 0)
        bench.step()
        bench.assert_taken(UNDEFINED_CLASS, UNDEFINED32, "und", after=1, lr=CODE + 4, spsr=MODES["svc"], cpsr=I)


HYPER_A32 = ["hvc #0x17", "smc #7"]


def test_a_t32_handler_returns_by_subs_pc() -> None:
    """DDI0406 B9.3.20, encoding T1; SCTLR.TE is 1."""
    bench = Arm32Bench(a32("nop", "nop"), "usr", NZCV, thumb_vectors=True)
    bench.memory.write(VECTORS[1] + IRQ32, t32("subs pc, lr, #4"))
    bench.raise_irq()
    bench.machine.run(until=VECTORS[1] + IRQ32, insns=5)
    assert hex(bench.cpu["cpsr"]) == hex(MODES["irq"] | A | I | T | NZCV)
    bench.machine.irq(PIN).lower()
    bench.step()
    assert (bench.cpu.pc, hex(bench.cpu["cpsr"])) == (CODE, hex(MODES["usr"] | NZCV))


def test_stm_with_a_caret_stores_user_modes_sp_and_lr() -> None:
    """DDI0406 B9.3.18: what a context switch saves."""
    bench = Arm32Bench(a32("stm r0, {sp, lr} ^"), "irq", r0=DATA, lr=0x7777)
    bench.write(DATA + 4, 0x5555)
    bench.step()
    assert (bench.machine.u32(DATA), bench.machine.u32(DATA + 4)) == (STACK32["usr"], 0)
    bench = Arm32Bench(a32("ldm r0, {sp, lr} ^"), "fiq", r0=DATA)
    bench.write(DATA, 0x1111, 0x2222)
    bench.step()
    assert (bench.banked("sys", "sp"), bench.banked("sys", "lr"), bench.cpu["sp"]) == (0x1111, 0x2222, STACK32["fiq"])


def test_msr_cpsr_switches_banks() -> None:
    """DDI0406 B1.3.2: the next instruction sees the new mode's SP."""
    bench = Arm32Bench(a32("msr cpsr_c, r0", "mov r7, sp"), "svc", AIF, r0=MODES["und"] | AIF)
    bench.step(2)
    assert (bench.cpu["r7"], bench.cpu.mode) == (STACK32["und"], "und")


# ---- what a trace and `-d int` say of faults under short descriptors ----

AFE = 1 << 29
SECOND_LEVEL = ROOT + 0x4000
P_FULL, P_READ_ONLY, P_NO_FLAG = 0x30, 0x230, 0x20
"""AP of a small page (DDI0406 B3.5.1, B3.7.1); AP[0] is its access flag where SCTLR.AFE is set."""


def page(bench: Arm32Bench, virtual: int, attributes: int, domain: int = 0) -> None:
    """A section's place taken by a table of small pages whose first is there; attributes 0: none is."""
    bench.memory.write(SECOND_LEVEL, bytes(0x400))
    bench.write(ROOT + (virtual >> 18 & ~3), SECOND_LEVEL | domain << 5 | 1)
    bench.write(SECOND_LEVEL, attributes and (virtual & 0xFFFFF000 | attributes | 2))


@pytest.mark.parametrize(
    ("code", "paged", "attributes", "sctlr", "fs", "status", "words"),
    [
        ("ldr r0, [r1]", False, 0, 0, 0b00101, 0x05, ": translation fault, level 1"),
        ("str r0, [r1]", False, 0, 0, 0b00101, 0x05, ", a write: translation fault, level 1"),
        ("ldr r0, [r1]", True, 0, 0, 0b00111, 0x06, ": translation fault, level 2"),
        ("bx r1", False, 0, 0, 0b00101, 0x05, ": translation fault, level 1"),
        ("bx r1", True, 0, 0, 0b00111, 0x06, ": translation fault, level 2"),
        ("str r0, [r1]", False, S_READ_ONLY, 0, 0b01101, 0x0D, ", a write: permission fault, level 1"),
        ("str r0, [r1]", True, P_READ_ONLY, 0, 0b01111, 0x0E, ", a write: permission fault, level 2"),
        ("ldr r0, [r1]", False, 2 << 10, AFE, 0b00011, 0x09, ": access flag fault, level 1"),
        ("ldr r0, [r1]", True, P_NO_FLAG, AFE, 0b00110, 0x0A, ": access flag fault, level 2"),
        ("ldr r0, [r1]", False, S_FULL | 1 << 5, 0, 0b01001, 0x3D, ": domain fault, level 1"),
        ("ldr r0, [r1]", True, P_FULL | 1 << 16, 0, 0b01011, 0x3E, ": domain fault, level 2"),
    ],
)
def test_a_fault_is_recorded_as_the_long_format_has_it_and_told_in_words(
    code: str, paged: bool, attributes: int, sctlr: int, fs: int, status: int, words: str
) -> None:
    """DDI0406 tables B3-23 and B3-24; bit 16 of `attributes` is for domain 1."""
    bench = Arm32Bench(a32("nop", code), "svc", 0, r1=OTHER_SECTION)
    paging(bench)
    if paged:
        page(bench, OTHER_SECTION, attributes & 0xFFFF, attributes >> 16)
    else:
        section(bench, OTHER_SECTION, OTHER_SECTION, attributes)
    bench.cpu["sctlr"] |= sctlr
    bench.step(3 if code == "bx r1" else 2)
    (taken,) = bench.deliveries
    fetch = code == "bx r1"
    assert taken.error is not None
    assert taken.number == (0x21 if fetch else 0x25) == taken.error >> 26
    assert (taken.error & 0x3F, taken.error >> 6 & 1) == (status, int(code.startswith("str")))
    assert bench.cpu["ifsr" if fetch else "dfsr"] & 0x40F == fs
    line = int_line.aarch32(taken, bench.cpu.exception_name)
    assert line.endswith(f"FAR={OTHER_SECTION:08x} {'instruction' if fetch else 'data'} abort{words}")
