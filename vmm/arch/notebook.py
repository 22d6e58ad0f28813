"""A vCPU as a notebook shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vmm.arch import named
from vmm.shown.elements import name, number, picture, table, text

if TYPE_CHECKING:
    from vmm.arch.vcpu import Vcpu

HANDLER = ("interrupted at", "its stack pointer", "begun at instruction")
TIMER = ("timer", "enabled", "masked", "due", "in ticks")


def vcpu(of: Vcpu) -> str:
    """Registers, timers of its own, handlers under way."""
    title = f"vCPU {of.index}, {of.arch}, {of.count} instructions"
    if of.off:
        return picture(f"{title}, off")
    architecture = named(of.arch)
    parts = [text("\n".join(architecture.dump().registers(of)))]
    if timers := list(of.timers()):
        parts += [name("timers"), table(TIMER, timers)]
    if under_way := of.handlers():
        words = architecture.words()
        addresses = ([number(address, of.bits) for address in (each.pc, each.sp)] for each in under_way)
        numbers = (words.number(each.number, "") for each in under_way)
        rows = [(n, *at, each.begun) for n, at, each in zip(numbers, addresses, under_way, strict=True)]
        parts += [name("handlers under way, the innermost last"), table((architecture.number, *HANDLER), rows)]
    return picture(f"{title}, at {of.pc:#x}, {of.state}{', halted' * of.halted}", *parts)
