"""Looking on changes nothing: a random guest's run, and the same run looked at in every way there is.

Each case of `fuzz_cases` runs whole, then again in slices, single steps and so on; one state, one hash and one console
must come of all of them.
"""

from __future__ import annotations

import io
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple, TextIO

import fuzz_x86
from fuzz_cases import KINDS, Outcome, fingerprint
from fuzz_noise import Found, Kind, Noise

from vmm import NextBoundary
from vmm.arch.x86.vcpu import SEGMENTS, X86
from vmm.errors import VmmError
from vmm.machine.config import Config
from vmm.machine.machine import Machine, accesses_of, collected_of
from vmm.replayer.player import replay
from vmm.sources import bundled

INSTRUCTIONS, VIRTUAL_NS = 1_500, 20_000_000
"""Bounds of one run."""

DERIVED = ("cpu mask", "shadow", "ppi", "held", "vain", "work", "state set", "nmi mask", "pin state")
"""Events that are there only while somebody records, and are not part of the hash."""

PLACEHOLDERS = {"x86": "x86/hello", "arm64": "arm64/hello", "arm": "arm/hello"}
"""A recording begins with an image; noise then takes its place."""


class Run(NamedTuple):
    """One run of a case."""

    machine: Machine
    printed: bytearray
    chance: Noise
    """Of the way that it is looked at, and no other."""


Advance = Callable[[Run, int], bool]
"""Run to a count of instructions; False where the machine ended before."""


class Difference(Found):
    """A run that was looked at is another one."""


class Case(NamedTuple):
    """One guest and what happens to it."""

    seed: int
    number: int

    @property
    def kind(self) -> Kind:
        return KINDS[self.number // 2 % len(KINDS)]

    def run(self, advance: Advance, folder: Path | None = None, gear: str = Config.gear) -> dict[str, object]:
        """Everything that can be seen of the machine at the end; a recording of it in `folder`. VmmError where the
        loader refuses the guest.
        """
        name, printed = f"{self.seed}/{self.number}", bytearray()
        chance = self.kind.noise(name)
        config = self.kind.configure(chance)
        machine = Machine(Config(**{**config.plain(), "console": printed.extend, "gear": gear}))  # type: ignore[arg-type]
        one = Run(machine, printed, Noise(f"looking {name}"))
        if self.kind.prepare is fuzz_x86.image_with_noise:
            self.go(one, chance, advance)
        else:
            machine.load(bundled() / PLACEHOLDERS[machine.architecture] / "hello.elf")
            with machine.recording(folder / "run.vmmrec" if folder else None):
                self.go(one, chance, advance)
        return seen(machine, printed)

    def go(self, run: Run, chance: Noise, advance: Advance) -> None:
        machine = run.machine
        self.kind.prepare(machine, chance, self.number % 2 == 1)
        machine.limit(insns=INSTRUCTIONS, virtual_ns=VIRTUAL_NS)
        for _ in range(chance.randrange(4)):
            if not advance(run, machine.instructions + chance.choice((1, 10, 100))):
                return
            self.kind.stimulate(machine, chance)
        advance(run, INSTRUCTIONS + 1)


def seen(machine: Machine, printed: bytes | bytearray) -> dict[str, object]:
    """All of a machine, by name."""
    return {
        "hash": machine.trace.hash,
        "events": [event for event in machine.trace.last(4096) if event.kind not in DERIVED],
        "statistics": list(machine.trace.interrupts()),
        "guest errors": (machine.trace.guest_errors, machine.trace.first_guest_errors()),
        "instructions": machine.instructions,
        "time": machine.now_ns,
        "stop": machine.stop,
        "console": bytes(printed),
        "fingerprint": fingerprint(machine),
        **{f"vCPU {index}": vcpu(cpu) for index, cpu in enumerate(machine.cpus)},
        "RAM": _Memory(machine),
    }


def vcpu(cpu: Any) -> tuple[object, ...]:
    own: tuple[object, ...] = (cpu.count, cpu.pc, cpu.halted, cpu.off, cpu.recent(), {name: cpu[name] for name in cpu})
    if isinstance(cpu, X86):
        return (*own, cpu.shadow, cpu.nmi_blocked, cpu.cpl, [cpu.segment(name) for name in SEGMENTS])
    return (*own, cpu.pstate, cpu.it_state)


class _Memory:
    """The lower part of RAM, compared by contents and told by where it differs."""

    def __init__(self, machine: Machine) -> None:
        memory = machine.memory
        self.bytes = memory.read(memory.base, min(memory.size, fuzz_x86.SMALL))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Memory) and self.bytes == other.bytes

    def __repr__(self) -> str:
        return "RAM"


# ---- ways to look ----


def whole(run: Run, to: int) -> bool:
    return run.machine.run(insns=to - run.machine.instructions).reason == "count"


def _sliced(sizes: tuple[int, ...], between: Callable[[Run], None]) -> Advance:
    def advance(run: Run, to: int) -> bool:
        while (left := to - run.machine.instructions) > 0:
            if run.machine.run(insns=min(left, run.chance.choice(sizes))).reason != "count":
                return False
            between(run)
        return True

    return advance


def _nothing(run: Run) -> None:
    pass


def _there_and_back(run: Run) -> None:
    """On for a while, spoil what is left, and back; what was printed stays printed."""
    machine, before = run.machine, len(run.printed)
    snapshot = machine.snapshot()
    machine.run(insns=run.chance.choice((1, 7, 200)))
    machine.memory.write(machine.memory.base, b"\xa5" * 0x1000)
    name = "rip" if machine.architecture == "x86" else "pc"
    machine.cpu[name] = machine.cpu[name] ^ 0x40
    machine.restore(snapshot)
    del run.printed[before:]


def _look(run: Run) -> None:
    """All that a debugger shows."""
    machine = run.machine
    seen(machine, run.printed)
    machine.where(machine.cpu.pc)
    machine.findings()
    for cpu in machine.cpus:
        with suppress(VmmError):  # nothing is mapped there
            cpu.read(cpu.pc, 16)


def told_accesses(run: Run, to: int) -> bool:
    """Somebody is told of each load and store."""
    with accesses_of(run.machine):
        return whole(run, to)


def watched(run: Run, to: int) -> bool:
    """A scenario that is asked at each boundary, an observer that is told each event."""

    async def watch(m: Machine) -> None:
        while True:
            await NextBoundary()

    if not run.machine.waiting:
        run.machine.trace.observe(lambda event: None)
        run.machine.start(watch)
    return whole(run, to)


def covered(run: Run, to: int) -> bool:
    """Each instruction is kept for a map, and each delivery."""
    collected_of(run.machine).begin()
    more = whole(run, to)
    collected_of(run.machine).end()
    return more


WAYS: dict[str, Advance] = {
    "again": whole,
    "in single steps": _sliced((1,), _nothing),
    "in slices": _sliced((1, 1, 2, 3, 5, 17, 100, 1000), _nothing),
    "with snapshots": _sliced((3, 17, 50, 100), _there_and_back),
    "looked at": _sliced((2, 11, 60, 100), _look),
    "watched": watched,
    "covered": covered,
    "with accesses told": told_accesses,
}


def compare(expected: dict[str, object], actual: dict[str, object], how: str) -> None:
    differs = [told(name, expected[name], actual[name]) for name in expected if expected[name] != actual[name]]
    if differs:
        raise Difference(f"{how}, it is another run\n    " + "\n    ".join(differs))


def told(name: str, expected: object, actual: object) -> str:
    """The first part that differs, of what has parts."""
    if isinstance(expected, dict) and isinstance(actual, dict):
        name, *parts = next(
            (f"{name} {key}", expected[key], actual[key]) for key in expected if expected[key] != actual[key]
        )
        return told(name, *parts)
    if isinstance(expected, list | tuple) and isinstance(actual, list | tuple):
        for index, (one, other) in enumerate(zip(expected, actual, strict=False)):
            if one != other:
                return told(f"{name} {index}", one, other)
        return f"{name}: {len(expected)}, not {len(actual)}"
    return f"{name}: {expected}, not {actual}"


def run(seed: int, number: int, report: TextIO | None = None) -> Outcome:
    """Run case `number` in all ways, and write their names into `report`; Difference where two differ."""
    case = Case(seed, number)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        try:
            first = case.run(whole, folder)
        except VmmError:
            if case.kind.prepare is not fuzz_x86.image_with_noise:
                raise
            return Outcome(number, case.kind.name, "refused", "")
        for name, advance in WAYS.items():
            print(name, file=report or io.StringIO(), flush=True)
            compare(first, case.run(advance), name)
        tape = folder / "run.vmmrec"
        if tape.exists():
            printed = bytearray()
            played = replay(tape, console=printed.extend)
            while not played.finished:
                played.run()
            again = seen(played.machine, printed)
            compare({**first, "stop": None}, {**again, "stop": None}, "replayed")
    return Outcome(number, case.kind.name, first["stop"].reason, str(first["fingerprint"]))  # type: ignore[attr-defined]
