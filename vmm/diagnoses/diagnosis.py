"""What a diagnosis is: a rule, the events it wants, and what it concludes when they are over."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from vmm.arch import named
from vmm.core.event import Event
from vmm.trace.words import Teller

if TYPE_CHECKING:
    from vmm.core.stops import Stop
    from vmm.diagnoses.books import Books
    from vmm.findings.finding import Finding
    from vmm.trace import Trace

__all__ = ["Diagnosis", "Evidence", "Looked", "Verdict", "is_x86"]

CERTAIN, LIKELY = "certain", "likely"
SHOWN = 4
"""Pieces of evidence of one verdict that people are told; programs have all."""


@dataclass(frozen=True)
class Evidence:
    """What a verdict stands on: `words` of instruction `insns` of the run, at a place that `where` says."""

    insns: int
    vcpu: int
    where: str
    """Address, symbol and source line."""
    words: str

    def __str__(self) -> str:
        return f"insn {self.insns}, {self.where}: {self.words}"


@dataclass(frozen=True)
class Verdict:
    """One thing that went wrong; `str` of it is the sentence."""

    diagnosis: str
    """Whose it is, by name."""
    text: str
    evidence: tuple[Evidence, ...]
    """In the order of the run; the first is the guilty place."""
    confidence: str = CERTAIN
    """ "certain": there is no other reading of the events; "likely": a guest may mean it so."""

    @property
    def certain(self) -> bool:
        return self.confidence == CERTAIN

    def __str__(self) -> str:
        return self.text


def certain_first(verdicts: Iterable[Verdict]) -> list[Verdict]:
    """As people are told them."""
    return sorted(verdicts, key=lambda each: not each.certain)


class Verdicts(list[Verdict]):
    """A list of them, which a notebook shows with their evidence."""

    def _repr_html_(self) -> str:
        from vmm.diagnoses.notebook import verdicts

        return verdicts(self)


class Patient(Teller, Protocol):
    """What a diagnosis may ask of the machine, which stands where the run ended."""

    @property
    def instructions(self) -> int: ...

    @property
    def now_ns(self) -> int: ...

    @property
    def cpus(self) -> Sequence[Any]:
        """Each with its `pc`, whether it is `halted`, `read` as a debugger, and the `bits` of its code."""

    @property
    def address(self) -> Callable[[str], int]:
        """Of a symbol; VmmError where there is none."""

    @property
    def trace(self) -> Trace: ...

    @property
    def insn_ns(self) -> int: ...

    @property
    def stop(self) -> Stop: ...

    @property
    def board(self) -> Any:
        """Its `line_names` and `devices`."""

    @property
    def read(self) -> Callable[[int | str, int], bytes]: ...

    @property
    def findings(self) -> Callable[..., list[Finding]]: ...


@dataclass(frozen=True)
class Budget:
    """What a user allows: so many instructions, or nanoseconds of virtual time. Neither: what `text` names."""

    insns: int | None = None
    ns: int | None = None
    text: str = ""
    """As it was written."""

    def is_over(self, insns: int, ns: int) -> bool:
        """So many instructions, in so much time, are more than it allows."""
        return ns > self.ns if self.ns is not None else insns > (self.insns or 0)

    def in_insns(self, insn_ns: int) -> int:
        """In instructions of `insn_ns` nanoseconds each."""
        return self.insns if self.insns is not None else (self.ns or 0) // insn_ns


def is_x86(patient: Patient) -> bool:
    """As `Architecture.has_vectors`."""
    return named(patient.architecture).has_vectors


class Diagnosis:
    """The base of them all: made for each look at a run, then shown its events in order, then asked."""

    RULE: ClassVar[str]
    """What it looks for, and what makes it certain: for `vmm diagnose --list`."""
    WANTS: ClassVar[Sequence[str]] = ()
    """Kinds of events (`vmm help events`) that it is shown itself."""
    EACH: ClassVar[bool] = False
    """It counts interrupts: none may be left out."""
    COMPARES: ClassVar[bool] = False
    """It asks what handlers interrupted, or wants the events of what they changed."""
    GUARDS: ClassVar[Sequence[str]] = ()
    """Symbols; it is told of stores to the word at the first that there is."""
    BUDGET: ClassVar[str] = ""
    """What its budget is of; empty: it takes none."""
    ENDS: ClassVar[Sequence[str]] = ()
    """The only reasons of a stop after which it has anything to say; empty: any."""
    NEEDED: ClassVar[bool] = False
    """It says nothing without one."""
    SYMBOL: ClassVar[bool] = False
    """That is a symbol of the guest's, and no number."""
    stop: Stop
    """Why the run has ended, when it is asked for verdicts."""

    def __init__(self, name: str, patient: Patient, budget: Budget | None, books: Books) -> None:
        """It asks for those of `books` that it reads: what is entered there is there when it is shown an event."""
        self.name, self._patient, self._budget = name, patient, budget
        self._x86 = is_x86(patient)

    def lacks(self) -> str:
        """Empty; else why it cannot say anything of this machine, or of anything without its budget."""
        needs = f"it needs a budget: {self.name}={self.BUDGET}" if self.NEEDED and self._budget is None else ""
        return needs or self.applies()

    def applies(self) -> str:
        """Empty; else why it cannot say anything of this machine."""
        return ""

    def see(self, event: Event) -> None:
        """The next one of those it wants."""

    def verdicts(self) -> Iterator[Verdict]:
        """The run is over, or stands: what went wrong, by when it did."""
        raise NotImplementedError

    def figures(self) -> Iterator[str]:
        """What it measured, a line each; of one that has a budget, for others measure nothing to be told."""
        return iter(())

    def evidence(self, event: Event, words: str) -> Evidence:
        """Of an event, at its place."""
        return self.at(event, event.linear, words)

    def at(self, event: Event, linear: int, words: str) -> Evidence:
        """Of an event, at another place than its own."""
        return Evidence(event.insns, event.vcpu, self._patient.where(linear), words)

    def number(self, event: Event) -> str:
        """As a sentence names the number of an interrupt."""
        return f"vector {event.number:#04x}" if self._x86 else f"INTID {event.number}"

    def interrupt(self, delivered: Event) -> str:
        """As a sentence names the interrupt of a delivery."""
        return f"{self.number(delivered)} ({delivered.source})"

    def verdict(self, text: str, *evidence: Evidence, confidence: str = CERTAIN) -> Verdict:
        """Of this diagnosis."""
        return Verdict(self.name, text, evidence, confidence)


@dataclass(frozen=True)
class Looked:
    """What a look at a run gave."""

    verdicts: list[Verdict]
    figures: dict[str, list[str]]
    """By diagnosis."""
    note: str = ""
    """What was not looked at."""
