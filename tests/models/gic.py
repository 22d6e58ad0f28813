"""A second opinion on GICv2 and GICv3, written from Arm IHI0048B and IHI0069: a search over a list of interrupts.

It shares nothing with the product and prefers the obvious to the fast: an interrupt is an object, an interrupt being
handled is an entry in a list, and whoever asks for the next one looks at them all. It speaks of interrupts and not of
registers; `intc/gic/product_gic.py` gives both opinions one face.

Where the manuals leave room, the model decides:

1. 32 priorities: the low three bits of a priority or a mask read as zero. BPR is at least 2, group 1's own at least 3.
2. Equal priorities: the lowest INTID first; of an SGI's sources in GICv2 the lowest CPU.
3. GICv2's SGIs are always enabled, as in GIC-400; ISENABLER, ISPENDR and their opposites leave them alone.
4. A pending interrupt of a group that the CPU interface does not signal hides those of lower priority.
5. One end that names a preempted interrupt ends that one, out of order; one that names none being handled does nothing.
   An active priority that software wrote is ended by any name not known otherwise.
6. 1 of N: the first CPU that is awake and signals the interrupt's group.
7. ICC_ASGI1R with one Security state asks for the Secure group 1 that nothing is in; like every such request it
   reaches group 0 SGIs.
8. With two Security states GICD_CTLR.DS cannot be set, and GICD_NSACR hands nothing to Non-secure software.
"""

from __future__ import annotations

from dataclasses import dataclass, field

GROUP0, GROUP1, SECURE_GROUP1 = 0, 1, 2
IDLE = 0xFF
NONE, OTHER_GROUP = 1023, 1022
FOR_SECURE, FOR_NONSECURE = 1020, 1021
"""What group 0's registers show at EL3 for the two groups 1 (IHI0069 2.2.1)."""
FIRST_LPI = 8192
ANYONE = "any one CPU"
EOI_NOTHING, EOI_ORDER, DEACTIVATE, SGI_TARGET = "nothing to end", "out of order", "not active", "no such CPU"


@dataclass
class Interrupt:
    intid: int
    enabled: bool = False
    latch: bool = False
    line: bool = False
    edge: bool = False
    active: bool = False
    group: int = GROUP0
    priority: int = 0
    sources: set[int] = field(default_factory=set)
    """GICv2 SGIs: the CPUs it is pending from."""
    route: set[int] | str = field(default_factory=set)

    @property
    def pending(self) -> bool:
        return self.latch or bool(self.sources) or (self.line and not self.edge)


@dataclass
class Handled:
    """An interrupt between acknowledge and priority drop; `intid` is None where software wrote the active priority."""

    intid: int | None
    source: int
    priority: int
    group: int


class Cpu:
    def __init__(self, version: int) -> None:
        self.private = [Interrupt(n, edge=n < 16, enabled=version == 2 and n < 16) for n in range(32)]
        self.lpis: set[int] = set()
        self.lpis_on = False
        self.awake = version == 2
        self.nonsecure = self.el3 = self.scr_ns = False
        self.fiq_to_el3 = self.irq_to_el3 = False
        self.signals: set[int] = set()
        self.pmr = 0
        self.bpr = {GROUP0: 2, GROUP1: 3, SECURE_GROUP1: 2}
        self.common_bpr: set[int] = set()
        self.split = {"secure": False, "nonsecure": False, "el3": False}
        self.ack_both = self.group0_is_fiq = False
        self.handled: list[Handled] = []

    @property
    def running(self) -> int:
        return min((entry.priority for entry in self.handled), default=256)


class Gic:
    def __init__(self, version: int, cpus: int, two_states: bool = False) -> None:
        self.version, self.two_states = version, two_states
        self.cpus = [Cpu(version) for _ in range(cpus)]
        self.shared = [Interrupt(32 + n, route={0} if version == 3 else set()) for n in range(256)]
        self.forwards: set[int] = set()
        self.lpi_config: dict[int, tuple[int, bool]] = {}
        self.errors: list[tuple[str, int]] = []

    # ---- who may see what ----

    def restricted(self, cpu: int) -> bool:
        return self.two_states and self.cpus[cpu].nonsecure

    def find(self, cpu: int, intid: int) -> Interrupt:
        return self.cpus[cpu].private[intid] if intid < 32 else self.shared[intid - 32]

    def sees(self, cpu: int, interrupt: Interrupt) -> bool:
        return not self.restricted(cpu) or interrupt.group == GROUP1

    def has_banks(self) -> bool:
        """GICv3's system registers of two Security states."""
        return self.version == 3 and self.two_states

    def own_group1(self, cpu: int) -> int:
        """The group 1 whose banked registers the CPU reaches: of its Security state, at EL3 of the one below."""
        return SECURE_GROUP1 if self.has_banks() and not self.cpus[cpu].scr_ns else GROUP1

    def halves(self, cpu: int) -> bool:
        """The CPU interface shows half of the priorities; GICv3's to Non-secure software without FIQs (ICC_PMR_EL1)."""
        return self.restricted(cpu) and (self.version == 2 or self.cpus[cpu].fiq_to_el3)

    def given(self, cpu: int, register: int) -> set[int]:
        """The groups of IAR and HPPIR (register 0) and AIAR and AHPPIR (1), in GICv3 IAR0 and IAR1 and their like."""
        if register == 1:
            at_el3 = self.has_banks() and self.cpus[cpu].el3
            return {GROUP1, SECURE_GROUP1} if at_el3 else {self.own_group1(cpu)}
        if self.restricted(cpu):
            return {GROUP1} if self.version == 2 else set()
        return {GROUP0, GROUP1} if self.version == 2 and self.cpus[cpu].ack_both else {GROUP0}

    def ended(self, cpu: int, register: int) -> set[int]:
        """The groups of EOIR (register 0) and AEOIR (1), in GICv3 EOIR0 and EOIR1."""
        both = self.version == 2 and register == 0 and not self.restricted(cpu)
        return {GROUP0, GROUP1} if both else self.given(cpu, register)

    def point(self, cpu: int, register: int) -> int:
        """Whose binary point BPR (register 0) and ABPR (1) are, in GICv3 BPR0 and BPR1."""
        if register == 1:
            return self.own_group1(cpu)
        return GROUP1 if self.restricted(cpu) and self.version == 2 else GROUP0

    # ---- the state of one interrupt ----

    def set_line(self, cpu: int, intid: int, level: bool) -> None:
        interrupt = self.find(cpu, intid)
        if level and not interrupt.line and interrupt.edge:
            interrupt.latch = True
        interrupt.line = level

    def set_enabled(self, cpu: int, intid: int, enabled: bool) -> None:
        interrupt = self.find(cpu, intid)
        if self.sees(cpu, interrupt) and not self.is_old_sgi(intid):
            interrupt.enabled = enabled

    def set_pending(self, cpu: int, intid: int, pending: bool) -> None:
        interrupt = self.find(cpu, intid)
        if self.sees(cpu, interrupt) and not self.is_old_sgi(intid):
            interrupt.latch = pending

    def set_active(self, cpu: int, intid: int, active: bool) -> None:
        interrupt = self.find(cpu, intid)
        if self.sees(cpu, interrupt):
            interrupt.active = active

    def set_edge(self, cpu: int, intid: int, edge: bool) -> None:
        interrupt = self.find(cpu, intid)
        if self.sees(cpu, interrupt) and intid >= 16:
            interrupt.edge = edge

    def set_priority(self, cpu: int, intid: int, value: int) -> None:
        interrupt = self.find(cpu, intid)
        if self.sees(cpu, interrupt):
            interrupt.priority = self.meant(value, self.restricted(cpu))

    def set_group(self, cpu: int, intid: int, group: int) -> None:
        if not self.restricted(cpu):
            self.find(cpu, intid).group = group

    def set_route(self, cpu: int, intid: int, route: set[int] | str) -> None:
        """To CPUs, those that do not exist included; GICv3 to one of them or to ANYONE."""
        interrupt = self.find(cpu, intid)
        if self.sees(cpu, interrupt) and intid >= 32:
            interrupt.route = route if isinstance(route, str) else route & set(range(len(self.cpus)))

    def is_old_sgi(self, intid: int) -> bool:
        return self.version == 2 and intid < 16

    # ---- SGIs ----

    def send_old_sgi(self, cpu: int, intid: int, targets: set[int], group1: bool) -> None:
        """GICD_SGIR; `group1` is NSATT."""
        wanted = GROUP1 if group1 or self.restricted(cpu) else GROUP0
        for target in targets:
            if target < len(self.cpus) and (not self.two_states or self.find(target, intid).group == wanted):
                self.find(target, intid).sources.add(cpu)
        if targets - set(range(len(self.cpus))):
            self.errors.append((SGI_TARGET, intid))

    def set_sources(self, cpu: int, intid: int, sources: set[int], pending: bool) -> None:
        """SPENDSGIR and CPENDSGIR."""
        interrupt = self.find(cpu, intid)
        if self.sees(cpu, interrupt):
            present = sources & set(range(len(self.cpus)))
            interrupt.sources = interrupt.sources | present if pending else interrupt.sources - present

    def send_sgi(self, cpu: int, register: str, intid: int, targets: set[int]) -> None:
        """ICC_SGI0R, ICC_SGI1R and ICC_ASGI1R."""
        own = SECURE_GROUP1 if self.two_states and not self.restricted(cpu) else GROUP1
        other = GROUP1 if own == SECURE_GROUP1 else SECURE_GROUP1
        asked = {"SGI0R": GROUP0, "SGI1R": own, "ASGI1R": other}[register]
        reached = {asked, GROUP0} if asked == SECURE_GROUP1 else {asked}
        for target in targets:
            if target < len(self.cpus):
                interrupt = self.find(target, intid)
                if interrupt.group in reached and self.sees(cpu, interrupt):
                    interrupt.latch = True
        if targets - set(range(len(self.cpus))):
            self.errors.append((SGI_TARGET, intid))

    # ---- what is next for a CPU ----

    def reaches(self, cpu: int, interrupt: Interrupt) -> bool:
        if interrupt.intid < 32 or (self.version == 2 and len(self.cpus) == 1):
            return True
        if interrupt.route != ANYONE:
            return cpu in interrupt.route
        takers = [n for n, other in enumerate(self.cpus) if other.awake and interrupt.group in other.signals]
        return takers[:1] == [cpu]

    def candidates(self, cpu: int) -> list[tuple[int, int, int]]:
        """Priority, INTID and group of all that the distributor offers this CPU."""
        found = []
        for interrupt in self.cpus[cpu].private + self.shared:
            ready = interrupt.enabled and interrupt.pending and not interrupt.active
            if ready and interrupt.group in self.forwards and self.reaches(cpu, interrupt):
                found.append((interrupt.priority, interrupt.intid, interrupt.group))
        for intid in self.cpus[cpu].lpis if self.cpus[cpu].lpis_on else ():
            priority, enabled = self.lpi_config.get(intid, (0, False))
            priority = self.meant(priority, self.two_states)
            if enabled and GROUP1 in self.forwards:
                found.append((priority, intid, GROUP1))
        return found

    def highest_pending(self, cpu: int) -> tuple[int, int, int] | None:
        return min(self.candidates(cpu), default=None)

    def group_priority(self, cpu: int, priority: int, group: int) -> int:
        """The part of a priority that preempts; with its own BPR, group 1 counts one bit more."""
        interface = self.cpus[cpu]
        common = group == GROUP0 or group in interface.common_bpr
        dropped = interface.bpr[GROUP0] + 1 if common else interface.bpr[group] + (group == SECURE_GROUP1)
        return priority // 2**dropped * 2**dropped

    def signalled(self, cpu: int) -> tuple[int, int, int] | None:
        best, interface = self.highest_pending(cpu), self.cpus[cpu]
        if best is None or not interface.awake:
            return None
        priority, _, group = best
        preempts = self.group_priority(cpu, priority, group) < interface.running
        return best if group in interface.signals and priority < interface.pmr and preempts else None

    def output(self, cpu: int) -> str:
        best, interface = self.signalled(cpu), self.cpus[cpu]
        if best is None:
            return ""
        group = best[2]
        if self.version == 2:
            return "fiq" if group == GROUP0 and interface.group0_is_fiq else "irq"
        if group == GROUP0:
            return "fiq"
        if not self.two_states:
            return "irq"
        own = GROUP1 if interface.nonsecure else SECURE_GROUP1
        return "irq" if group == own and not interface.el3 else "fiq"

    def hppi(self, cpu: int, register: int) -> tuple[int, int]:
        """INTID and source that HPPIR or its like shows."""
        best, groups = self.highest_pending(cpu), self.given(cpu, register)
        if best is None or best[2] not in self.cpus[cpu].signals:
            return NONE, 0
        if best[2] not in groups:
            return self.hidden(cpu, best[2], groups), 0
        source = min(self.find(cpu, best[1]).sources, default=0) if best[1] < 32 else 0
        return best[1], source

    def hidden(self, cpu: int, group: int, groups: set[int]) -> int:
        if self.has_banks() and self.cpus[cpu].el3 and groups == {GROUP0}:
            return FOR_SECURE if group == SECURE_GROUP1 else FOR_NONSECURE
        return OTHER_GROUP if self.version == 2 and group == GROUP1 and groups == {GROUP0} else NONE

    # ---- acknowledge and end ----

    def acknowledge(self, cpu: int, register: int) -> tuple[int, int]:
        """INTID and source that IAR or its like reads."""
        best, groups = self.signalled(cpu), self.given(cpu, register)
        if best is None:
            return NONE, 0
        priority, intid, group = best
        if group not in groups:
            return self.hidden(cpu, group, groups), 0
        source = 0
        if intid >= FIRST_LPI:
            self.cpus[cpu].lpis.remove(intid)
        else:
            interrupt = self.find(cpu, intid)
            interrupt.active, interrupt.latch = True, False
            if interrupt.sources:
                source = min(interrupt.sources)
                interrupt.sources.remove(source)
        entry = Handled(intid, source, self.group_priority(cpu, priority, group), group)
        self.cpus[cpu].handled.append(entry)
        return intid, source

    def end(self, cpu: int, register: int, intid: int, source: int = 0) -> None:
        if 1020 <= intid <= NONE or (self.version == 3 and register == 0 and self.restricted(cpu)):
            return
        interface, groups = self.cpus[cpu], self.ended(cpu, register)
        newest_first = sorted(interface.handled, key=lambda entry: entry.priority)
        named = [entry for entry in newest_first if entry.intid == intid]
        if not named and newest_first and newest_first[0].intid is None:
            named = newest_first[:1]
        if not named:
            self.errors.append((EOI_NOTHING, intid))
            return
        entry = named[0]
        if entry.group not in groups:
            self.errors.append((EOI_ORDER, intid))
            return
        if entry is not newest_first[0] or (entry.intid is not None and entry.source != source):
            self.errors.append((EOI_ORDER, intid))
        interface.handled.remove(entry)
        if not self.splits(cpu):
            self.make_inactive(cpu, intid, groups)

    def splits(self, cpu: int) -> bool:
        if self.has_banks() and self.cpus[cpu].el3:
            return self.cpus[cpu].split["el3"]
        return self.cpus[cpu].split["nonsecure" if self.restricted(cpu) else "secure"]

    def make_inactive(self, cpu: int, intid: int, groups: set[int]) -> None:
        if intid < 288 and self.find(cpu, intid).group in groups:
            self.find(cpu, intid).active = False

    def deactivate(self, cpu: int, intid: int) -> None:
        if not self.splits(cpu):
            self.errors.append((DEACTIVATE, intid))
        elif not 1020 <= intid <= NONE:
            if intid >= 288 or not self.find(cpu, intid).active:
                self.errors.append((DEACTIVATE, intid))
            self.make_inactive(cpu, intid, self.deactivated(cpu))

    def deactivated(self, cpu: int) -> set[int]:
        """The groups of DIR; below EL3 in GICv3 those whose interrupts are not taken there."""
        every, interface = {GROUP0, GROUP1, SECURE_GROUP1}, self.cpus[cpu]
        mine = {GROUP1} if self.restricted(cpu) else every
        if not self.has_banks() or interface.el3:
            return mine
        taken_at_el3 = {GROUP0} if interface.fiq_to_el3 else set()
        return mine - taken_at_el3 - ({GROUP1, SECURE_GROUP1} if interface.irq_to_el3 else set())

    # ---- registers of the CPU interface ----

    def meant(self, value: int, halved: bool) -> int:
        """A priority that software writes; who has half of them has the lower one."""
        return (0x80 + value // 2 if halved else value) & 0xF8

    def shown(self, cpu: int, priority: int) -> int:
        """A priority or mask that software reads at the CPU interface."""
        if not self.halves(cpu):
            return priority
        return 0 if priority < 0x80 else (priority - 0x80) * 2

    def set_pmr(self, cpu: int, value: int) -> None:
        if not self.halves(cpu) or self.cpus[cpu].pmr >= 0x80:
            self.cpus[cpu].pmr = self.meant(value, self.halves(cpu))

    def running_priority(self, cpu: int) -> int:
        running = self.cpus[cpu].running
        return IDLE if running == 256 else self.shown(cpu, running)

    def pmr(self, cpu: int) -> int:
        return self.shown(cpu, self.cpus[cpu].pmr)

    def set_bpr(self, cpu: int, register: int, value: int) -> None:
        group, shared = self.point(cpu, register), self.shares_point(cpu, register)
        if shared and group == SECURE_GROUP1:
            self.cpus[cpu].bpr[GROUP0] = max(value, 2)
        elif not shared:
            self.cpus[cpu].bpr[group] = max(value, 3 if group == GROUP1 else 2)

    def shares_point(self, cpu: int, register: int) -> bool:
        """CBPR makes this register group 0's, but not for EL3."""
        at_el3 = self.has_banks() and self.cpus[cpu].el3
        return not at_el3 and self.point(cpu, register) in self.cpus[cpu].common_bpr

    def bpr(self, cpu: int, register: int) -> int:
        interface, group = self.cpus[cpu], self.point(cpu, register)
        if not self.shares_point(cpu, register):
            return interface.bpr[group]
        return min(interface.bpr[GROUP0] + (group == GROUP1), 7)

    def set_forwards(self, groups: set[int]) -> None:
        self.forwards = set(groups)

    def set_signals(self, cpu: int, group: int, on: bool) -> None:
        signals = self.cpus[cpu].signals
        self.cpus[cpu].signals = signals | {group} if on else signals - {group}

    def set_split(self, cpu: int, on: bool) -> None:
        """EOImode of the Security state that the CPU is in, at EL3 of the one below."""
        bank = self.has_banks() and self.own_group1(cpu) == GROUP1
        self.cpus[cpu].split["nonsecure" if bank or self.restricted(cpu) else "secure"] = on

    def set_split_at_el3(self, cpu: int, on: bool) -> None:
        """EOImode_EL3."""
        self.cpus[cpu].split["el3"] = on

    def icc_control(self, cpu: int) -> tuple[bool, bool]:
        """CBPR and EOImode that ICC_CTLR_EL1 shows."""
        group = self.own_group1(cpu)
        state = "nonsecure" if self.has_banks() and group == GROUP1 else "secure"
        return group in self.cpus[cpu].common_bpr, self.cpus[cpu].split[state]

    def control_at_el3(self, cpu: int) -> tuple[bool, ...]:
        """ICC_CTLR_EL3: CBPR of Secure and Non-secure EL1, EOImode of EL3, Secure and Non-secure EL1."""
        common, split = self.cpus[cpu].common_bpr, self.cpus[cpu].split
        return SECURE_GROUP1 in common, GROUP1 in common, split["el3"], split["secure"], split["nonsecure"]

    def groups_at_el3(self, cpu: int) -> tuple[bool, bool]:
        """ICC_IGRPEN1_EL3: Non-secure and Secure group 1."""
        return GROUP1 in self.cpus[cpu].signals, SECURE_GROUP1 in self.cpus[cpu].signals

    def set_groups_at_el3(self, cpu: int, nonsecure: bool, secure: bool) -> None:
        self.set_signals(cpu, GROUP1, nonsecure)
        self.set_signals(cpu, SECURE_GROUP1, secure)

    def set_common_bpr(self, cpu: int, on: bool) -> None:
        """With two Security states GICv3's CBPR is EL3's to write."""
        if self.has_banks() and not self.cpus[cpu].el3:
            return
        common, group = self.cpus[cpu].common_bpr, self.own_group1(cpu)
        self.cpus[cpu].common_bpr = common | {group} if on else common - {group}

    def set_ack_both(self, cpu: int, on: bool) -> None:
        """GICv2's AckCtl."""
        self.cpus[cpu].ack_both = on

    def set_group0_is_fiq(self, cpu: int, on: bool) -> None:
        """GICv2's FIQEn."""
        self.cpus[cpu].group0_is_fiq = on

    def set_nonsecure(self, cpu: int, nonsecure: bool) -> None:
        """The Security state that the CPU is in, below EL3."""
        self.set_world(cpu, nonsecure, False)

    def set_world(self, cpu: int, nonsecure: bool, el3: bool) -> None:
        """SCR_EL3.NS, and whether the CPU is at EL3, which is Secure."""
        interface = self.cpus[cpu]
        interface.nonsecure, interface.scr_ns, interface.el3 = nonsecure and not el3, nonsecure, el3

    def set_routing(self, cpu: int, fiq: bool, irq: bool) -> None:
        """SCR_EL3.FIQ and IRQ."""
        self.cpus[cpu].fiq_to_el3, self.cpus[cpu].irq_to_el3 = fiq, irq

    def set_awake(self, cpu: int, awake: bool) -> None:
        self.cpus[cpu].awake = awake

    def set_active_priority(self, cpu: int, group: int, priority: int | None) -> None:
        """The whole active priorities register of a group: none, or one priority where nothing is handled."""
        interface = self.cpus[cpu]
        interface.handled = [entry for entry in interface.handled if entry.group != group]
        if priority is not None:
            assert not interface.handled, "the model keeps no count of priorities that two groups share"
            interface.handled.append(Handled(None, 0, priority, group))

    # ---- LPIs ----

    def set_lpis_on(self, cpu: int, on: bool) -> None:
        self.cpus[cpu].lpis_on = on

    def set_lpi(self, cpu: int, intid: int, pending: bool) -> None:
        if self.cpus[cpu].lpis_on:
            self.cpus[cpu].lpis = self.cpus[cpu].lpis | {intid} if pending else self.cpus[cpu].lpis - {intid}

    def move_lpi(self, source: int, target: int, intid: int) -> None:
        if self.cpus[source].lpis_on and intid in self.cpus[source].lpis:
            self.set_lpi(source, intid, False)
            self.set_lpi(target, intid, True)

    def move_all_lpis(self, source: int, target: int) -> None:
        for intid in sorted(self.cpus[source].lpis):
            self.move_lpi(source, target, intid)

    def configure_lpi(self, intid: int, priority: int, enabled: bool) -> None:
        self.lpi_config[intid] = (priority & 0xFC, enabled)

    # ---- what a debugger sees ----

    def intids(self, cpu: int, attribute: str) -> set[int]:
        """Who is `pending`, `active` or `enabled`: the CPU's own and the shared ones."""
        return {each.intid for each in self.cpus[cpu].private + self.shared if getattr(each, attribute)}

    def pending_lpis(self, cpu: int) -> set[int]:
        return set(self.cpus[cpu].lpis) if self.cpus[cpu].lpis_on else set()

    def take_errors(self) -> list[tuple[str, int]]:
        """What was reported since the last call: the fault and the INTID it is about."""
        errors, self.errors = self.errors, []
        return errors
