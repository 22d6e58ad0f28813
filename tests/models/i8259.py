"""A second opinion on the 8259A pair of a PC, written from Intel's datasheet 231468 as a plain search over its rules.

It shares nothing with the product and prefers the obvious to the fast: eight pins are eight small objects, and whoever
asks for the next interrupt walks them from the highest priority down.

Where the datasheet leaves room, the model decides:

1. An IRR bit is the edge latch together with the pin: a request that goes away before INTA takes its bit with it
   ("IR inputs must remain high until after the falling edge of the first INTA").
2. Masking hides a request from the priority resolver and never from the latch: IRR does not depend on IMR.
3. When the last request goes away by itself, INT stays up until the next INTA, poll or ICW1, and the INTA gets the
   default IR7; the datasheet names the default but not how the CPU comes to acknowledge. A command that takes the last
   request away (mask, priority, mode) takes INT with it. For the master, the slave's INT is a pin like any other.
4. A slave's INT falls at every INTA and rises again when something is left, so that the master's edge-triggered IR2
   sees each of them (matters with AEOI in the slave, where nothing else would make it fall). A poll's read counts as
   INTA here as it does everywhere else.
5. An edge that comes while the pin is level-triggered is latched all the same, should the pin become edge-triggered.
6. ICW1 also ends service, polling and rotation in AEOI mode: the datasheet lists neither, and both Bochs and QEMU do.
7. MCS-80/85 mode (ICW4 bit 0 clear) gives the 8086's single vector byte: a PC cannot take a three-byte CALL.
8. AEOI works in the slave as well (chips since 1985).
9. OCW3 with both P and RR set: the poll comes first, the selection is kept for later reads.
10. A poll that finds nothing returns bit 7 clear; the other bits mean nothing and are those of the default IR7.
11. ICW1 keeps the last ICW3, and with IC4 = 1 the last ICW4, until the new ones come. Nothing depends on the slave's
    own ICW3, its id: on a PC there is one slave to answer.

`Habits` are what emulators do instead: KVM's and QEMU's pic_get_irq, pic_set_irq1 and pic_set_irq.
"""

from __future__ import annotations

from dataclasses import dataclass

MASTER, SLAVE = 0, 1
SLAVE_PIN = 2
DEFAULT_PIN = 7
ELCR_MASK = (0xF8, 0xDE)
"""Pins whose trigger software may choose: not the timer, the keyboard, the cascade, the clock and the coprocessor."""


@dataclass(frozen=True)
class Habits:
    """Where KVM and QEMU leave the datasheet."""

    admits_lower: bool = False
    """Fully nested special mode takes the slave's pin out of the master's priorities altogether."""
    withdraws_int: bool = False
    """Nothing is owed for a request that goes away (decision 3): INT is whether there is one."""
    keeps_edges: bool = False
    """The edge latch does not care whether the pin is still high (decision 1)."""


DATASHEET = Habits()


class Pin:
    """One IR input: the wire, its edge latch, and the bits that IMR and ISR hold for it."""

    def __init__(self) -> None:
        self.high = False
        self.edge_waits = False
        self.level_triggered = False
        self.masked = False
        self.in_service = False

    def drive(self, high: bool, keep_edge: bool) -> None:
        if high and not self.high:
            self.edge_waits = True
        if not high and not keep_edge:
            self.edge_waits = False
        self.high = high


class Chip:
    """One 8259A; the slave's `slave_pins` stay empty: its ICW3 is an id."""

    def __init__(self, is_master: bool, habits: Habits) -> None:
        self.is_master = is_master
        self.habits = habits
        self.slave_pins = 0
        self.pins = [Pin() for _ in range(8)]
        self.elcr = 0
        self.owes_default = False
        self.base = 0
        self.expected: list[str] = []
        self.lowest = 7
        self.single = self.ltim = False
        self.auto_eoi = self.fully_nested_special = False
        self.special_mask = self.rotate_in_aeoi = False
        self.read_isr = self.polled = False

    # ---- what a register shows ----

    def bits(self, attribute: str) -> int:
        return sum(1 << number for number, pin in enumerate(self.pins) if getattr(pin, attribute))

    @property
    def imr(self) -> int:
        return self.bits("masked")

    @property
    def isr(self) -> int:
        return self.bits("in_service")

    @property
    def irr(self) -> int:
        return sum(1 << number for number in range(8) if self.requests(number))

    # ---- the priority resolver ----

    def is_level(self, number: int) -> bool:
        return self.ltim or bool(self.elcr >> number & 1)

    def requests(self, number: int) -> bool:
        pin = self.pins[number]
        return pin.high if self.is_level(number) else pin.edge_waits

    def by_priority(self) -> list[int]:
        """Pin numbers, highest priority first."""
        return [(self.lowest + step) % 8 for step in range(1, 9)]

    def counts_in_service(self, number: int) -> bool:
        """Special mask mode takes masked levels out of the nesting."""
        pin = self.pins[number]
        return pin.in_service and not (self.special_mask and pin.masked)

    def carries_slave(self, number: int) -> bool:
        return not self.single and bool(self.slave_pins >> number & 1)

    def may_nest_in_itself(self, number: int) -> bool:
        return self.is_master and self.fully_nested_special and self.carries_slave(number)

    def best(self) -> int | None:
        """The pin that INTA would acknowledge, if any."""
        for number in self.by_priority():
            wanted = self.requests(number) and not self.pins[number].masked
            if self.counts_in_service(number):
                if wanted and self.may_nest_in_itself(number):
                    return number
                if not (self.habits.admits_lower and self.may_nest_in_itself(number)):
                    return None
            elif wanted:
                return number
        return None

    @property
    def int_pin(self) -> bool:
        return self.owes_default or self.best() is not None

    def drive(self, number: int, high: bool) -> None:
        had_request = self.best() is not None
        self.pins[number].drive(high, self.habits.keeps_edges and not self.is_level(number))
        if had_request and self.best() is None and not self.habits.withdraws_int:
            self.owes_default = True

    # ---- acknowledge and end of interrupt ----

    def take(self) -> int | None:
        """One acknowledge: the pin that goes into service, or None for the default IR7."""
        number = self.best()
        self.owes_default = False
        if number is not None:
            self.pins[number].edge_waits = False
            self.pins[number].in_service = True
            if self.auto_eoi:
                self.end(number, rotate=self.rotate_in_aeoi)
        return number

    def end(self, number: int, rotate: bool) -> None:
        self.pins[number].in_service = False
        if rotate:
            self.lowest = number

    def end_highest(self, rotate: bool) -> None:
        for number in self.by_priority():
            if self.counts_in_service(number):
                self.end(number, rotate)
                return

    # ---- commands ----

    def write(self, a0: int, value: int) -> None:
        if a0 == 0 and value & 0x10:
            self.icw1(value)
        elif a0 == 0 and value & 0x08:
            self.ocw3(value)
        elif a0 == 0:
            self.ocw2(value >> 5, value & 7)
        elif self.expected:
            self.icw(self.expected.pop(0), value)
        else:
            for number, pin in enumerate(self.pins):
                pin.masked = bool(value >> number & 1)

    def icw1(self, value: int) -> None:
        self.ltim = bool(value & 0x08)
        self.single = bool(value & 0x02)
        self.expected = ["ICW2"]
        if not self.single:
            self.expected.append("ICW3")
        if value & 0x01:
            self.expected.append("ICW4")
        else:
            self.auto_eoi = self.fully_nested_special = False
        self.lowest = 7
        self.special_mask = self.rotate_in_aeoi = False
        self.read_isr = self.polled = False
        self.owes_default = False
        for pin in self.pins:
            pin.masked = pin.in_service = pin.edge_waits = False

    def icw(self, name: str, value: int) -> None:
        if name == "ICW2":
            self.base = value & 0xF8
        elif name == "ICW3":
            self.slave_pins = value if self.is_master else 0
        elif name == "ICW4":
            self.auto_eoi = bool(value & 0x02)
            self.fully_nested_special = bool(value & 0x10)

    def ocw2(self, command: int, level: int) -> None:
        """The eight commands of R, SL and EOI."""
        if command == 0b001:
            self.end_highest(rotate=False)
        elif command == 0b011:
            self.end(level, rotate=False)
        elif command == 0b101:
            self.end_highest(rotate=True)
        elif command == 0b111:
            self.end(level, rotate=True)
        elif command == 0b110:
            self.lowest = level
        elif command == 0b100:
            self.rotate_in_aeoi = True
        elif command == 0b000:
            self.rotate_in_aeoi = False

    def ocw3(self, value: int) -> None:
        if value & 0x40:
            self.special_mask = bool(value & 0x20)
        if value & 0x04:
            self.polled = True
        if value & 0x02:
            self.read_isr = bool(value & 0x01)

    def read(self, a0: int) -> int:
        if self.polled:
            self.polled = False
            number = self.take()
            return DEFAULT_PIN if number is None else 0x80 | number
        if a0:
            return self.imr
        return self.isr if self.read_isr else self.irr


class Pair:
    """Master and slave as a PC has them: ports 20h/21h and A0h/A1h, the slave's INT on the master's IR2."""

    def __init__(self, habits: Habits = DATASHEET) -> None:
        self.chips = (Chip(True, habits), Chip(False, habits))

    def output(self) -> bool:
        """The INT pin of the master, which the CPU sees."""
        return self.chips[MASTER].int_pin

    def set_elcr(self, chip: int, value: int) -> None:
        self.chips[chip].elcr = value & ELCR_MASK[chip]
        self.cascade()

    def set_line(self, pin: int, level: bool) -> None:
        """`pin` 0-7 belongs to the master and 8-15 to the slave; 2 is the cascade and has no wire of its own."""
        chip, number = divmod(pin, 8)
        self.chips[chip].drive(number, level)
        self.cascade()

    def write(self, chip: int, a0: int, value: int) -> None:
        self.chips[chip].write(a0, value)
        self.cascade()

    def read(self, chip: int, a0: int) -> int:
        polled = self.chips[chip].polled
        value = self.chips[chip].read(a0)
        if polled and chip == SLAVE:
            self.slave_was_acknowledged()
        return value

    def acknowledge(self) -> int:
        """INTA: the vector."""
        master, slave = self.chips
        number = master.take()
        if number == SLAVE_PIN and master.carries_slave(number):
            of_slave = slave.take()
            self.slave_was_acknowledged()
            return slave.base + (DEFAULT_PIN if of_slave is None else of_slave)
        return master.base + (DEFAULT_PIN if number is None else number)

    def slave_was_acknowledged(self) -> None:
        """Its INT falls with INTA, before it looks for more."""
        self.chips[MASTER].drive(SLAVE_PIN, False)
        self.cascade()

    def cascade(self) -> None:
        self.chips[MASTER].drive(SLAVE_PIN, self.chips[SLAVE].int_pin)
