"""What a guest leaves behind where it stands: registers, instructions, the last events."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple, TextIO

from vmm.arch import named
from vmm.arch.architecture import Dump
from vmm.arch.vcpu import Vcpu
from vmm.core.stops import Stop
from vmm.errors import VmmError
from vmm.machine.machine import Machine
from vmm.trace.words import describe

INSTRUCTIONS = 8
EVENTS = 8
PAGE = 0x1000


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
    dump = named(machine.architecture).dump()
    for cpu in machine.cpus:
        of = f" of vCPU {cpu.index}" if len(machine.cpus) > 1 else ""
        if cpu.off:
            yield Section(f"vCPU {cpu.index} is off", [])
            continue
        yield Section(f"registers{of}", list(dump.registers(cpu)))
        yield Section(f"the last instructions{of} ({dump.code(cpu)})", list(instructions(machine, cpu, dump)))
        if ahead:
            yield Section(f"the next instructions{of}", list(_coming(machine, cpu, dump, ahead)))
    yield Section("the last events", list(_events(machine)))


def instructions(machine: Machine, cpu: Vcpu, dump: Dump) -> Iterator[str]:
    """The last ones begun, as memory and the vCPU's mode are now."""
    disassembler = dump.disassembler(cpu)
    for address in cpu.recent()[-INSTRUCTIONS:]:
        text, _ = decoded(disassembler, cpu, address, dump.LONGEST)
        yield f"{text:40}{machine.where(address)}"


def _coming(machine: Machine, cpu: Vcpu, dump: Dump, count: int) -> Iterator[str]:
    """Those from the program counter on, as far as they can be decoded."""
    disassembler, address = dump.disassembler(cpu), cpu.pc
    for _ in range(count):
        text, size = decoded(disassembler, cpu, address, dump.LONGEST)
        yield f"{text:40}{machine.where(address)}"
        if not size:
            return
        address += size


def decoded(disassembler: Any, cpu: Vcpu, address: int, longest: int) -> tuple[str, int]:
    """An instruction and its size in bytes; 0 for what is none."""
    code = _fetch(cpu, address, longest)
    decoded = next(disassembler.disasm_lite(code, address, 1), None)
    if decoded is None:
        return ("(bad)" if code else "(not mapped)"), 0
    _, size, name, operands = decoded
    return f"{name} {operands}".strip(), size


def _fetch(cpu: Vcpu, address: int, longest: int) -> bytes:
    """The bytes of one instruction at most; fewer where the next page is not mapped."""
    for size in (longest, min(longest, PAGE - address % PAGE)):
        try:
            return cpu.read(address, size)
        except VmmError:
            continue
    return b""


def _events(machine: Machine) -> Iterator[str]:
    for event in machine.trace.last(EVENTS):
        cpu = f"vCPU {event.vcpu}, " if len(machine.cpus) > 1 else ""
        yield f"{cpu}insn {event.insns}: {describe(event, machine)}"
