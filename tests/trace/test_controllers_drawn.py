"""What is drawn of controllers is what they hold, whatever is done to them and in whatever order."""

from __future__ import annotations

import random
from trace.test_timeline import gic_differs, ioapic_differs, pair_differs

import pytest

from vmm import Config, Machine
from vmm.core.event import Event
from vmm.core.native import lib
from vmm.trace.timeline import Timeline

MASTER, SLAVE = 0, 1
STEPS = 600
ISENABLER, ICENABLER, ISPENDR, ICPENDR, ISACTIVER, ICACTIVER, ICFGR = 0x100, 0x180, 0x200, 0x280, 0x300, 0x380, 0xC00


class Drawn:
    """A machine that is not run, and its bits as a timeline has them."""

    def __init__(self, board: str) -> None:
        self.machine = Machine(Config(board=board, console=None))
        self.native = self.machine._native
        self.now: dict[tuple[str, str], int] = {}
        self._timeline = Timeline(self.machine)
        self._draw(self.machine.trace.last(64))
        self.machine.trace.take(self._draw)

    def _draw(self, events: list[Event]) -> None:
        for event in events:
            for mark in self._timeline(event):
                if mark.what == "set":
                    self.now[mark.lane[:2]] = mark.value

    def settle(self) -> None:
        self.machine.trace.drain()


def initialise(drawn: Drawn, chip: int) -> None:
    for a0, value in ((0, 0x11), (1, 0x20 + 8 * chip), (1, 2 if chip else 4), (1, 1)):
        lib.vmm_pic_write(drawn.native, chip, a0, value)


@pytest.mark.parametrize("profile", ["default", "kvm", "qemu", "bochs"])
def test_of_the_8259a_pair(profile: str) -> None:
    """Lines, masks, ICW1, acknowledges and ends; of profiles, for they differ in which requests outlive a line."""
    drawn, dice = Drawn(f"pc,profile={profile}"), random.Random(profile)
    native = drawn.native
    for chip in (MASTER, SLAVE):
        initialise(drawn, chip)
        lib.vmm_pic_write(native, chip, 1, 0)
    for step in range(STEPS):
        chip, pin, what = dice.randrange(2), dice.choice((0, 1, 8, 9, 10)), dice.randrange(40)
        if what < 20:
            drawn.machine.irq(pin).raise_() if what % 2 else drawn.machine.irq(pin).lower()
        elif what < 28:
            lib.vmm_pic_write(native, chip, 1, dice.choice((0, 1, 2, 3, 4, 7)))
        elif what < 33:
            lib.vmm_pic_acknowledge(native)
        elif what < 39:
            lib.vmm_pic_write(native, chip, 0, 0x20)
        else:
            initialise(drawn, chip)
        drawn.settle()
        assert list(pair_differs(drawn.machine, drawn.now)) == [], (step, what, chip, pin)


@pytest.mark.parametrize("profile", ["default", "kvm", "qemu", "bochs"])
def test_of_an_ioapic(profile: str) -> None:
    """Lines, masks, edges and levels, accepted by an APIC that is on and refused by one that is off, and its ends."""
    drawn, dice = Drawn(f"pc,profile={profile}"), random.Random(profile)
    native, vcpu = drawn.native, drawn.machine.cpu._native
    for step in range(STEPS):
        pin, what = dice.choice((5, 6, 9)), dice.randrange(40)
        if what < 18:
            drawn.machine.irq(pin).raise_() if what % 2 else drawn.machine.irq(pin).lower()
        elif what < 30:
            low = 0x40 + dice.randrange(2) | dice.choice((0, 1 << 13)) | dice.choice((0, 1 << 15)) | (what < 22) << 16
            lib.vmm_ioapic_write(native, 0, 0x10 + 2 * pin)
            lib.vmm_ioapic_write(native, 0x10, low)
        elif what < 38:
            lib.vmm_lapic_acknowledge(vcpu)
            lib.vmm_lapic_write(vcpu, 0xB0, 0)
        else:
            lib.vmm_lapic_write(vcpu, 0xF0, dice.choice((0x0FF, 0x1FF, 0x1FF)))
        drawn.settle()
        assert list(ioapic_differs(drawn.machine, drawn.now)) == [], (step, what, pin)
    assert any(name.startswith("send pending") for _, name in drawn.now)


@pytest.mark.parametrize("version", [2, 3])
def test_of_a_gic(version: int) -> None:
    """Levels and edges, and states that software sets: a level that is latched too outlives its line until ICPENDR."""
    drawn, dice = Drawn(f"virt,gic={version}"), random.Random(version)
    for step in range(STEPS):
        spi, register = dice.randrange(4), dice.choice((ISENABLER, ICENABLER, ISPENDR, ICPENDR, ISACTIVER, ICACTIVER))
        what = dice.randrange(5)
        if what < 2:
            drawn.machine.spi(spi).raise_() if what else drawn.machine.spi(spi).lower()
        elif what < 4:
            lib.vmm_gic_dist_write(drawn.native, 0, register + 4, 4, 1 << spi)
        else:
            lib.vmm_gic_dist_write(drawn.native, 0, ICFGR + 8, 4, dice.choice((0, 2, 8, 0xAA)))
        drawn.settle()
        assert list(gic_differs(drawn.machine, drawn.now)) == [], (step, what, spi, hex(register))
