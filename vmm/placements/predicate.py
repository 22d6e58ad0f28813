"""What must hold where a run ends, as text: comparisons of values in RAM and registers, "n == 2 and s32 $eax >= -1",
places that no run comes to, "never panic", and what the console says, 'says "PASS"', 'never says "FAIL"'.

A value is little-endian, at a location that is read as the first vCPU maps it; as wide as the word before it says,
without one 32 bits, and a register as it is. Registers are the first vCPU's.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from vmm.core.native import lib
from vmm.errors import VmmError

if TYPE_CHECKING:
    from vmm.machine.machine import Machine

RELATIONS = {
    "==": lib.VMM_EQ, "!=": lib.VMM_NE, "<=": lib.VMM_LE, ">=": lib.VMM_GE, "<": lib.VMM_LT, ">": lib.VMM_GT,
}  # fmt: skip
WIDTHS = {f"{sign}{8 * size}": (size, sign == "s") for sign in "us" for size in (1, 2, 4, 8)}
AND = re.compile(r'\band\b(?=(?:[^"]*"[^"]*")*[^"]*$)')
"""Not within quotes."""
TERM = re.compile(r"\s*(?:([us]\d+)\s+)?(.+?)\s*(==|!=|<=|>=|<|>)\s*(-?(?:0x[0-9a-fA-F]+|\d+))\s*")
SAYS = re.compile(r'\s*(never\s+)?says\s+"(.+)"\s*')
NEVER = re.compile(r"\s*never\s+(?!says\b)(\S.*?)\s*")
REGISTER = "$"
PC = "pc"
ESCAPES = {r"\n": "\n", r"\r": "\r", r"\t": "\t"}
FORMS = '"n == 2", "u16 head <= 8", "$eax != 0", "never panic" and \'says "PASS"\' are'


class Term(NamedTuple):
    """One of them: a `vmm_term`, but that `where` is a location, a register's name or a phrase."""

    text: str
    kind: int
    where: str
    size: int
    signed: bool
    relation: int
    value: int

    @property
    def says_why(self) -> bool:
        """Where it does not hold, that is what went wrong, however the run has ended."""
        return self.kind == lib.VMM_TERM_NEVER or (self.kind == lib.VMM_TERM_SENT and not self.value)

    @property
    def broken(self) -> str:
        """What is wrong with a run for which it does not hold, in words."""
        if self.kind == lib.VMM_TERM_NEVER:
            return f"it comes to {self.where}"
        if self.kind == lib.VMM_TERM_SENT:
            return f"it {self.text.removeprefix('never ')}" if not self.value else f"it does not {_say(self.text)}"
        return f"{self.text} does not hold"


def _say(text: str) -> str:
    return "say" + text.removeprefix("says")


def terms(text: str) -> list[Term]:
    """All of them, joined by "and"; VmmError for what is none."""
    return [_term(part.strip()) for part in AND.split(text)]


def forbidden(known: Sequence[Term]) -> list[str]:
    """Places that no run may come to."""
    return [each.where for each in known if each.kind == lib.VMM_TERM_NEVER]


def _term(text: str) -> Term:
    if said := SAYS.fullmatch(text):
        return _says(text, said[2], not said[1])
    if compared := TERM.fullmatch(text):
        return _comparison(text, *compared.groups())
    if never := NEVER.fullmatch(text):
        return Term(text, lib.VMM_TERM_NEVER, never[1], 8, False, lib.VMM_EQ, 1)
    raise VmmError(f"{text!r} is no check: {FORMS}")


def _says(text: str, phrase: str, wanted: bool) -> Term:
    for word, character in ESCAPES.items():
        phrase = phrase.replace(word, character)
    if len(phrase.encode()) > lib.VMM_PHRASE_BYTES:
        raise VmmError(f"{text!r}: it is looked for at most {lib.VMM_PHRASE_BYTES} bytes")
    return Term(text, lib.VMM_TERM_SENT, phrase, 8, False, lib.VMM_EQ, int(wanted))


def _comparison(text: str, width: str | None, where: str, relation: str, number: str) -> Term:
    if width and width not in WIDTHS:
        raise VmmError(f"{text!r}: {width} is no width: {', '.join(WIDTHS)} are")
    register = where.startswith(REGISTER)
    width = width or ("u64" if register else "u32")
    size, signed = WIDTHS[width]
    value = int(number, 0)
    low, high = (-(1 << 8 * size - 1), 1 << 8 * size - 1) if signed else (0, 1 << 8 * size)
    if not low <= value < high:
        raise VmmError(f"{text!r}: {number} is no value of {width}")
    kind = lib.VMM_TERM_REGISTER if register else lib.VMM_TERM_MEMORY
    return Term(text, kind, where.removeprefix(REGISTER), size, signed, RELATIONS[relation], value & (1 << 64) - 1)


def put(plan: Any, known: Sequence[Term], machine: Machine) -> None:
    """Into a `vmm_plan`; VmmError for a location or register that is none, and for too many of them."""
    phrases = list(dict.fromkeys(each.where.encode() for each in known if each.kind == lib.VMM_TERM_SENT))
    for what, count, most in (("checks", len(known), lib.VMM_MAX_TERMS), ("texts", len(phrases), lib.VMM_MAX_PHRASES)):
        if count > most:
            raise VmmError(f"{count} {what} to be looked at: there are at most {most}")
    plan.terms, plan.phrases = len(known), len(phrases)
    for number, phrase in enumerate(phrases):
        plan.phrase[number].length = len(phrase)
        plan.phrase[number].bytes[0 : len(phrase)] = list(phrase)
    for number, term in enumerate(known):
        raw = plan.term[number]
        raw.kind, raw.size, raw.is_signed = term.kind, term.size, term.signed
        raw.relation, raw.value = term.relation, term.value
        if term.kind == lib.VMM_TERM_REGISTER:
            raw.at = machine.cpu.number(term.where)
        elif term.kind == lib.VMM_TERM_SENT:
            raw.at = phrases.index(term.where.encode())
        else:
            raw.at = _address(term, machine)


def _address(term: Term, machine: Machine) -> int:
    try:
        return machine.address(term.where)
    except VmmError:
        if term.kind == lib.VMM_TERM_MEMORY and term.where in list(machine.cpu):
            raise VmmError(f"{term.text!r}: no symbol {term.where!r}; the register is {REGISTER}{term.where}") from None
        raise
