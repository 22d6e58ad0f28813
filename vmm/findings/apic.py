"""Local APICs and the IOAPIC: what is in service, what requests, and why it is not taken (SDM vol. 3A chapter 11)."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from vmm.core.event import Event
from vmm.core.native import lib
from vmm.findings.past import Fits
from vmm.findings.standing import End, Request, Service, Standing, some
from vmm.intc.ioapic import IoApic
from vmm.intc.lapic import ENTRIES, LocalApic

IF = 1 << 9
CLASS = 0xF0
ISA_IRQS = 16
BARRED_BY_SVR = "its local APIC is disabled by software (SVR bit 8)"


def services(at: Standing) -> Iterator[Service]:
    for cpu in range(len(at.cpus)):
        for vector in sorted(_lapic(at, cpu).isr, reverse=True):
            acknowledged = partial(_event, "acknowledged", vector, cpu)
            yield at.service(_name(at, vector, cpu), vector, cpu, acknowledged, "an EOI at its local APIC")


def requests(at: Standing) -> Iterator[Request]:
    for cpu in range(len(at.cpus)):
        raised = lib.vmm_lapic_of(at.native.vcpus[cpu]).raised
        for vector in sorted(_lapic(at, cpu).irr, reverse=True):
            if (why := _why(at, vector, cpu)) is not None:
                text, behind, barred = why
                yield Request(_name(at, vector, cpu), raised[vector], text, behind, barred)
    yield from _levels(at)
    yield from _direct(at)


def _why(at: Standing, vector: int, cpu: int) -> tuple[str, str, bool] | None:
    lapic = _lapic(at, cpu)
    if not lapic.software_enabled:
        return BARRED_BY_SVR, "", True
    if vector & CLASS <= lapic.ppr & CLASS:
        highest = max(lapic.isr, default=0)
        if highest & CLASS >= vector & CLASS:
            return "", _name(at, highest, cpu), False
        return f"TPR is {lapic.tpr:#04x}, which holds back vectors up to {lapic.tpr | 0xF:#04x}", "", False
    return _interrupts_masked(at, [cpu])


def _interrupts_masked(at: Standing, cpus: list[int]) -> tuple[str, str, bool] | None:
    """None where one of them could take it, and is about to."""
    if any(at.cpus[cpu]["rflags"] & IF and not at.cpus[cpu].off for cpu in cpus):
        return None
    off = [f"vCPU {cpu}" for cpu in cpus if at.cpus[cpu].off]
    if off:
        return f"{some(off)} is off", "", False
    return f"interrupts are masked{at.on(cpus[0])} (IF is 0)", "", False


def _levels(at: Standing) -> Iterator[Request]:
    """Level-triggered pins that are asserted and have no request at a local APIC."""
    ioapic = IoApic(at.native)
    for line in range(at.irqs):
        pin = pin_of(at, line)
        if pin is None or not at.high(line) or not ioapic.pin(pin).level:
            continue
        entry = ioapic.pin(pin)
        lapics = [_lapic(at, cpu) for cpu in range(len(at.cpus))]
        if entry.masked:
            if line >= ISA_IRQS:  # else the 8259A pair tells of it
                yield Request(at.lines[line], at.native.lines[line].raised, "masked at the IOAPIC", barred=True)
        elif entry.remote_irr:
            if not any(entry.vector in lapic.irr | lapic.isr for lapic in lapics):
                why = f"its pin waits for the EOI of vector {entry.vector:#04x} (remote IRR), which none has in service"
                yield Request(at.lines[line], at.native.lines[line].raised, why)
        else:
            why = f"no local APIC accepts the IOAPIC's message to destination {entry.destination:#04x}"
            yield Request(at.lines[line], at.native.lines[line].raised, why)


def _direct(at: Standing) -> Iterator[Request]:
    """What reaches a vCPU past every controller: NMIs, and what a script injects."""
    for cpu in at.cpus:
        raw, whose = at.native.vcpus[cpu.index], at.whose(cpu.index)
        if raw.pending & lib.VMM_PEND_NMI and cpu.nmi_blocked:
            yield Request(f"an NMI{whose}", raw.nmi_raised, "NMIs are blocked until the next IRET")
        if raw.pending & lib.VMM_PEND_INJECT and (why := _interrupts_masked(at, [cpu.index])):
            yield Request(f"the injected vector {raw.inject_vector:#04x}{whose}", raw.inject_raised, *why)


def edges(at: Standing, line: int) -> Iterator[End]:
    pin = pin_of(at, line)
    if pin is None or (entry := IoApic(at.native).pin(pin)).level:
        return
    yield End(
        vector=entry.vector,
        requested=any(entry.vector in _lapic(at, cpu).irr for cpu in range(len(at.cpus))),
        enabled=not entry.masked,
        pending=lambda event: (event.kind, event.number, event.value) == ("pending", entry.vector, 1),
        acknowledged=lambda event: (event.kind, event.number, event.value) == ("acknowledged", entry.vector, 1),
        keeps=True,
        masked="its pin of the IOAPIC was masked, or no local APIC accepted it",
    )


def taken(at: Standing, line: int) -> Iterator[Fits]:
    pin = pin_of(at, line)
    if pin is not None and (entry := IoApic(at.native).pin(pin)).level:
        yield lambda event: (event.kind, event.number, event.value) == ("acknowledged", entry.vector, 1)


def sources(at: Standing, vcpu: int) -> Iterator[str]:
    """Pins of the IOAPIC, whichever vCPU they are for, and the vCPU's own timer."""
    pins = {line: pin for line in range(at.irqs) if (pin := pin_of(at, line)) is not None}
    names = [at.lines[line] for line, pin in pins.items() if not IoApic(at.native).pin(pin).masked]
    if names:
        yield f"{some(names)} at the IOAPIC"
    lapic = _lapic(at, vcpu)
    if not lapic.software_enabled or lapic.mode == "disabled":
        return
    if not lapic.entry("timer").masked:
        yield "its local APIC's timer" + (", which does not run" if _stands(lapic) else "")


def _stands(lapic: LocalApic) -> bool:
    return lapic.timer_expiry_ns is None and lapic.tsc_deadline is None


def deaf(at: Standing, vcpu: int) -> str:
    return (
        ""
        if at.cpus[vcpu]["rflags"] & IF
        else "interrupts are masked (IF is 0), and only an NMI or an INIT would wake it"
    )


def pin_of(at: Standing, line: int) -> int | None:
    """The IOAPIC's, that a line ends at."""
    if "ioapic" not in at.devices:
        return None
    end, raw = lib.vmm_line_end(at.native, b"ioapic"), at.native.lines[line]
    return next((int(raw.pin[n]) for n in range(2) if raw.sink[n] == end), None)


def mask(at: Standing, line: int) -> str:
    pin = pin_of(at, line)
    return "the IOAPIC" if pin is not None and IoApic(at.native).pin(pin).masked else ""


def passes_the_pair(at: Standing, cpu: int) -> bool:
    """The 8259A pair's INT interrupts this vCPU (11.5.1)."""
    lapic = _lapic(at, cpu)
    lint0 = lapic.entry("lint0")
    return lapic.mode == "disabled" or (lint0.delivery == "ExtINT" and not lint0.masked)


def not_by_the_pair(at: Standing) -> tuple[str, str, bool] | None:
    """Why no vCPU takes what the 8259A pair asks for; None: one will."""
    cpus = [cpu for cpu in range(len(at.cpus)) if passes_the_pair(at, cpu)]
    if not cpus:
        return "no local APIC passes the 8259A's INT on (LINT0 is masked, or not ExtINT)", "", True
    return _interrupts_masked(at, cpus)


def _lapic(at: Standing, cpu: int) -> LocalApic:
    return LocalApic(at.native.vcpus[cpu])


def _event(kind: str, vector: int, cpu: int, event: Event) -> bool:
    return (event.kind, event.number, event.value, event.vcpu) == (kind, vector, 1, cpu)


def _name(at: Standing, vector: int, cpu: int) -> str:
    """The vector, and who sends it."""
    senders = [at.lines[line] for line in range(at.irqs) if _sends(at, pin_of(at, line), vector)]
    lapic = _lapic(at, cpu)
    senders += [f"LVT {name}" for name in ENTRIES if _raises(lapic, name, vector)]
    origin = f" ({', '.join(senders)})" if senders else ""
    return f"vector {vector:#04x}{origin}{at.whose(cpu)}"


def _sends(at: Standing, pin: int | None, vector: int) -> bool:
    if pin is None:
        return False
    entry = IoApic(at.native).pin(pin)
    return entry.vector == vector and not entry.masked


def _raises(lapic: LocalApic, name: str, vector: int) -> bool:
    entry = lapic.entry(name)
    return entry.vector == vector and entry.delivery == "fixed" and not entry.masked
