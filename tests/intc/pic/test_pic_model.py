"""The product's 8259A pair and the model in models/i8259.py agree on whatever guest and devices do (rules 9-10)."""

from __future__ import annotations

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from models.agreement import checked
from models.i8259 import DATASHEET, DEFAULT_PIN, MASTER, SLAVE, Habits

from .product_pic import ModelPic, ProductPic, initialise

pytestmark = pytest.mark.slow

CHIPS = st.sampled_from([MASTER, SLAVE])
LEVELS = st.integers(0, 7)
DEVICE_PINS = st.sampled_from([pin for pin in range(16) if pin != 2])
ICW4S = st.sampled_from([0x01, 0x03, 0x11, 0x13, 0x1D, 0x1F])


class Agreement(RuleBasedStateMachine):
    """Every rule does the same to both; every read and every register is compared."""

    habits = DATASHEET

    def __init__(self) -> None:
        super().__init__()
        self.product, self.model = ProductPic(self.habits), ModelPic(self.habits)

    def write(self, chip: int, a0: int, value: int) -> None:
        for face in (self.product, self.model):
            face.write(chip, a0, value)

    @initialize(
        elcr=st.tuples(st.integers(0, 255), st.integers(0, 255)), ltim=st.booleans(), icw4s=st.tuples(ICW4S, ICW4S)
    )
    def power_on(self, elcr: tuple[int, int], ltim: bool, icw4s: tuple[int, int]) -> None:
        for face in (self.product, self.model):
            for chip in (MASTER, SLAVE):
                face.set_elcr(chip, elcr[chip])
            initialise(face, ltim=ltim, master_icw4=icw4s[MASTER], slave_icw4=icw4s[SLAVE])

    @rule(pin=DEVICE_PINS, level=st.booleans())
    def line(self, pin: int, level: bool) -> None:
        for face in (self.product, self.model):
            face.set_line(pin, level)

    @rule(pin=DEVICE_PINS)
    def pulse(self, pin: int) -> None:
        for level in (False, True, False):
            self.line(pin, level)

    @rule(pins=st.lists(DEVICE_PINS, min_size=1, max_size=4))
    def fresh_edges(self, pins: list[int]) -> None:
        for pin in pins:
            self.line(pin, False)
            self.line(pin, True)

    @rule()
    def inta(self) -> None:
        assert self.product.acknowledge() == self.model.acknowledge()

    @rule()
    def serve_all_that_waits(self) -> None:
        for _ in range(16):
            if not self.model.output():
                return
            self.inta()

    @rule(chip=CHIPS, command=st.integers(0, 7), level=LEVELS)
    def ocw2(self, chip: int, command: int, level: int) -> None:
        self.write(chip, 0, command << 5 | level)

    @rule(chip=CHIPS, value=st.integers(0, 0x7F))
    def ocw3(self, chip: int, value: int) -> None:
        self.write(chip, 0, value & 0x67 | 0x08)

    @rule(chip=CHIPS, mask=st.integers(0, 255))
    def ocw1(self, chip: int, mask: int) -> None:
        self.write(chip, 1, mask)

    @rule(chip=CHIPS, command=st.integers(0, 7))
    def special_mask_over_what_is_served(self, chip: int, command: int) -> None:
        self.write(chip, 1, self.model.isr(chip))
        self.write(chip, 0, 0x68)
        self.ocw2(chip, command, 0)

    @rule(chip=CHIPS, a0=st.integers(0, 1))
    def read(self, chip: int, a0: int) -> None:
        polled = self.model.chips[chip].polled
        got, expected = self.product.read(chip, a0), self.model.read(chip, a0)
        if polled and expected == DEFAULT_PIN:  # nothing found: only bit 7 means something
            assert got & 0x80 == 0
        else:
            assert got == expected

    @rule(chip=CHIPS, a0=st.integers(0, 1))
    def poll(self, chip: int, a0: int) -> None:
        self.write(chip, 0, 0x0C)
        self.read(chip, a0)

    @rule(chip=CHIPS, flags=st.integers(0, 15), base=st.integers(0, 255), icw4=ICW4S)
    def initialise_one(self, chip: int, flags: int, base: int, icw4: int) -> None:
        self.write(chip, 0, 0x10 | flags)
        self.write(chip, 1, base)
        if not flags & 0x02:
            self.write(chip, 1, (0x04, 0x02)[chip])
        if flags & 0x01:
            self.write(chip, 1, icw4)

    @rule(chip=CHIPS, a0=st.integers(0, 1), value=st.integers(0, 255))
    def anything(self, chip: int, a0: int, value: int) -> None:
        self.write(chip, a0, value)

    @invariant()
    def agree(self) -> None:
        assert self.product.output() == self.model.output()
        for chip in (MASTER, SLAVE):
            for register in ("irr", "isr", "imr"):
                got, expected = (getattr(face, register)(chip) for face in (self.product, self.model))
                assert got == expected, f"{register} of chip {chip}: product {got:08b}, model {expected:08b}"


class EmulatorsAgreement(Agreement):
    """The same with what KVM and QEMU do."""

    habits = Habits(admits_lower=True, withdraws_int=True, keeps_edges=True)


TestAgreement = checked(Agreement, examples=120, steps=60)
TestEmulatorsAgreement = checked(EmulatorsAgreement, examples=120, steps=60)
