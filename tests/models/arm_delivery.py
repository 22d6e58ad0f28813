"""A second opinion on ARM exception entry: the manuals' pseudocode over plain values.

AArch64: DDI0487 J1.1 AArch64.TakeException and the routing tables of D1.13.1 and D1.13.4. ARMv7-A: DDI0406 B1.9, the
pseudocode of each exception's Take function. Only state that an entry reads or writes is here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["svc", "hvc", "smc", "brk", "undefined", "nop"]
Interrupt = Literal["serror", "fiq", "irq"]
ORDER: tuple[Interrupt, ...] = ("serror", "fiq", "irq")
"""The order that this machine gives to what is pending at once; the architecture leaves it open (D1.13.4)."""

EC = {"undefined": 0x00, "svc": 0x15, "hvc": 0x16, "smc": 0x17, "serror": 0x2F, "brk": 0x3C}
D, A, I, F = 8, 4, 2, 1  # noqa: E741
"""PSTATE.DAIF as a 4-bit field."""


@dataclass
class Controls:
    """HCR_EL2 and SCR_EL3, as far as they route; each set holds names of interrupts."""

    el2: bool = False
    el3: bool = False
    to_el2: frozenset[Interrupt] = frozenset()
    tge: bool = False
    to_el3: frozenset[Interrupt] = frozenset()
    ns: bool = True
    hce: bool = True
    smd: bool = False


@dataclass
class State64:
    """PSTATE's fields and the registers of each exception level."""

    el: int
    spsel: int
    nzcv: int
    daif: int
    pc: int
    vbar: dict[int, int]
    elr: dict[int, int] = field(default_factory=dict)
    spsr: dict[int, int] = field(default_factory=dict)
    esr: dict[int, int] = field(default_factory=dict)
    taken: list[tuple[str, int, int]] = field(default_factory=list)
    """What was taken, to which level, through which vector offset."""

    @property
    def pstate(self) -> int:
        return self.nzcv << 28 | self.daif << 6 | self.el << 2 | self.spsel

    def take(self, name: str, target: int, back: int, offset: int, esr: int | None) -> None:
        """AArch64.TakeException."""
        spsr = self.pstate
        if target > self.el:
            offset += 0x400
        elif self.spsel:
            offset += 0x200
        self.el, self.spsel, self.daif = target, 1, 0b1111
        self.spsr[target], self.elr[target] = spsr, back
        if esr is not None:
            self.esr[target] = esr
        self.pc = (self.vbar[target] & ~0x7FF) | offset
        self.taken.append((name, target, offset))


def el2_enabled(c: Controls) -> bool:
    """EL2Enabled without Secure EL2."""
    return c.el2 and (not c.el3 or c.ns)


def interrupt_target(c: Controls, state: State64, name: Interrupt) -> int | None:
    """Table D1-13 and D1.13.4: the level that takes it now, or None while it stays pending."""
    if c.el3 and name in c.to_el3:
        target = 3
    elif el2_enabled(c) and state.el < 3 and (name in c.to_el2 or c.tge):
        target = 2
    else:
        target = 1
    masked = bool(state.daif & {"serror": A, "fiq": F, "irq": I}[name])
    if state.el > target:
        return None
    if state.el == target or target == 1:
        return None if masked else target
    return target


def synchronous_target(c: Controls, state: State64) -> int:
    """AArch64.UndefinedFault, CallSupervisor, SoftwareBreakpoint: the own level, EL1 or EL2 from EL0."""
    if state.el:
        return state.el
    return 2 if el2_enabled(c) and c.tge else 1


def resolve(c: Controls, state: State64, kind: Kind) -> tuple[Kind, int]:
    """What the instruction turns out to be, and where it goes: HVC and SMC may be UNDEFINED (C6.2)."""
    own = synchronous_target(c, state)
    if kind == "hvc":
        enabled = c.hce if c.el3 else True
        possible = c.el2 and state.el > 0 and enabled and (state.el > 1 or el2_enabled(c))
        return ("hvc", max(2, state.el)) if possible else ("undefined", own)
    if kind == "smc":
        return ("smc", 3) if c.el3 and state.el > 0 and not c.smd else ("undefined", own)
    return kind, own


def execute64(c: Controls, state: State64, kind: Kind, immediate: int) -> None:
    """One instruction."""
    kind, target = resolve(c, state, kind)
    if kind == "nop":
        state.pc += 4
        return
    behind = kind in ("svc", "hvc", "smc")
    iss = 0 if kind == "undefined" else immediate
    state.take(kind, target, state.pc + 4 * behind, 0, EC[kind] << 26 | 1 << 25 | iss)


def boundary64(c: Controls, state: State64, pending: set[Interrupt], serror_iss: int) -> None:
    """Take what is due, one after another, until nothing is; a FIQ is a level and stays pending."""
    while True:
        for name in ORDER:
            target = interrupt_target(c, state, name) if name in pending else None
            if target is not None:
                break
        else:
            return
        offset = {"irq": 0x80, "fiq": 0x100, "serror": 0x180}[name]
        esr = EC["serror"] << 26 | 1 << 25 | serror_iss if name == "serror" else None
        state.take(name, target, state.pc, offset, esr)
        if name != "fiq":
            pending.discard(name)


# ---- ARMv7-A ----

MODE = {"usr": 0x10, "fiq": 0x11, "irq": 0x12, "svc": 0x13, "abt": 0x17, "und": 0x1B, "sys": 0x1F}
Kind32 = Literal["svc", "undefined", "bkpt", "data abort", "nop"]


@dataclass
class State32:
    """CPSR's fields, the banked LR and SPSR, and what chooses vectors."""

    mode: str
    flags: int
    """NZCVQ in bits 31-27 and GE in 19-16, in place."""
    a: bool
    i: bool
    f: bool
    t: bool
    e: bool
    pc: int
    vbar: int
    te: bool = False
    ee: bool = False
    lr: dict[str, int] = field(default_factory=dict)
    spsr: dict[str, int] = field(default_factory=dict)
    taken: list[tuple[str, int]] = field(default_factory=list)

    @property
    def cpsr(self) -> int:
        return self.flags | self.e << 9 | self.a << 8 | self.i << 7 | self.f << 6 | self.t << 5 | MODE[self.mode]

    def take(self, name: str, mode: str, lr: int, offset: int) -> None:
        """What all Take functions of B1.9 have in common: new mode, LR, SPSR, I, J, T, E, vector."""
        saved = self.cpsr
        self.mode = mode
        self.spsr[mode], self.lr[mode] = saved, lr
        self.i, self.t, self.e = True, self.te, self.ee
        self.pc = self.vbar + offset
        self.taken.append((name, offset))


def take_undefined(s: State32) -> None:
    """TakeUndefInstrException: LR = if T then PC-2 else PC-4, where PC is the instruction + 4 or + 8."""
    s.take("undefined", "und", s.pc + (2 if s.t else 4), 4)


def take_svc(s: State32) -> None:
    """TakeSVCException."""
    s.take("svc", "svc", s.pc + (2 if s.t else 4), 8)


def take_prefetch_abort(s: State32) -> None:
    """TakePrefetchAbortException: LR = if T then PC else PC-4; A is set."""
    s.take("bkpt", "abt", s.pc + 4, 12)
    s.a = True


def take_data_abort(s: State32, name: str) -> None:
    """TakeDataAbortException: LR = if T then PC+4 else PC; of an asynchronous one PC is the next instruction."""
    s.take(name, "abt", s.pc + 8, 16)
    s.a = True


def take_irq(s: State32) -> None:
    """TakePhysicalIRQException."""
    s.take("irq", "irq", s.pc + 4, 24)
    s.a = True


def take_fiq(s: State32) -> None:
    """TakePhysicalFIQException: F too."""
    s.take("fiq", "fiq", s.pc + 4, 28)
    s.a = s.f = True


def execute32(s: State32, kind: Kind32, size: int) -> None:
    """One instruction of `size` bytes."""
    if kind == "nop":
        s.pc += size
    elif kind == "svc":
        take_svc(s)
    elif kind == "undefined":
        take_undefined(s)
    elif kind == "bkpt":
        take_prefetch_abort(s)
    else:
        take_data_abort(s, "data abort")


def boundary32(s: State32, pending: set[Interrupt]) -> None:
    """Take what is due; a FIQ is a level and stays pending."""
    while True:
        if "serror" in pending and not s.a:
            take_data_abort(s, "serror")
            pending.discard("serror")
        elif "fiq" in pending and not s.f:
            take_fiq(s)
        elif "irq" in pending and not s.i:
            take_irq(s)
            pending.discard("irq")
        else:
            return
