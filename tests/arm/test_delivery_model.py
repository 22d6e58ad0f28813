"""Rules 25 and 26 against a second model: random states, controls, pending interrupts and instructions.

models/arm_delivery.py is written from the manuals' pseudocode. One step of a machine and one of the model must leave
the same PC, PSTATE, SP, ELR, SPSR, ESR and deliveries.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from models import arm_delivery as model

from arm.arm_bench import CODE, FIQ_INTID, MODES, STACK32, STACK64, Arm32Bench, Arm64Bench, ArmBench, T
from arm.opcodes import a32, a64, t32

CASES = 300
INJECTED = 99
"""The IRQ comes without a controller, which would signal only the better one of an IRQ and a FIQ."""
SERROR_ISS = 0x1000042
NUMBERS64 = {"irq": INJECTED, "fiq": FIQ_INTID, **model.EC}
NUMBERS32 = {
    "irq": INJECTED, "fiq": FIQ_INTID, "serror": 0x2F, "svc": 0x11, "undefined": 0x00, "bkpt": 0x38,
}  # fmt: skip
WHOLE_RAM_TABLES = st.integers(0, 7).map(lambda n: 0x40060000 + 0x800 * n)
PENDING: Any = st.sets(st.sampled_from(model.ORDER))

CODE64 = {
    "svc": (a64("svc #0x1234"), 0x1234),
    "hvc": (a64("hvc #0x17"), 0x17),
    "smc": (a64("smc #0x17"), 0x17),
    "brk": (a64("brk #0xabcd"), 0xABCD),
    "undefined": (a64("udf #0"), 0),
    "nop": (a64("nop"), 0),
}
BOARDS = {(False, False): "", (True, False): ",virtualization=on", (False, True): ",secure=on"}
BOARDS[True, True] = BOARDS[True, False] + BOARDS[False, True]
HCR = {"serror": 1 << 5, "irq": 1 << 4, "fiq": 1 << 3}
SCR = {"serror": 1 << 3, "fiq": 1 << 2, "irq": 1 << 1}


def make_pending(bench: ArmBench, pending: set[model.Interrupt]) -> None:
    if "irq" in pending:
        bench.machine.inject(INJECTED)
    if "fiq" in pending:
        bench.raise_fiq()
    if "serror" in pending:
        bench.cpu.serror(SERROR_ISS)


@st.composite
def controls(draw: Any) -> model.Controls:
    el2, el3 = draw(st.booleans()), draw(st.booleans())
    return model.Controls(
        el2=el2,
        el3=el3,
        to_el2=frozenset(draw(PENDING)) if el2 else frozenset(),
        tge=draw(st.booleans()) if el2 else False,
        to_el3=frozenset(draw(PENDING)) if el3 else frozenset(),
        ns=draw(st.booleans()) if el3 else True,
        hce=draw(st.booleans()),
        smd=draw(st.booleans()),
    )


def scr_of(c: model.Controls) -> int:
    return c.ns | c.smd << 7 | c.hce << 8 | 1 << 10 | sum(SCR[name] for name in c.to_el3)


def hcr_of(c: model.Controls) -> int:
    return 1 << 31 | c.tge << 27 | sum(HCR[name] for name in c.to_el2)


@st.composite
def states64(draw: Any, c: model.Controls) -> model.State64:
    """A level that exists: no EL2 in Secure state, and no EL1 under TGE, which has no meaning there."""
    levels = [0] + [1] * (not (c.tge and model.el2_enabled(c))) + [2] * model.el2_enabled(c) + [3] * c.el3
    el = draw(st.sampled_from(levels))
    return model.State64(
        el=el,
        spsel=draw(st.integers(0, 1)) if el else 0,
        nzcv=draw(st.integers(0, 15)),
        daif=draw(st.integers(0, 15)),
        pc=CODE,
        vbar={level: draw(WHOLE_RAM_TABLES) + 0x4000 * level for level in (1, 2, 3)},
    )


def existing(c: model.Controls) -> list[int]:
    return [1] + [2] * c.el2 + [3] * c.el3


@pytest.mark.slow
@settings(max_examples=CASES)
@given(data=st.data(), kind=st.sampled_from(sorted(CODE64)), pending=PENDING)
def test_a64_entry_is_what_the_pseudocode_says(data: Any, kind: Any, pending: set[model.Interrupt]) -> None:
    c = data.draw(controls())
    state = data.draw(states64(c))
    code, immediate = CODE64[kind]
    before: Any = {"scr_el3": scr_of(c)} if c.el3 else {}
    before |= {"hcr_el2": hcr_of(c)} if c.el2 else {}
    bench = Arm64Bench(code, state.pstate, board=BOARDS[c.el2, c.el3], **before)
    for level in existing(c):
        bench.cpu[f"vbar_el{level}"] = state.vbar[level]
        bench.memory.write(state.vbar[level], a64("b #0") * 0x200)
    make_pending(bench, pending)

    bench.step()
    model.boundary64(c, state, pending, SERROR_ISS)
    if not state.taken:
        model.execute64(c, state, kind, immediate)

    delivered = [(event.number, event.target_el, event.vector_offset) for event in bench.deliveries]
    assert delivered == [(NUMBERS64[name], target, offset) for name, target, offset in state.taken]
    assert (hex(bench.cpu.pc), hex(bench.cpu.pstate)) == (hex(state.pc), hex(state.pstate))
    assert bench.cpu["sp"] == STACK64[state.el if state.spsel else 0]
    for level in existing(c):
        for name, values in (("elr", state.elr), ("spsr", state.spsr), ("esr", state.esr)):
            if level in values:
                assert hex(bench.cpu[f"{name}_el{level}"]) == hex(values[level])


CODE32 = {
    ("svc", False): a32("svc #0x42"),
    ("svc", True): t32("svc #0x42"),
    ("undefined", False): a32("udf #0"),
    ("undefined", True): t32("udf #0"),
    ("bkpt", False): a32("bkpt #0x1234"),
    ("bkpt", True): t32("bkpt #0x12"),
    ("data abort", False): a32("ldr r0, [r1]"),
    ("data abort", True): t32("ldr r0, [r1]"),
    ("nop", False): a32("nop"),
    ("nop", True): t32("nop"),
}
NOTHING_THERE = 0x0F000000


@st.composite
def states32(draw: Any) -> model.State32:
    flags = draw(st.integers(0, 31)) << 27 | draw(st.integers(0, 15)) << 16
    a, i, f, t, te, ee = (draw(st.booleans()) for _ in range(6))
    mode = draw(st.sampled_from(sorted(MODES)))
    return model.State32(mode, flags, a, i, f, t, False, CODE, draw(WHOLE_RAM_TABLES), te, ee)


@pytest.mark.slow
@settings(max_examples=CASES)
@given(state=states32(), kind=st.sampled_from(["svc", "undefined", "bkpt", "data abort", "nop"]), pending=PENDING)
def test_a32_and_t32_entry_is_what_the_pseudocode_says(
    state: model.State32, kind: Any, pending: set[model.Interrupt]
) -> None:
    code = CODE32[kind, state.t]
    before = state.cpsr & ~(0x1F | T)
    bench = Arm32Bench(code, state.mode, before, thumb=state.t, vbar=state.vbar, r1=NOTHING_THERE)
    bench.cpu["sctlr"] |= state.te << 30 | state.ee << 25
    bench.memory.write(state.vbar, (t32("b #0", "b #0") if state.te else a32("b #0")) * 8)
    source = state.mode
    make_pending(bench, pending)

    bench.step()
    model.boundary32(state, pending)
    if not state.taken:
        model.execute32(state, kind, len(code))

    numbers = NUMBERS32 | {"data abort": 0x24 if source == "usr" else 0x25}
    delivered = [(event.number, event.vector_offset) for event in bench.deliveries]
    assert delivered == [(numbers[name], offset) for name, offset in state.taken]
    assert (hex(bench.cpu.pc), hex(bench.cpu["cpsr"])) == (hex(state.pc), hex(state.cpsr))
    assert bench.cpu["sp"] == STACK32[state.mode]
    for mode, lr in state.lr.items():
        assert (hex(bench.banked(mode, "lr")), hex(bench.banked(mode, "spsr"))) == (hex(lr), hex(state.spsr[mode]))
