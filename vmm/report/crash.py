"""What a guest leaves behind where it stands: registers, instructions, frames of handlers, the last events."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import NamedTuple, TextIO

from vmm.arch import named
from vmm.arch.architecture import Field
from vmm.arch.cpus import Cpu
from vmm.core.stops import Stop
from vmm.disassembly import Disassembler, Instruction
from vmm.machine.machine import Machine
from vmm.trace.words import interrupt

INSTRUCTIONS = 8
EVENTS = 8
NEAR = 3
"""Instructions before and behind the place where a run stands that did not go wrong."""
WITH_CODE = frozenset({"delivered", "guest error"})
"""Kinds of events that are about an instruction."""


def is_crash(stop: Stop) -> bool:
    """Whether the guest went wrong, and not just to its end: idle counts where it masked what could wake it."""
    return stop.reason in ("shutdown", "unmapped", "engine") or (stop.reason == "idle" and stop.code != 0)


class Section(NamedTuple):
    """A title and the lines below it."""

    title: str
    lines: list[str]


def show(machine: Machine, file: TextIO) -> None:
    """Print all of it."""
    _print(sections(machine), file)


def show_place(machine: Machine, file: TextIO) -> None:
    """Print the code around the place where each vCPU stands, and the frames of handlers under way."""
    _print(_places(machine), file)


def _print(sections: Iterable[Section], file: TextIO) -> None:
    for title, lines in sections:
        print(f"{title}:" if lines else title, *(f"  {line}" for line in lines), sep="\n", file=file)


def sections(machine: Machine, ahead: int = 0) -> Iterator[Section]:
    """All of it, and of each vCPU the instructions that come next, `ahead` at most."""
    dump, disassembler = named(machine.architecture).dump(), Disassembler(machine.architecture)
    for cpu in machine.cpus:
        of = f" of vCPU {cpu.index}" if len(machine.cpus) > 1 else ""
        if cpu.off:
            yield Section(f"vCPU {cpu.index} is off", [])
            continue
        yield Section(f"registers{of}", list(dump.registers(cpu)))
        yield Section(f"the last instructions{of} ({dump.code(cpu)})", list(instructions(machine, cpu, disassembler)))
        if ahead:
            yield Section(f"the next instructions{of}", list(_coming(machine, cpu, disassembler, ahead)))
        yield from _frames(machine, cpu, of)
    yield Section("the last events", list(_events(machine)))


def _places(machine: Machine) -> Iterator[Section]:
    dump, disassembler = named(machine.architecture).dump(), Disassembler(machine.architecture)
    for cpu in machine.cpus:
        if cpu.off:
            continue
        of = f" of vCPU {cpu.index}" if len(machine.cpus) > 1 else ""
        begun = [f"   {text}" for text in instructions(machine, cpu, disassembler, NEAR)]
        coming = [f"{'   ' if n else '=> '}{text}" for n, text in enumerate(_coming(machine, cpu, disassembler, NEAR))]
        yield Section(f"the code{of} where it stands ({dump.code(cpu)})", [*begun, *_shadow(cpu), *coming])
        yield from _frames(machine, cpu, of)


def _shadow(cpu: Cpu) -> Iterator[str]:
    kind = getattr(cpu, "shadow", None)
    if kind:
        yield f"   shadow of {kind.upper()}: no interrupt before the next"


def _frames(machine: Machine, cpu: Cpu, of: str) -> Iterator[Section]:
    """Of the handlers under way, the innermost first; in registers only that one's can be told."""
    dump = named(machine.architecture).dump()
    for n, event in enumerate(machine.trace.under_way(cpu.index, len(cpu.handlers()))):
        what = interrupt(event.number, event.source, machine)
        fields = [field for field in dump.frame(cpu, event) if not n or field.at is not None]
        if fields:
            yield Section(f"the frame of {what}{of}", [_field(machine, field) for field in fields])


def _field(machine: Machine, field: Field) -> str:
    value = "(not mapped)" if field.value is None else f"{field.value:0{2 * field.size}x}"
    at = "" if field.at is None else f" at {field.at:#x}"
    leads = f"  {machine.where(field.value)}" if field.leads and field.value is not None else ""
    changed = field.delivered is not None and field.value not in (None, field.delivered)
    return f"{field.name:>10} {value}{at}{leads}{f', was {field.delivered:#x}' if changed else ''}"


def instructions(machine: Machine, cpu: Cpu, disassembler: Disassembler, count: int = INSTRUCTIONS) -> Iterator[str]:
    """The last ones begun, as memory and the vCPU's mode are now."""
    for address in cpu.recent()[-count:]:
        yield _line(machine, disassembler.at(cpu, address))


def _coming(machine: Machine, cpu: Cpu, disassembler: Disassembler, count: int) -> Iterator[str]:
    """Those from the program counter on, as far as they can be decoded."""
    return (_line(machine, each) for each in islice(disassembler.ahead(cpu, cpu.pc), count))


def _line(machine: Machine, instruction: Instruction) -> str:
    return f"{instruction.text:39} {machine.where(instruction.address)}"


def _events(machine: Machine) -> Iterator[str]:
    for event in machine.trace.last(EVENTS):
        cpu = f"vCPU {event.vcpu}, " if len(machine.cpus) > 1 else ""
        yield f"{cpu}insn {event.insns}: {machine.trace.describe(event, code=event.kind in WITH_CODE)}"
