"""Runs of one guest in either gear, as far as a gear might change them."""

from __future__ import annotations

from pathlib import Path

from vmm.casebook.case import Asked
from vmm.cli.scripted import load
from vmm.machine.machine import Machine, boot

FAST, PRECISE = "fast", "precise"


def seen(machine: Machine) -> dict[str, object]:
    """All that a gear might change."""
    return {
        "hash": machine.trace.hash,
        "instructions": machine.instructions,
        "time": machine.now_ns,
        "stop": machine.stop,
        **{
            f"vCPU {cpu.index}": (cpu.count, cpu.pc, cpu.recent(), {name: cpu[name] for name in cpu})
            for cpu in machine.cpus
        },
    }


def run(image: str | Path, gear: str, slices: list[int]) -> dict[str, object]:
    """So many instructions, one slice after another."""
    printed = bytearray()
    machine = boot(image, gear=gear, console=printed.extend)
    assert machine.gear == gear
    for insns in slices:
        if machine.run(insns=insns).reason != "count":
            break
    return {**seen(machine), "stop": str(machine.stop), "console": bytes(printed)}


def play(asked: Asked, gear: str, insns: int) -> dict[str, object]:
    """A case of the casebook, with the scenario that belongs to it."""
    printed = bytearray()
    machine = boot(asked.image, gear=gear, console=printed.extend)
    assert machine.gear == gear
    if asked.case.scenario:
        load(asked.case.scenario).start(machine)
    machine.run(insns=insns)
    return {**seen(machine), "stop": str(machine.stop), "console": bytes(printed)}
