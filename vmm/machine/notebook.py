"""A machine as a notebook shows it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from vmm.arch.vcpu import Vcpu
from vmm.catalog import title_of
from vmm.disassembly import Disassembler
from vmm.errors import VmmError
from vmm.quantities import in_words
from vmm.shown.elements import code, facts, name, picture, table, text

if TYPE_CHECKING:
    from vmm.machine.machine import Machine

CPU = ("vCPU", "at", "next", "instructions", "state")


def machine(of: Machine) -> str | None:
    """Where it stands, and what is the matter there; None while another thread runs it."""
    try:
        found = of.findings()
    except VmmError:
        return None
    image = title_of(of.source.image) if of.source else "without an image"
    parts = [facts(_facts(of)), table(CPU, [_cpu(of, each) for each in of.cpus])]
    if found:
        parts += [name("interrupts"), facts((each.kind, each) for each in found)]
    return picture(f"{image} on {of.config.board}", *parts)


def screen(rows: Sequence[str]) -> str:
    """As a display has it, to the last row with something in it."""
    written = "\n".join(rows).rstrip("\n")
    return picture("the display" if written else "nothing is on the display", *([text(written)] if written else []))


def _facts(of: Machine) -> Iterator[tuple[str, object]]:
    yield "stopped", of.stop
    yield "instructions", of.instructions
    yield "virtual time", in_words(of.now_ns)
    yield "trace", code(of.trace.hash)
    if of.waiting:
        yield "scenarios that wait", "; ".join(of.waiting)


def _cpu(of: Machine, cpu: Vcpu) -> tuple[object, ...]:
    if cpu.off:
        return cpu.index, None, None, cpu.count, "off"
    instruction = code(Disassembler(of.architecture).at(cpu, cpu.pc).text)
    return cpu.index, of.where(cpu.pc), instruction, cpu.count, cpu.state + ", halted" * cpu.halted
