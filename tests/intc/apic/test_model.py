"""The product's APICs and the model in models/lapic.py agree on whatever guests and devices do (rules 12-19)."""

from __future__ import annotations

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from models.agreement import checked
from models.lapic import Message, System

from intc.apic.apic_bench import (
    ACTIVE_LOW,
    ALL,
    DFR,
    ESR,
    LDR,
    LEVEL,
    LOGICAL,
    LOWEST,
    LVT_LINT0,
    LVT_TIMER,
    MASKED,
    NMI,
    OTHERS,
    PERIODIC,
    PPR,
    SELF,
    SVR,
    TIMER_CURRENT,
    TIMER_DIVIDE,
    TIMER_INITIAL,
    TPR,
    Apic,
    ApicBench,
    State,
)  # fmt: skip
from intc.apic.apic_bench import ASSERT as ASSERTED

pytestmark = pytest.mark.slow

CPUS = st.integers(0, 1)
ON = st.booleans()
VECTORS = st.sampled_from([0x0F, 0x10, 0x31, 0x32, 0x51, 0x51, 0x5F, 0x60, 0xF1])
PINS = st.sampled_from([2, 5, 6])
MODES = {"fixed": 0, "lowest": LOWEST, "nmi": NMI}
SOME_MODE = st.sampled_from(["fixed", "fixed", "lowest", "nmi"])
SHORTHANDS = {"none": 0, "self": SELF, "all": ALL, "others": OTHERS}
SOME_SHORTHAND = st.sampled_from([*SHORTHANDS])
DESTINATIONS = st.sampled_from([0x00, 0x01, 0x02, 0x03, 0x11, 0x12, 0x13, 0x21, 0xFF])
DIVISORS = {1: 0xB, 2: 0x0, 16: 0x3}
NO_BROADCAST = 1 << 12


class Agreement(RuleBasedStateMachine):
    """Every rule does the same to both; every register is compared."""

    cpus = 1

    def __init__(self) -> None:
        super().__init__()
        self.bench, self.model = ApicBench(self.cpus), System(self.cpus)

    def at(self, cpu: int) -> int:
        return cpu % self.cpus

    def product(self, cpu: int) -> Apic:
        return self.bench.apics[self.at(cpu)]

    # ---- software ----

    @rule(cpu=CPUS, vector=VECTORS, mode=SOME_MODE, to=DESTINATIONS, logical=ON, shorthand=SOME_SHORTHAND)
    def ipi(self, cpu: int, vector: int, mode: str, to: int, logical: bool, shorthand: str) -> None:
        self.product(cpu).ipi(MODES[mode] | SHORTHANDS[shorthand] | LOGICAL * logical | vector, to)
        self.model.ipi(self.at(cpu), Message(vector, mode), shorthand, to, logical)

    @rule(cpu=CPUS, vector=VECTORS)
    def self_ipi(self, cpu: int, vector: int) -> None:
        self.ipi(cpu, vector, "fixed", 0, False, "self")

    @rule(cpu=CPUS, value=st.sampled_from([0x00, 0x00, 0x35, 0x50, 0x5F, 0x60, 0xFF]))
    def tpr(self, cpu: int, value: int) -> None:
        self.product(cpu).write(TPR, value)
        self.model.apics[self.at(cpu)].set_tpr(value)

    @rule(cpu=CPUS)
    def inta(self, cpu: int) -> None:
        if self.model.apics[self.at(cpu)].signals():
            assert self.product(cpu).inta() == self.model.apics[self.at(cpu)].inta()

    @rule(cpu=CPUS)
    def eoi(self, cpu: int) -> None:
        self.product(cpu).eoi()
        self.model.apics[self.at(cpu)].eoi()

    @rule(cpu=CPUS, enabled=st.sampled_from([True, True, False]), suppresses=st.sampled_from([False, False, True]))
    def svr(self, cpu: int, enabled: bool, suppresses: bool) -> None:
        self.product(cpu).write(SVR, 0xFF | 0x100 * enabled | NO_BROADCAST * suppresses)
        self.model.apics[self.at(cpu)].suppresses_broadcast = suppresses
        self.model.apics[self.at(cpu)].set_enabled(enabled)

    @rule(cpu=CPUS, ldr=st.sampled_from([0x00, 0x01, 0x02, 0x11, 0x12, 0x21]), flat=ON)
    def logical_id(self, cpu: int, ldr: int, flat: bool) -> None:
        apic = self.model.apics[self.at(cpu)]
        self.product(cpu).write(LDR, ldr << 24)
        apic.logical = ldr
        self.model.ioapic.look_at_every_pin()
        self.product(cpu).write(DFR, 0xF0000000 * flat)
        apic.flat = flat
        self.model.ioapic.look_at_every_pin()

    @rule(cpu=CPUS)
    def error_status(self, cpu: int) -> None:
        apic = self.model.apics[self.at(cpu)]
        self.product(cpu).write(ESR, 0)
        apic.error_status, apic.errors = apic.errors, 0
        assert self.product(cpu).read(ESR) == apic.error_status

    # ---- devices ----

    @rule(cpu=CPUS, high=ON)
    def lint0(self, cpu: int, high: bool) -> None:
        self.product(cpu).lint(0, high)
        self.model.apics[self.at(cpu)].drive_lint0(high)

    @rule(cpu=CPUS, vector=VECTORS, masked=ON, level=ON, active_low=ON)
    def lint0_entry(self, cpu: int, vector: int, masked: bool, level: bool, active_low: bool) -> None:
        self.product(cpu).write(LVT_LINT0, MASKED * masked | LEVEL * level | ACTIVE_LOW * active_low | vector)
        self.model.apics[self.at(cpu)].program_lint0(vector, masked, level, active_low)

    @rule(
        pin=PINS, vector=VECTORS, mode=SOME_MODE, to=DESTINATIONS, logical=ON, level=ON,
        masked=st.sampled_from([False, False, True]),
    )  # fmt: skip
    def redirect(self, pin: int, vector: int, mode: str, to: int, logical: bool, level: bool, masked: bool) -> None:
        entry = self.model.ioapic.pins[pin]
        self.bench.io_write(0x10 + 2 * pin, MASKED)  # so that no half-written entry delivers
        self.bench.io_write(0x11 + 2 * pin, to << 24)
        self.bench.io_write(0x10 + 2 * pin, MODES[mode] | LOGICAL * logical | LEVEL * level | MASKED * masked | vector)
        entry.vector, entry.mode, entry.destination, entry.logical = vector, mode, to, logical
        entry.level, entry.masked, entry.remote_irr = level, masked, False
        self.model.ioapic.look_at(entry)

    @rule(pin=PINS, masked=ON)
    def mask(self, pin: int, masked: bool) -> None:
        low = self.bench.io_read(0x10 + 2 * pin)
        self.bench.io_write(0x10 + 2 * pin, low & ~MASKED | MASKED * masked)
        self.model.ioapic.pins[pin].masked = masked
        self.model.ioapic.look_at(self.model.ioapic.pins[pin])

    @rule(pin=PINS, high=ON)
    def line(self, pin: int, high: bool) -> None:
        self.bench.line(pin, high)
        self.model.ioapic.drive(pin, high)

    @rule(vector=VECTORS)
    def io_eoi(self, vector: int) -> None:
        self.bench.io_eoi(vector)
        self.model.ioapic.eoi(vector)

    @rule(vector=VECTORS, mode=SOME_MODE, to=DESTINATIONS, logical=ON, redirect=ON, level=ON)
    def msi(self, vector: int, mode: str, to: int, logical: bool, redirect: bool, level: bool) -> None:
        self.bench.msi(MODES[mode] | (LEVEL | ASSERTED) * level | vector, to, logical=logical, redirect=redirect)
        self.model.send(Message(vector, mode, level), to, logical, one=redirect and mode != "nmi")

    # ---- time ----

    @rule(cpu=CPUS, vector=VECTORS, periodic=ON, masked=st.sampled_from([False, False, True]))
    def timer_entry(self, cpu: int, vector: int, periodic: bool, masked: bool) -> None:
        self.product(cpu).write(LVT_TIMER, PERIODIC * periodic | MASKED * masked | vector)
        timer = self.model.apics[self.at(cpu)].timer
        timer.vector, timer.periodic = vector, periodic
        timer.masked = masked or not self.model.apics[self.at(cpu)].enabled

    @rule(cpu=CPUS, divisor=st.sampled_from([*DIVISORS]), initial=st.sampled_from([0, 1, 7, 10, 33, 100]))
    def start_timer(self, cpu: int, divisor: int, initial: int) -> None:
        self.product(cpu).write(TIMER_DIVIDE, DIVISORS[divisor])
        self.product(cpu).write(TIMER_INITIAL, initial)
        timer = self.model.apics[self.at(cpu)].timer
        timer.divisor = divisor
        timer.start(initial)

    @rule(boundaries=st.integers(1, 25))
    def pass_time(self, boundaries: int) -> None:
        for product, model in zip(self.bench.apics, self.model.apics, strict=True):
            product.forget_nmi()  # which the vCPU would take now
            model.nmis = 0
        self.bench.pass_ns(10 * boundaries)
        self.model.pass_ns(10 * boundaries)

    # ---- what is compared ----

    @invariant()
    def agree(self) -> None:
        for index, apic in enumerate(self.model.apics):
            product = self.bench.apics[index]
            state = (frozenset(apic.requested), frozenset(apic.in_service), frozenset(apic.level_triggered))
            assert product.state == State(*state), f"vCPU {index}"
            assert product.read(PPR) == apic.ppr
            assert product.signals() == apic.signals()
            assert product.view.errors == apic.errors
            assert product.nmi() == bool(apic.nmis)
            assert product.read(TIMER_CURRENT) == apic.timer.count
            assert product.view.entry("lint0").remote_irr == apic.lint0.remote_irr
        for number, pin in enumerate(self.model.ioapic.pins):
            assert self.bench.remote_irr(number) == pin.remote_irr, f"pin {number}"


class TwoCpus(Agreement):
    cpus = 2


TestOneLocalApic = checked(Agreement, examples=100)
TestTwoLocalApicsAndAnIoApic = checked(TwoCpus, examples=100)
