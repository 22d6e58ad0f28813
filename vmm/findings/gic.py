"""GICv2 and GICv3: what is active, what is pending, and why it is not taken (Arm IHI0048B, IHI0069)."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from vmm.core.event import Event
from vmm.core.native import lib
from vmm.findings.past import Fits
from vmm.findings.standing import End, Request, Service, Standing
from vmm.intc.gic import FIRST_SPI, GROUP1, CpuInterface, Distributor, Gic

MASKS, SERROR_MASK = {"IRQ": 1 << 7, "FIQ": 1 << 6}, 1 << 8
"""Of PSTATE and CPSR: I and F; A."""
NOBODYS = 0xFFFFFFFF
INTID, LEVEL_STEP = 0xFFFFFF, 8
FIRST_LPI = lib.VMM_GIC_FIRST_LPI
TIMERS = {
    lib.VMM_TIMER_SECURE: "secure physical timer", lib.VMM_TIMER_PHYSICAL: "physical timer",
    lib.VMM_TIMER_VIRTUAL: "virtual timer", lib.VMM_TIMER_HYPERVISOR: "hypervisor timer",
    lib.VMM_TIMER_HYPERVISOR_VIRTUAL: "hypervisor virtual timer",
}  # fmt: skip
ENABLE, IMASK = 1, 2
"""Of a timer's CTL (DDI0487 D13.8)."""


def services(at: Standing) -> Iterator[Service]:
    gic = _gic(at)
    for interface in gic.cpu:
        for intid in sorted(interface.active):
            yield _service(at, gic, intid, interface.index)
    for intid in sorted(gic.dist.active):
        yield _service(at, gic, intid, None)


def _service(at: Standing, gic: Gic, intid: int, cpu: int | None) -> Service:
    holders = [each.index for each in gic.cpu if intid in _held(at, each.index)]
    acknowledged = partial(_acknowledged, intid, cpu)
    taken = at.was_taken({intid}) or at.past.last(acknowledged) is not None
    by_software = "" if taken or at.past.beginning else ": software made it active (ISACTIVER)"
    owed = "an end of interrupt" if holders else f"its deactivation{by_software}"
    if cpu is None and len(holders) == 1:
        cpu = holders[0]
    return at.service(_name(at, intid, cpu), intid, cpu, partial(_acknowledged, intid, cpu), owed)


def _held(at: Standing, cpu: int) -> set[int]:
    """INTIDs whose priority is active at a CPU interface."""
    raw = lib.vmm_gic_of(at.native).cpu[cpu]
    levels = raw.apr[0] | raw.apr[1] | raw.apr[2]
    return {raw.holder[n] & INTID for n in range(32) if levels >> n & 1 and raw.holder[n] != NOBODYS}


def requests(at: Standing) -> Iterator[Request]:
    gic = _gic(at)
    raw = lib.vmm_gic_of(at.native)
    for interface in gic.cpu:
        for intid in sorted(interface.pending):
            why = _why(at, gic, interface, intid, [interface])
            if why is not None:
                since = raw.cpu[interface.index].local.raised[intid]
                yield Request(_name(at, intid, interface.index), since, *why)
    for intid in sorted(gic.dist.pending):
        n = intid - FIRST_SPI
        targets = [gic.cpu[cpu] for cpu in sorted(gic.dist.targets(intid))]
        why = _why(at, gic, gic.dist, intid, targets)
        if why is not None:
            yield Request(_name(at, intid, None), raw.spi[n // 32].raised[n % 32], *why)
    for interface in gic.cpu:
        yield from _lpis(at, gic, interface)
    yield from _direct(at)


def _lpis(at: Standing, gic: Gic, interface: CpuInterface) -> Iterator[Request]:
    """The best LPI; another only where its configuration keeps it from being one (IHI0069 5.1.1)."""
    raw = lib.vmm_gic_of(at.native)
    best, priority = raw.cpu[interface.index].lpi, raw.cpu[interface.index].lpi_priority
    whose = at.whose(interface.index)
    for intid in sorted(interface.pending_lpis):
        since = raw.lpi_raised[intid - FIRST_LPI] if intid - FIRST_LPI < lib.VMM_GIC_TIMED_LPIS else None
        if intid == best and GROUP1 not in gic.dist.groups:
            yield Request(f"LPI {intid}{whose}", since, _not_forwarded(GROUP1), barred=True)
        elif intid == best:
            if why := _at_interface(at, interface, intid, priority, GROUP1):
                yield Request(f"LPI {intid}{whose}", since, *why)
        elif best == lib.VMM_GIC_NONE:
            yield Request(f"LPI {intid}{whose}", since, "its configuration does not enable it", barred=True)


Why = tuple[str, str, bool]


def _why(
    at: Standing, gic: Gic, bank: Distributor | CpuInterface, intid: int, targets: list[CpuInterface]
) -> Why | None:
    """Why it is not taken, the name of what holds it back, and whether the guest wants that; None: it will be."""
    group = bank.group(intid)
    if intid not in bank.enabled:
        return "not enabled (ISENABLER)", "", True
    if intid in bank.active:
        cpu = bank.index if isinstance(bank, CpuInterface) else None
        return "", _service(at, gic, intid, cpu).name, False
    if group not in gic.dist.groups:
        return _not_forwarded(group), "", True
    if not targets:
        return "it is routed to no vCPU (ITARGETSR)", "", False
    whys = [_at_interface(at, interface, intid, bank.priority(intid), group) for interface in targets]
    return None if None in whys else whys[0]


def _not_forwarded(group: int) -> str:
    return f"the distributor does not forward group {group} (GICD_CTLR)"


def _at_interface(at: Standing, interface: CpuInterface, intid: int, priority: int, group: int) -> Why | None:
    whose = at.whose(interface.index)
    if interface.asleep:
        return f"the redistributor{whose} sleeps (GICR_WAKER)", "", True
    if group not in interface.groups:
        return f"the CPU interface{whose} does not signal group {group}", "", True
    if priority >= interface.pmr:
        return f"its priority {priority:#04x} is not above the mask{whose} (PMR {interface.pmr:#04x})", "", False
    best_waits = interface.hppi == intid and not (interface.irq or interface.fiq)
    if priority >= interface.running_priority or best_waits:  # the latter of a group that does not preempt, too
        return _behind(at, interface)
    if at.cpus[interface.index].off:
        return f"vCPU {interface.index} is off", "", False
    pstate = at.cpus[interface.index].pstate
    for name, bit in MASKS.items():
        if getattr(interface, name.lower()) and pstate & bit:
            return f"{name}s are masked{at.on(interface.index)} ({name[0]} is 1)", "", False
    return None


def _behind(at: Standing, interface: CpuInterface) -> Why:
    """Whoever made the running priority active; software can do that by itself (GICC_APR, ICC_AP0R0, ICC_AP1R0)."""
    raw, running = lib.vmm_gic_of(at.native).cpu[interface.index], interface.running_priority
    holder = raw.holder[running // LEVEL_STEP]
    if holder == NOBODYS:
        return f"software made priority {running:#04x} active{at.on(interface.index)} (APR)", "", False
    intid = holder & INTID
    return "", _name(at, intid, interface.index if intid < FIRST_SPI else None), False


def _direct(at: Standing) -> Iterator[Request]:
    """What reaches a vCPU past the GIC: SErrors, and what a script injects."""
    for cpu in at.cpus:
        raw, whose, on = at.native.vcpus[cpu.index], at.whose(cpu.index), at.on(cpu.index)
        if raw.pending & lib.VMM_PEND_SERROR and cpu.pstate & SERROR_MASK:
            yield Request(f"an SError{whose}", lib.vmm_arm_of(raw).serror_raised, f"SErrors are masked{on} (A is 1)")
        if raw.pending & lib.VMM_PEND_INJECT and cpu.pstate & MASKS["IRQ"]:
            yield Request(
                f"the injected INTID {raw.inject_vector}{whose}", raw.inject_raised, f"IRQs are masked{on} (I is 1)"
            )


def edges(at: Standing, line: int) -> Iterator[End]:
    intid = FIRST_SPI + line
    if line >= at.irqs or intid not in _gic(at).dist.edge_triggered:
        return
    yield End(
        vector=intid,
        requested=intid in _gic(at).dist.pending,
        enabled=not mask(at, line),
        pending=lambda event: (event.kind, event.number) == ("pending", intid),
        acknowledged=partial(_acknowledged, intid, None),
        keeps=True,
        masked="the distributor did not latch it",
    )


def taken(at: Standing, line: int) -> Iterator[Fits]:
    intid = FIRST_SPI + line
    if line < at.irqs and intid not in _gic(at).dist.edge_triggered:
        yield partial(_acknowledged, intid, None)


def sources(at: Standing, vcpu: int) -> Iterator[str]:
    gic = _gic(at)
    interface = gic.cpu[vcpu]
    timers = _timers(at, vcpu)
    for intid in sorted(each for each in interface.enabled if each >= 16):
        yield _name(at, intid, vcpu) + (f", whose {timers[intid]}" if intid in timers else "")
    yield from (_name(at, intid, None) for intid in sorted(gic.dist.enabled) if vcpu in gic.dist.targets(intid))


def deaf(at: Standing, vcpu: int) -> str:
    """What is pending at the interface ends WFI, masked or not (DDI0487 D1.16.2)."""
    return ""


def mask(at: Standing, line: int) -> str:
    return "" if FIRST_SPI + line in _gic(at).dist.enabled else "the distributor"


def _timers(at: Standing, vcpu: int) -> dict[int, str]:
    """By INTID, what is said of a generic timer that will not interrupt."""
    said = {}
    for which, name in TIMERS.items():
        timer = lib.vmm_arm_of(at.native.vcpus[vcpu]).timer[which]
        if not timer.control & ENABLE:
            said[timer.intid] = f"{name} is off (CTL.ENABLE is 0)"
        elif timer.control & IMASK:
            said[timer.intid] = f"{name} is masked (CTL.IMASK is 1)"
    return said


def _gic(at: Standing) -> Gic:
    gic: Gic = at.devices["gic"]
    return gic


def _acknowledged(intid: int, cpu: int | None, event: Event) -> bool:
    return (event.kind, event.number) == ("acknowledged", intid) and cpu in (None, event.vcpu)


def _name(at: Standing, intid: int, cpu: int | None) -> str:
    if intid < FIRST_SPI:
        kind = "SGI" if intid < 16 else "PPI"
        return f"INTID {intid} ({kind}){'' if cpu is None else at.whose(cpu)}"
    line = intid - FIRST_SPI
    return f"INTID {intid} ({at.lines[line]})" if line in at.lines else f"INTID {intid}"
