"""What stimuli do to a machine, by the instructions at which they do it."""

from __future__ import annotations

from vmm.machine.machine import Machine

from .irq5_guest import machine

MASKED_FLAGS = 0
"""IF = 0: pulses are made, and nothing else happens."""


def watched(m: Machine) -> list[tuple[int, str, int, int]]:
    """Fills with what stimuli do: instructions begun before, "stimulus" or "line", number, value."""
    seen: list[tuple[int, str, int, int]] = []

    def note(event):
        if event.kind == "stimulus" or event.source == "stimulus":
            seen.append((event.insns, event.kind, event.number, event.value))

    m.trace.observe(note)
    return seen


def acts(m: Machine, *started, insns: int = 200) -> list[int]:
    """The instruction counts at which a machine's stimuli act."""
    seen = watched(m)
    for target, stimulus, options in started:
        m.stimulate(target, stimulus, **options)
    m.run(insns=insns)
    return [at for at, kind, *_ in seen if kind == "stimulus"]


def on_irq5(stimulus, flags=MASKED_FLAGS, insns=200, **options) -> list[int]:
    m = machine(flags=flags)
    return acts(m, (m.irq(5), stimulus, options), insns=insns)
