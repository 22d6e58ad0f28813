"""The product's 8259A pair behind the face of the model in models/i8259.py, so that one test can ask both."""

from __future__ import annotations

from typing import Any

from models.i8259 import DATASHEET, ELCR_MASK, MASTER, SLAVE, Habits, Pair

from vmm._native import ffi, lib

MASTER_BASE, SLAVE_BASE = 0x20, 0x28
NON_SPECIFIC_EOI, SPECIFIC_EOI = 0x20, 0x60
ROTATE_NON_SPECIFIC_EOI, ROTATE_SPECIFIC_EOI = 0xA0, 0xE0
ROTATE_IN_AEOI_SET, ROTATE_IN_AEOI_CLEAR = 0x80, 0x00
SET_PRIORITY = 0xC0
READ_IRR, READ_ISR, POLL = 0x0A, 0x0B, 0x0C
SPECIAL_MASK_SET, SPECIAL_MASK_CLEAR = 0x68, 0x48
AEOI, SPECIAL_FULLY_NESTED = 0x02, 0x10
UPM = 0x01


class ModelPic(Pair):
    """The model, with its registers read the way the product's are."""

    def irr(self, chip: int) -> int:
        return self.chips[chip].irr

    def isr(self, chip: int) -> int:
        return self.chips[chip].isr

    def imr(self, chip: int) -> int:
        return self.chips[chip].imr


class ProductPic:
    """`vmm_pic_*` on a machine of its own, without a vCPU."""

    def __init__(self, habits: Habits = DATASHEET) -> None:
        self.machine = ffi.gc(lib.vmm_new(), lib.vmm_free)
        self.pair = lib.vmm_pic_of(self.machine)
        for habit, has_it in vars(habits).items():
            setattr(self.pair, habit, has_it)

    def chip(self, chip: int) -> Any:
        return self.pair.chip[chip]

    def output(self) -> bool:
        return bool(self.chip(MASTER).output)

    def set_elcr(self, chip: int, value: int) -> None:
        self.chip(chip).elcr = value & ELCR_MASK[chip]

    def set_line(self, pin: int, level: bool) -> None:
        lib.vmm_pic_set_line(self.machine, pin, level)

    def write(self, chip: int, a0: int, value: int) -> None:
        lib.vmm_pic_write(self.machine, chip, a0, value)

    def read(self, chip: int, a0: int) -> int:
        return int(lib.vmm_pic_read(self.machine, chip, a0))

    def acknowledge(self) -> int:
        return int(lib.vmm_pic_acknowledge(self.machine))

    def irr(self, chip: int) -> int:
        return int(self.chip(chip).irr)

    def isr(self, chip: int) -> int:
        return int(self.chip(chip).isr)

    def imr(self, chip: int) -> int:
        return int(self.chip(chip).imr)


AnyPic = ModelPic | ProductPic


def initialise(pic: AnyPic, *, ltim: bool = False, master_icw4: int = 0x01, slave_icw4: int = 0x01) -> None:
    """Both chips as a PC's firmware leaves them: cascaded, vectors 20h-2Fh, nothing masked."""
    for chip, base, wiring, icw4 in (
        (MASTER, MASTER_BASE, 0x04, master_icw4),
        (SLAVE, SLAVE_BASE, 0x02, slave_icw4),
    ):
        pic.write(chip, 0, 0x11 | ltim << 3)
        for icw in (base, wiring, icw4):
            pic.write(chip, 1, icw)


def raise_lines(pic: AnyPic, *pins: int) -> None:
    for pin in pins:
        pic.set_line(pin, True)


def registers(pic: AnyPic, chip: int) -> tuple[int, int, int]:
    return pic.irr(chip), pic.isr(chip), pic.imr(chip)
