"""What the guest did wrong and no exception told it about: how often, and the first few in words."""

from __future__ import annotations

from typing import TextIO

from vmm.disassembly import Disassembler
from vmm.machine.machine import Machine
from vmm.trace.words import guest_error


def show(machine: Machine, file: TextIO) -> None:
    """Print them, if there were any."""
    count, first = machine.trace.guest_errors, machine.trace.first_guest_errors()
    if not count:
        return
    partly = f", the first {len(first)}" if count > len(first) else ""
    print(f"{count} guest error{'s' * (count > 1)}{partly}:", file=file)
    disassembler = Disassembler(machine.architecture)
    for event in first:
        code = disassembler.of(event, machine.cpus[event.vcpu]).text
        print(f"  insn {event.insns}: {guest_error(event, machine)} at {machine.where(event.pc)}: {code}", file=file)
