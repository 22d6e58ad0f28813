"""Rule 25, T32: an exception before any instruction of an IT block, also a skipped one, keeps the block's state.

Source: DDI0406 A2.5.2 (ITSTATE), A8.8.54 (IT), B1.8.3 (SPSR).
"""

from __future__ import annotations

from itertools import product

import pytest

import vmm
from arm.arm_bench import (
    CODE,
    DATA32,
    INTID,
    IRQ32,
    MODES,
    PIN,
    PREFETCH32,
    RAM,
    SVC32,
    UNDEFINED32,
    VECTORS,
    A,
    Arm32Bench,
    Arm64Bench,
    I,
    T,
)  # fmt: skip
from arm.opcodes import a32, a64, t32
from vmm.inputs.traps import DONE, Trap

Z = 1 << 30
EQ = 0
STEPS = [t32("movs r0, #1"), t32("mov.w r1, #2"), t32("movs r2, #3"), t32("mov.w r3, #4")]
"""What the blocks are made of: both lengths of instruction; in a block MOVS is MOV."""
PATTERNS = ["t" + "".join(rest) for length in range(4) for rest in product("te", repeat=length)]
"""Each instruction of a block: for EQ, or for the opposite."""
HANDLER = a32("subs pc, lr, #4")


def first_state(pattern: str) -> int:
    """ITSTATE before the first instruction: the condition's upper bits, each instruction's lowest one, a 1 behind."""
    state = EQ << 4
    for position, letter in enumerate(pattern[1:]):
        state |= (letter == "e") << 3 - position
    return state | 1 << 4 - len(pattern)


def advance(state: int) -> int:
    """ITAdvance of the manual's pseudocode."""
    return (state & 0xE0) | (state << 1 & 0x1F) if state & 7 else 0


def block(pattern: str) -> tuple[bytes, list[int], list[int]]:
    """The code, the addresses of its instructions and of the one behind them, and ITSTATE at each of these."""
    code, at, states = (0xBF00 | first_state(pattern)).to_bytes(2, "little"), [], []
    state = first_state(pattern)
    for number in range(len(pattern)):
        at.append(CODE + len(code))
        states.append(state)
        code += STEPS[number]
        state = advance(state)
    return code + t32("nop"), [*at, CODE + len(code)], [*states, 0]


def in_psr(state: int) -> int:
    """IT[1:0] are bits 26-25 and IT[7:2] bits 15-10 of a PSR."""
    return (state & 3) << 25 | state >> 2 << 10


def results(pattern: str, equal: bool) -> list[int]:
    """r0-r3 behind the block."""
    done = [(letter == "t") == equal for letter in pattern] + [False] * (4 - len(pattern))
    return [number + 1 if executed else 0 for number, executed in enumerate(done)]


CASES = [
    (pattern, equal, place) for pattern in PATTERNS for equal in (True, False) for place in range(len(pattern) + 1)
]


def test_the_states_of_a_block_are_those_of_the_manual() -> None:
    """DDI0406 table A2-2 for ITTEE EQ: 0000 0111 and its shifts, the last of which is EQ's opposite, 0001 1000."""
    assert block("ttee")[2] == [0b00000111, 0b00001110, 0b00011100, 0b00011000, 0]
    assert block("t")[2] == [0b00001000, 0]


@pytest.mark.parametrize(("pattern", "equal", "place"), CASES)
def test_an_interrupt_before_any_instruction_of_a_block_saves_its_state_and_the_block_goes_on(
    pattern: str, equal: bool, place: int
) -> None:
    """LR is that instruction plus 4, whether its condition holds or not, and SPSR has its ITSTATE."""
    code, at, states = block(pattern)
    bench = Arm32Bench(code, "usr", Z if equal else 0, thumb=True)
    bench.memory.write(VECTORS[1] + IRQ32, HANDLER)
    stop = bench.machine.run(until=at[place], insns=20)
    assert (stop.reason, bench.cpu.pc, bin(bench.cpu.it_state)) == ("breakpoint", at[place], bin(states[place]))
    begun = bench.machine.instructions
    bench.raise_irq()
    bench.machine.run(until=VECTORS[1] + IRQ32, insns=20)
    flags = Z if equal else 0
    bench.assert_taken(
        INTID, IRQ32, "irq", after=begun, lr=at[place] + 4, spsr=MODES["usr"] | T | flags | in_psr(states[place]),
        cpsr=A | I | flags,
    )  # fmt: skip
    bench.machine.irq(PIN).lower()
    stop = bench.machine.run(until=at[-1], insns=20)
    assert (stop.reason, bench.cpu.it_state) == ("breakpoint", 0)
    assert [bench.cpu[f"r{n}"] for n in range(4)] == results(pattern, equal)


PLACES = [(first, then) for first in range(3) for then in range(first + 1, 4)]


@pytest.mark.parametrize("again", [False, True], ids=["", "restored"])
@pytest.mark.parametrize(("first", "then"), PLACES)
def test_who_waits_for_a_skipped_instruction_is_told_behind_a_return_into_its_block(
    first: int, then: int, again: bool
) -> None:
    """ITTTT EQ, and nothing is equal: its handler returns to an instruction that is not executed, nor are the next."""
    code, at, states = block("tttt")
    bench = Arm32Bench(code, "usr", 0, thumb=True)
    bench.memory.write(VECTORS[1] + IRQ32, HANDLER)
    bench.machine.run(until=at[first], insns=20)
    bench.raise_irq()
    bench.machine.run(until=VECTORS[1] + IRQ32, insns=20)
    bench.machine.irq(PIN).lower()
    bench.step()  # the return
    assert bench.cpu.pc == at[first]
    if again:
        there = bench.machine.snapshot()
        bench.step()
        bench.machine.restore(there)
    stop = bench.machine.run(until=at[then], insns=20)
    assert (stop.reason, bench.cpu.pc, bench.cpu.it_state) == ("breakpoint", at[then], states[then])


@pytest.mark.parametrize("inside", [2, 6])
def test_who_waits_for_the_middle_of_an_instruction_is_never_told(inside: int) -> None:
    """Each has four bytes, and no IT block skips half of one."""
    bench = Arm32Bench(STEPS[1] + STEPS[3] + t32("nop"), "usr", 0, thumb=True)
    stop = bench.machine.run(until=CODE + inside, insns=2)
    assert (stop.reason, bench.cpu.pc) == ("count", CODE + 8)


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("equal", [True, False])
def test_an_interrupt_that_comes_with_the_it_instruction_is_taken_before_the_first_of_the_block(
    pattern: str, equal: bool
) -> None:
    """Even if that one, or all of them, are skipped."""
    code, at, states = block(pattern)
    bench = Arm32Bench(code, "usr", Z if equal else 0, thumb=True)
    bench.step()
    bench.raise_irq()
    bench.step()
    flags = Z if equal else 0
    bench.assert_taken(
        INTID,
        IRQ32,
        "irq",
        after=1,
        lr=at[0] + 4,
        spsr=MODES["usr"] | T | flags | in_psr(states[0]),
        cpsr=A | I | flags,
    )


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("equal", [True, False])
def test_one_interrupt_after_another_at_every_instruction_changes_nothing_of_the_result(
    pattern: str, equal: bool
) -> None:
    """Each return restores the state that the next interrupt saves."""
    code, at, _ = block(pattern)
    bench = Arm32Bench(code, "usr", Z if equal else 0, thumb=True)
    bench.memory.write(VECTORS[1] + IRQ32, HANDLER)
    for address in at:
        bench.machine.run(until=address, insns=20)
        bench.raise_irq()
        bench.machine.run(until=VECTORS[1] + IRQ32, insns=20)
        assert (bench.cpu["lr"], bench.deliveries[-1].number) == (address + 4, INTID)
        bench.machine.irq(PIN).lower()
        bench.step()
        assert bench.cpu.pc == address
    assert [bench.cpu[f"r{n}"] for n in range(4)] == results(pattern, equal)
    assert len(bench.deliveries) == len(at)


def test_svc_in_a_block_saves_the_state_of_the_instruction_behind_it() -> None:
    """DDI0406 B1.9.4: the pseudocode of TakeSVCException advances ITSTATE first."""
    code = (0xBF00 | first_state("tte")).to_bytes(2, "little") + t32("svc #7", "movs r0, #1", "movs r2, #3")
    bench = Arm32Bench(code, "usr", Z, thumb=True)
    bench.memory.write(VECTORS[1] + SVC32, a32("movs pc, lr"))
    bench.step(2)
    state = advance(first_state("tte"))
    bench.assert_taken(0x11, SVC32, "svc", after=2, lr=CODE + 4, spsr=MODES["usr"] | T | Z | in_psr(state), cpsr=I | Z)
    bench.machine.run(until=CODE + 8, insns=10)
    assert (bench.cpu["r0"], bench.cpu["r2"]) == (1, 0)


@pytest.mark.parametrize("place", range(4))
def test_a_fault_in_a_block_saves_the_state_of_the_instruction_itself(place: int) -> None:
    """DDI0406 B1.9.8: a data abort; the instruction is to be executed again."""
    code = (0xBF00 | first_state("tttt")).to_bytes(2, "little") + b"".join(STEPS[:place]) + t32("ldr r4, [r5]")
    bench = Arm32Bench(code + b"".join(STEPS[place:]), "usr", Z, thumb=True, r5=0x0F000000)
    bench.step(place + 2)
    state = block("tttt")[2][place]
    at = CODE + 2 + len(b"".join(STEPS[:place]))
    bench.assert_taken(
        0x24, DATA32, "abt", after=place + 2, lr=at + 8, spsr=MODES["usr"] | T | Z | in_psr(state), cpsr=A | I | Z
    )


@pytest.mark.parametrize("equal", [True, False])
def test_an_undefined_instruction_in_a_block_is_one_only_if_its_condition_holds(equal: bool) -> None:
    """UDF is unconditional (DDI0406 A8.8.247), a coprocessor that is not there is not (A2.6)."""
    code = (0xBF00 | first_state("tt")).to_bytes(2, "little") + t32("movs r0, #1", "mrc p4, #0, r1, c0, c0, #0")
    bench = Arm32Bench(code, "usr", Z if equal else 0, thumb=True)
    bench.machine.run(until=CODE + 8 if not equal else VECTORS[1] + UNDEFINED32, insns=10)
    assert bench.numbers == ([0] if equal else [])
    if equal:
        state = block("tt")[2][1]
        assert hex(bench.cpu["spsr"]) == hex(MODES["usr"] | T | Z | in_psr(state))
        assert bench.cpu["lr"] == CODE + 4 + 2


def test_a_trapped_svc_in_a_block_goes_on_in_the_block() -> None:
    """What a script has finished is one executed instruction: the next one's condition still counts."""
    code = (0xBF00 | first_state("tte")).to_bytes(2, "little") + t32("svc #7", "movs r0, #1", "movs r2, #3", "nop")
    bench = Arm32Bench(code, "usr", Z, thumb=True)

    @bench.machine.trap(vmm.Svc(7))
    def call(trap: Trap) -> str:
        return DONE

    bench.step(2)
    assert (bench.cpu.pc, bin(bench.cpu.it_state)) == (CODE + 4, bin(advance(first_state("tte"))))
    bench.machine.run(until=CODE + 8, insns=10)
    assert (bench.cpu["r0"], bench.cpu["r2"], bench.numbers) == (1, 0, [])


def test_an_interrupt_that_a_trapped_svc_raises_saves_the_state_of_the_instruction_behind_it() -> None:
    """Also if that one is to be skipped."""
    code = (0xBF00 | first_state("tet")).to_bytes(2, "little") + t32("svc #7", "movs r0, #1", "movs r2, #3", "nop")
    bench = Arm32Bench(code, "usr", Z, thumb=True)

    @bench.machine.trap(vmm.Svc(7))
    def call(trap: Trap) -> str:
        bench.raise_irq()
        return DONE

    bench.step(3)
    state = advance(first_state("tet"))
    bench.assert_taken(
        INTID, IRQ32, "irq", after=2, lr=CODE + 4 + 4, spsr=MODES["usr"] | T | Z | in_psr(state), cpsr=A | I | Z
    )


@pytest.mark.parametrize("place", range(4))
def test_a_breakpoint_in_a_block_is_taken_whether_its_condition_holds_or_not(place: int) -> None:
    """DDI0406 A8.8.24: BKPT is unconditional; SPSR has its own ITSTATE."""
    code = (0xBF00 | first_state("teee")).to_bytes(2, "little") + b"".join(STEPS[:place]) + t32("bkpt #0x12")
    bench = Arm32Bench(code, "usr", Z, thumb=True)
    bench.machine.run(until=VECTORS[1] + PREFETCH32, insns=10)
    at = CODE + 2 + len(b"".join(STEPS[:place]))
    state = block("teee")[2][place]
    assert (hex(bench.cpu["lr"]), hex(bench.cpu["spsr"])) == (hex(at + 4), hex(MODES["usr"] | T | Z | in_psr(state)))


def test_a_timer_that_is_due_behind_the_it_instruction_interrupts_before_a_skipped_one() -> None:
    """With a tick an instruction, compare value 3: behind MCR, MCR and IT."""
    setup = t32("mcr p15, #0, r0, c14, c3, #0", "mcr p15, #0, r1, c14, c3, #1")
    code = setup + (0xBF00 | first_state("tt")).to_bytes(2, "little") + STEPS[0] + STEPS[1] + t32("nop")
    bench = Arm32Bench(code, "usr", 0, thumb=True, board=",insn_ns=16", cntkctl=0x303, r0=2, r1=1)
    bench.enable(27)
    bench.step(4)
    at, state = CODE + len(setup) + 2, first_state("tt")
    bench.assert_taken(27, IRQ32, "irq", after=3, lr=at + 4, spsr=MODES["usr"] | T | in_psr(state), cpsr=A | I)


@pytest.mark.parametrize("steps", [(4,), (1, 1, 1, 1)], ids=["in one piece", "in steps"])
def test_a_return_to_elsewhere_in_a_block_goes_on_from_there(steps: tuple[int, ...]) -> None:
    """What an undefined instruction's handler skips is not run, though the block has it: a return goes where LR says.

    ittt eq; an undefined instruction of 32 bits; movs r0, #1; mov.w r1, #2. The handler returns into the middle of what
    was undefined, where movs r2, #3 is.
    """
    undefined = b"\xf0\xf7\x03\x22"  # first F7F0: UDF.W's and others' space; second 2203: MOVS r2, #3
    state = first_state("ttt")
    code = (0xBF00 | state).to_bytes(2, "little") + undefined + t32("movs r0, #1") + t32("mov.w r1, #2") + t32("nop")
    bench = Arm32Bench(code, "usr", Z, thumb=True)
    bench.memory.write(VECTORS[1] + UNDEFINED32, a32("movs pc, lr"))
    for count in steps:
        bench.step(count)
    assert [event.vector_offset for event in bench.deliveries] == [UNDEFINED32]
    assert (bench.cpu["r2"], bench.cpu.pc) == (3, CODE + 6)
    assert bin(bench.cpu.it_state) == bin(advance(state))


@pytest.mark.parametrize("watched", [False, True])
@pytest.mark.parametrize("steps", [(11,), (1,) * 11])
def test_a_store_within_a_block_leaves_it_behind_while_a_watchpoint_is_enabled(
    steps: tuple[int, ...], watched: bool
) -> None:
    """An AArch32 program under AArch64 that meets no watchpoint. The third of ITTE EQ is skipped, nothing else."""
    program, usr_t32_equal = RAM + 0x60000, 0x30 | 1 << 30
    bench = Arm64Bench(a64("eret"), 5, elr_el1=program, spsr_el1=usr_t32_equal, x1=RAM + 0x61000, x2=5)
    block = t32("itte eq", "str r2, [r1]", "movs r3, #1", "movs r4, #1")
    bench.memory.write(program, block + t32("b #2", "movs r5, #1", "movs r6, #1", "movs r7, #1", "svc #0"))
    bench.registers(x3=0, x4=0, x5=0, x6=0, x7=0)
    if watched:
        bench.system(2, 0, 0, 0, 6, RAM + 0x70000)  # DBGWVR0_EL1
        bench.system(2, 0, 0, 0, 7, 0x1FF)  # DBGWCR0_EL1: loads and stores, all bytes, enabled
    for count in steps:
        bench.step(count)
    assert bench.numbers == [0x11]  # SVC from AArch32
    assert [bench.cpu[f"x{n}"] for n in range(3, 8)] == [1, 0, 1, 1, 1]
    assert int.from_bytes(bench.memory.read(RAM + 0x61000, 4), "little") == 5


@pytest.mark.parametrize("steps", [(4,), (1,) * 4], ids=["in one piece", "in steps"])
def test_a_branch_to_a32_out_of_the_middle_of_a_block_leaves_no_block_behind(steps: tuple[int, ...]) -> None:
    """DDI0406 A2.5.2: A32 has no ITSTATE, so T32 that it branches to begins outside of any block. ittt eq; bx r0."""
    code = (0xBF00 | first_state("ttt")).to_bytes(2, "little") + t32("bx r0")
    a32_code, svc = CODE + 0x100, CODE + 0x200
    bench = Arm32Bench(code, "usr", Z, thumb=True, r0=a32_code, r1=svc | 1)
    bench.memory.write(a32_code, a32("bx r1"))
    bench.memory.write(svc, t32("svc #0"))
    for count in steps:
        bench.step(count)
    assert [event.vector_offset for event in bench.deliveries] == [SVC32]
    assert (bench.cpu["lr"], hex(bench.cpu["spsr"])) == (svc + 2, hex(MODES["usr"] | T | Z))
