"""Every vCPU sleeps, and nothing has woken one: since when, what would, and what came in vain."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from vmm.findings.finding import Finding
from vmm.findings.standing import Controller, Standing, some
from vmm.quantities import in_words


def find(at: Standing, controllers: Sequence[Controller]) -> Iterator[Finding]:
    on = [cpu for cpu in at.cpus if not cpu.off]
    if not at.native.asleep or not all(cpu.halted for cpu in on):
        return
    if len(on) == 1 and at.now_ns == at.native.asleep_since and any(each.deaf(at, on[0].index) for each in controllers):
        return  # the stop itself says that nothing can wake it
    for cpu in on:
        yield Finding("asleep", f"{_since(at, cpu)}; {_would(at, controllers, cpu.index)}", False)
    if came := _in_vain(at, controllers):
        yield Finding("asleep", f"meanwhile {came}, and woke nobody", False)


def _since(at: Standing, cpu: Any) -> str:
    asleep = at.now_ns - at.native.asleep_since
    time = f" for {in_words(asleep)} of virtual time, and nothing has woken it" if asleep else ""
    return f"vCPU {cpu.index} sleeps at {at.where(cpu.recent()[-1] if cpu.count else cpu.pc)}{time}"


def _would(at: Standing, controllers: Sequence[Controller], vcpu: int) -> str:
    deaf = [said for controller in controllers if (said := controller.deaf(at, vcpu))]
    if deaf:
        return " and ".join(deaf)
    sources = [source for controller in controllers for source in controller.sources(at, vcpu)]
    return f"it would wake for {some(sources)}" if sources else "nothing that would wake it is enabled"


def _in_vain(at: Standing, controllers: Sequence[Controller]) -> str:
    """Lines that rose since then, as far as that was kept."""
    events = [event for event in at.past.events if event.ns >= at.native.asleep_since]
    rose = Counter(event.number for event in events if event.kind == "line" and event.value and event.number < at.irqs)
    least = "at least " if at.past.beginning and len(events) == len(at.past.events) else ""
    return some([f"{_named(at, controllers, line)} came {least}{_times(rose[line])}" for line in sorted(rose)])


def _named(at: Standing, controllers: Sequence[Controller], line: int) -> str:
    """With where it is masked."""
    masks = [where for controller in controllers if (where := controller.mask(at, line))]
    return f"{at.lines[line]} (masked at {some(masks)})" if masks else at.lines[line]


def _times(count: int) -> str:
    return {1: "once", 2: "twice"}.get(count, f"{count} times")
