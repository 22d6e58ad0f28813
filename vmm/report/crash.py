"""What a guest leaves behind where it stands: registers, instructions, the last events."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple, TextIO

from vmm.arch import named
from vmm.arch.cpus import Cpu
from vmm.core.stops import Stop
from vmm.disassembly import Disassembler, Instruction
from vmm.machine.machine import Machine
from vmm.trace.words import describe

INSTRUCTIONS = 8
EVENTS = 8


def is_crash(stop: Stop) -> bool:
    """Whether the guest went wrong, and not just to its end: idle counts where it masked what could wake it."""
    return stop.reason in ("shutdown", "unmapped", "engine") or (stop.reason == "idle" and stop.code != 0)


class Section(NamedTuple):
    """A title and the lines below it."""

    title: str
    lines: list[str]


def show(machine: Machine, file: TextIO) -> None:
    """Print all of it."""
    for title, lines in sections(machine):
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
    yield Section("the last events", list(_events(machine)))


def instructions(machine: Machine, cpu: Cpu, disassembler: Disassembler) -> Iterator[str]:
    """The last ones begun, as memory and the vCPU's mode are now."""
    for address in cpu.recent()[-INSTRUCTIONS:]:
        yield _line(machine, disassembler.at(cpu, address))


def _coming(machine: Machine, cpu: Cpu, disassembler: Disassembler, count: int) -> Iterator[str]:
    """Those from the program counter on, as far as they can be decoded."""
    return (_line(machine, each) for each in islice(disassembler.ahead(cpu, cpu.pc), count))


def _line(machine: Machine, instruction: Instruction) -> str:
    return f"{instruction.text:40}{machine.where(instruction.address)}"


def _events(machine: Machine) -> Iterator[str]:
    for event in machine.trace.last(EVENTS):
        cpu = f"vCPU {event.vcpu}, " if len(machine.cpus) > 1 else ""
        yield f"{cpu}insn {event.insns}: {describe(event, machine)}"
