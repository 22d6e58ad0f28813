"""The product's GIC and the model in models/gic.py agree on whatever guests and devices do (rules 20-24)."""

from __future__ import annotations

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from models.agreement import checked
from models.gic import ANYONE, GROUP0, GROUP1, NONE, SECURE_GROUP1, Gic

from .product_gic import ProductGic, start

pytestmark = pytest.mark.slow

CPUS = st.sampled_from([0, 1, 2])
SGIS = st.sampled_from([0, 1])
LINES = st.sampled_from([20, 27, 32, 33, 95])
INTIDS = st.sampled_from([0, 1, 20, 27, 32, 33, 95])
LPIS = st.sampled_from([8192, 8195, 9000])
PRIORITIES = st.sampled_from([0x00, 0x08, 0x40, 0x80, 0x88, 0xA0, 0xA5, 0xF0, 0xFF])
REGISTERS = st.sampled_from([0, 1])
SETS_OF_CPUS = st.sets(st.integers(0, 4))
ON = st.booleans()


class Agreement(RuleBasedStateMachine):
    """Every rule does the same to both; all that can be read is compared."""

    version = 2
    two_states = False

    @initialize(cpus=st.sampled_from([1, 2, 3]), points=st.tuples(st.integers(0, 7), st.integers(0, 7)))
    def power_on(self, cpus: int, points: tuple[int, int]) -> None:
        self.cpus = cpus
        self.product = ProductGic(self.version, cpus, self.two_states)
        self.model = Gic(self.version, cpus, self.two_states)
        self.groups = [GROUP0, GROUP1, SECURE_GROUP1] if self.version == 3 and self.two_states else [GROUP0, GROUP1]
        for face in (self.product, self.model):
            start(face, cpus, set(self.groups))
            for cpu in range(cpus):
                for n, intid in enumerate((0, 1, 20, 27, 32, 33, 95)):
                    face.set_enabled(cpu, intid, True)
                    face.set_priority(cpu, intid, (0xA0, 0x80, 0x40)[n % 3])
                    face.set_group(cpu, intid, (GROUP0, GROUP1)[n % 2])
            for intid in (32, 33, 95):
                face.set_route(0, intid, {cpus - 1})
        for cpu in range(cpus):
            for register in (0, 1):
                self.both("set_bpr", cpu, register, points[register])
        if self.two_states:
            for cpu in range(cpus):
                self.both("set_nonsecure", cpu, True)
                self.both("set_signals", cpu, GROUP1, True)
                self.both("set_nonsecure", cpu, False)
        self.power_on_lpis()

    def power_on_lpis(self) -> None:
        """GICv2 has none."""

    def both(self, method: str, *arguments: object) -> None:
        results = [getattr(face, method)(*arguments) for face in (self.product, self.model)]
        assert results[0] == results[1], f"{method}{arguments}: product {results[0]}, model {results[1]}"

    def at(self, cpu: int) -> int:
        return cpu % self.cpus

    def is_restricted(self, cpu: int) -> bool:
        return self.model.restricted(self.at(cpu))

    # ---- devices ----

    @rule(cpu=CPUS, intid=LINES, level=ON)
    def line(self, cpu: int, intid: int, level: bool) -> None:
        self.both("set_line", self.at(cpu), intid, level)

    @rule(cpu=CPUS, intid=LINES)
    def pulse(self, cpu: int, intid: int) -> None:
        for level in (False, True, False):
            self.both("set_line", self.at(cpu), intid, level)

    # ---- the distributor's registers ----

    @rule(cpu=CPUS, intid=INTIDS, on=ON, what=st.sampled_from(["set_enabled", "set_pending", "set_active", "set_edge"]))
    def one_bit(self, cpu: int, intid: int, on: bool, what: str) -> None:
        self.both(what, self.at(cpu), intid, on)

    @rule(cpu=CPUS, intid=INTIDS, value=PRIORITIES)
    def priority(self, cpu: int, intid: int, value: int) -> None:
        self.both("set_priority", self.at(cpu), intid, value)

    @rule(cpu=CPUS, intid=INTIDS, choice=st.integers(0, 2))
    def group(self, cpu: int, intid: int, choice: int) -> None:
        self.both("set_group", self.at(cpu), intid, self.groups[choice % len(self.groups)])

    @rule(on=st.lists(st.sampled_from([GROUP0, GROUP1, SECURE_GROUP1])), all_on=ON)
    def forwards(self, on: list[int], all_on: bool) -> None:
        if not self.is_restricted(0):
            self.both("set_forwards", set(self.groups) if all_on else set(on) & set(self.groups))

    # ---- acknowledge and end ----

    @rule(cpu=CPUS, register=REGISTERS)
    def acknowledge(self, cpu: int, register: int) -> None:
        if self.has(cpu, register):
            self.both("acknowledge", self.at(cpu), register)

    def has(self, cpu: int, register: int) -> bool:
        """Non-secure software has the plain register in GICv2, in GICv3 group 1's, and 0's where FIQs are not EL3's."""
        if not self.is_restricted(cpu):
            return True
        return register == 0 if self.version == 2 else register == 1 or not self.model.cpus[self.at(cpu)].fiq_to_el3

    @rule(cpu=CPUS)
    def acknowledge_what_is_signalled(self, cpu: int) -> None:
        cpu = self.at(cpu)
        best = self.model.signalled(cpu)
        if best is None:
            return
        for register in (0, 1):
            if self.has(cpu, register) and best[2] in self.model.given(cpu, register):
                self.both("acknowledge", cpu, register)
                return

    @rule(cpu=CPUS, intid=st.sampled_from([20, 32, 33, 95]), priority=PRIORITIES)
    def preempt(self, cpu: int, intid: int, priority: int) -> None:
        cpu = self.at(cpu)
        if intid >= 32:
            self.both("set_route", cpu, intid, {cpu})
        self.both("set_priority", cpu, intid, priority)
        self.both("set_enabled", cpu, intid, True)
        self.both("set_pending", cpu, intid, True)
        self.acknowledge_what_is_signalled(cpu)

    @rule(cpu=CPUS, newest=ON)
    def end_what_is_handled(self, cpu: int, newest: bool) -> None:
        cpu = self.at(cpu)
        handled = self.model.cpus[cpu].handled
        if not handled or handled[-1 if newest else 0].intid is None:
            return
        entry = handled[-1 if newest else 0]
        of_group1 = entry.group != GROUP0 or not self.has(cpu, 0)
        register = 0 if self.version == 2 and self.is_restricted(cpu) else int(of_group1)
        self.both("end", cpu, register, entry.intid, entry.source)

    @rule(cpu=CPUS, register=REGISTERS, intid=st.sampled_from([0, 1, 20, 32, 95, 300, NONE, 8192]), source=CPUS)
    def end_anything(self, cpu: int, register: int, intid: int, source: int) -> None:
        valid = intid < 1024 or self.version == 3
        if valid and self.has(cpu, register):
            self.both("end", self.at(cpu), register, intid, source if self.version == 2 else 0)

    @rule(cpu=CPUS, intid=st.sampled_from([0, 1, 20, 27, 32, 33, 95, 300, NONE]))
    def deactivate(self, cpu: int, intid: int) -> None:
        self.both("deactivate", self.at(cpu), intid)

    @rule(cpu=CPUS)
    def deactivate_something_active(self, cpu: int) -> None:
        for intid in sorted(self.model.intids(self.at(cpu), "active"))[:1]:
            self.both("deactivate", self.at(cpu), intid)

    # ---- the CPU interface ----

    @rule(cpu=CPUS, value=st.sampled_from([0xFF, 0xFF, 0xF0, 0xA0, 0x80, 0x48, 0x00]))
    def mask(self, cpu: int, value: int) -> None:
        self.both("set_pmr", self.at(cpu), value)

    @rule(cpu=CPUS, register=REGISTERS, value=st.integers(0, 7))
    def binary_point(self, cpu: int, register: int, value: int) -> None:
        if self.has(cpu, register):
            self.both("set_bpr", self.at(cpu), register, value)

    @rule(cpu=CPUS, on=ON)
    def split_end(self, cpu: int, on: bool) -> None:
        self.both("set_split", self.at(cpu), on)

    @rule(cpu=CPUS, on=ON)
    def common_binary_point(self, cpu: int, on: bool) -> None:
        if not (self.version == 2 and self.is_restricted(cpu)):
            self.both("set_common_bpr", self.at(cpu), on)

    @rule(cpu=CPUS, register=REGISTERS, on=ON)
    def signals(self, cpu: int, register: int, on: bool) -> None:
        cpu = self.at(cpu)
        group = self.model.own_group1(cpu) if register else GROUP0
        has_group0 = self.has(cpu, 0) and not (self.version == 2 and self.is_restricted(cpu))
        if group != GROUP0 or has_group0:
            self.both("set_signals", cpu, group, on)

    @precondition(lambda self: not self.two_states)
    @rule(cpu=CPUS, group=st.sampled_from([GROUP0, GROUP1]), priority=st.sampled_from([0x00, 0x40, 0x80, 0xF8]))
    def active_priorities(self, cpu: int, group: int, priority: int) -> None:
        cpu = self.at(cpu)
        if self.model.cpus[cpu].handled:
            for each in (GROUP0, GROUP1):
                self.both("set_active_priority", cpu, each, None)
        else:
            self.both("set_active_priority", cpu, group, priority)

    @precondition(lambda self: self.two_states)
    @rule(cpu=CPUS, nonsecure=ON, el3=ON, fiq=ON, irq=st.sampled_from([False, False, True]))
    def world(self, cpu: int, nonsecure: bool, el3: bool, fiq: bool, irq: bool) -> None:
        self.both("set_world", self.at(cpu), nonsecure, el3 and self.version == 3)
        self.both("set_routing", self.at(cpu), fiq, irq)

    # ---- what is compared ----

    @invariant()
    def the_same_is_signalled(self) -> None:
        for cpu in range(self.cpus):
            self.both("output", cpu)
            for register in (0, 1):
                if self.has(cpu, register):
                    self.both("hppi", cpu, register)
                    self.both("bpr", cpu, register)

    @invariant()
    def the_same_state(self) -> None:
        for cpu in range(self.cpus):
            for register in ("pmr", "running_priority", "pending_lpis"):
                self.both(register, cpu)
            for attribute in ("pending", "active", "enabled"):
                self.both("intids", cpu, attribute)

    @invariant()
    def the_same_was_reported(self) -> None:
        self.both("take_errors")


class Version2(Agreement):
    @rule(cpu=CPUS, intid=SGIS, to=SETS_OF_CPUS, group1=ON)
    def sgi(self, cpu: int, intid: int, to: set[int], group1: bool) -> None:
        self.both("send_old_sgi", self.at(cpu), intid, to, group1)

    @rule(cpu=CPUS, intid=SGIS, sources=SETS_OF_CPUS, pending=ON)
    def sources(self, cpu: int, intid: int, sources: set[int], pending: bool) -> None:
        self.both("set_sources", self.at(cpu), intid, sources, pending)

    @rule(cpu=CPUS, intid=LINES, route=SETS_OF_CPUS)
    def targets(self, cpu: int, intid: int, route: set[int]) -> None:
        self.both("set_route", self.at(cpu), intid, route)

    @rule(cpu=CPUS, on=ON, what=st.sampled_from(["set_ack_both", "set_group0_is_fiq"]))
    def control(self, cpu: int, on: bool, what: str) -> None:
        if not self.is_restricted(cpu):
            self.both(what, self.at(cpu), on)


class Version2WithTwoStates(Version2):
    two_states = True


class Version3(Agreement):
    version = 3

    def power_on_lpis(self) -> None:
        for cpu in range(self.cpus):
            self.both("set_lpis_on", cpu, True)
        for intid, priority in ((8192, 0xA0), (8195, 0x40), (9000, 0x40)):
            self.both("configure_lpi", intid, priority, True)

    @rule(cpu=CPUS, register=st.sampled_from(["SGI0R", "SGI1R", "ASGI1R"]), intid=SGIS, to=SETS_OF_CPUS)
    def sgi(self, cpu: int, register: str, intid: int, to: set[int]) -> None:
        self.both("send_sgi", self.at(cpu), register, intid, to)

    @rule(cpu=CPUS, intid=st.sampled_from([32, 33, 95]), to=CPUS, anyone=ON)
    def route(self, cpu: int, intid: int, to: int, anyone: bool) -> None:
        self.both("set_route", self.at(cpu), intid, ANYONE if anyone else {self.at(to)})

    @rule(cpu=CPUS, intid=st.sampled_from([32, 33, 95]))
    def any_one_cpu_may_take_it(self, cpu: int, intid: int) -> None:
        self.both("set_route", self.at(cpu), intid, ANYONE)
        self.both("set_enabled", self.at(cpu), intid, True)
        self.both("set_pending", self.at(cpu), intid, True)

    @rule(cpu=CPUS, awake=ON)
    def wake(self, cpu: int, awake: bool) -> None:
        if not self.is_restricted(cpu):
            self.both("set_awake", self.at(cpu), awake)

    @rule(cpu=CPUS, on=st.sampled_from([True, True, True, False]))
    def lpis_on(self, cpu: int, on: bool) -> None:
        self.both("set_lpis_on", self.at(cpu), on)

    @rule(intid=LPIS, priority=PRIORITIES, enabled=ON)
    def configure_lpi(self, intid: int, priority: int, enabled: bool) -> None:
        self.both("configure_lpi", intid, priority, enabled)

    @rule(cpu=CPUS, intid=LPIS, pending=st.sampled_from([True, True, False]))
    def lpi(self, cpu: int, intid: int, pending: bool) -> None:
        self.both("set_lpi", self.at(cpu), intid, pending)

    @rule(source=CPUS, destination=CPUS, intid=LPIS, every=ON)
    def move_lpi(self, source: int, destination: int, intid: int, every: bool) -> None:
        if every:
            self.both("move_all_lpis", self.at(source), self.at(destination))
        else:
            self.both("move_lpi", self.at(source), self.at(destination), intid)


class Version3WithTwoStates(Version3):
    two_states = True

    def at_el3(self, cpu: int) -> bool:
        return self.model.cpus[self.at(cpu)].el3

    @rule(cpu=CPUS, on=ON)
    def split_end_at_el3(self, cpu: int, on: bool) -> None:
        if self.at_el3(cpu):
            self.both("set_split_at_el3", self.at(cpu), on)

    @rule(cpu=CPUS, nonsecure=ON, secure=ON)
    def groups_of_both_states(self, cpu: int, nonsecure: bool, secure: bool) -> None:
        if self.at_el3(cpu):
            self.both("set_groups_at_el3", self.at(cpu), nonsecure, secure)

    @invariant()
    def the_same_control(self) -> None:
        for cpu in range(self.cpus):
            self.both("icc_control", cpu)
            if self.at_el3(cpu):
                self.both("control_at_el3", cpu)
                self.both("groups_at_el3", cpu)


TestVersion2 = checked(Version2, examples=50)
TestVersion2WithTwoStates = checked(Version2WithTwoStates, examples=50)
TestVersion3 = checked(Version3, examples=50)
TestVersion3WithTwoStates = checked(Version3WithTwoStates, examples=50)
