"""What a crashed guest leaves behind: registers, the last instructions, the last events."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import Any, TextIO

from vmm.cpu.processors import Cpu
from vmm.errors import VmmError
from vmm.machine import Machine
from vmm.stops import Stop
from vmm.trace.words import describe

INSTRUCTIONS = 8
EVENTS = 8
PAGE = 0x1000

HOMES = {"x86": "vmm.cli.postmortem_x86", "arm": "vmm.cli.postmortem_arm", "arm64": "vmm.cli.postmortem_arm"}
"""Of each architecture the module with `registers`, `code`, `disassembler` and `LONGEST`."""


def is_crash(stop: Stop) -> bool:
    """Whether the guest went wrong, and not just to its end: idle counts where it masked what could wake it."""
    return stop.reason in ("shutdown", "unmapped", "engine") or (stop.reason == "idle" and stop.code != 0)


def show(machine: Machine, file: TextIO) -> None:
    """Print all of it."""
    home = import_module(HOMES[machine.architecture])
    for cpu in machine.cpus:
        of = f" of vCPU {cpu.index}" if len(machine.cpus) > 1 else ""
        if cpu.off:
            print(f"vCPU {cpu.index} is off", file=file)
            continue
        _section(f"registers{of}", home.registers(cpu), file)
        _section(f"the last instructions{of} ({home.code(cpu)})", instructions(machine, cpu, home), file)
    _section("the last events", _events(machine), file)


def _section(title: str, lines: Iterator[str], file: TextIO) -> None:
    print(f"{title}:", *(f"  {line}" for line in lines), sep="\n", file=file)


def instructions(machine: Machine, cpu: Cpu, home: Any) -> Iterator[str]:
    """The last ones begun, as memory and the vCPU's mode are now."""
    disassembler = home.disassembler(cpu)
    for address in cpu.recent()[-INSTRUCTIONS:]:
        code = _fetch(cpu, address, home.LONGEST)
        decoded = next(disassembler.disasm_lite(code, address, 1), None)
        text = " ".join(decoded[2:]).strip() if decoded else "(bad)" if code else "(not mapped)"
        yield f"{text:40}{machine.where(address)}"


def _fetch(cpu: Cpu, address: int, longest: int) -> bytes:
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
