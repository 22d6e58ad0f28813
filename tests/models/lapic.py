"""A second opinion on local APICs and IOAPIC, written from the Intel SDM vol. 3A chapter 11 and the 82093AA datasheet.

It shares nothing with the product and prefers the obvious to the fast: sets of vectors, and a clock that goes one
nanosecond at a time. Where the manuals leave room it decides as the product's documentation says: a TPR write that
masks what INTR was raised for leads to the spurious vector, arbitration for lowest priority goes round among equals, a
masked edge is lost, and ICR's trigger mode means nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field

SPURIOUS = 0xFF
SEND_ILLEGAL, RECEIVE_ILLEGAL = 0x20, 0x40


def priority_class(vector: int) -> int:
    return vector // 16


@dataclass
class Message:
    """What travels: `mode` is "fixed", "lowest" or "nmi"."""

    vector: int
    mode: str = "fixed"
    level: bool = False


@dataclass
class Timer:
    """Counts down by one every `divisor` nanoseconds."""

    vector: int = 0
    masked: bool = True
    periodic: bool = False
    divisor: int = 2
    initial: int = 0
    count: int = 0
    into_tick: int = 0

    def start(self, initial: int) -> None:
        self.initial = self.count = initial
        self.into_tick = 0

    def nanosecond(self) -> bool:
        """True when the count reaches 0."""
        if self.count == 0:
            return False
        self.into_tick += 1
        if self.into_tick < self.divisor:
            return False
        self.into_tick = 0
        self.count -= 1
        if self.count:
            return False
        if self.periodic:
            self.count = self.initial
        return True


@dataclass
class Lint0:
    """The pin and its entry, of delivery mode fixed."""

    high: bool = False
    vector: int = 0
    masked: bool = True
    level: bool = False
    active_low: bool = False
    remote_irr: bool = False

    @property
    def asserted(self) -> bool:
        return self.high != self.active_low


class LocalApic:
    def __init__(self, number: int, system: System) -> None:
        self.id = number
        self.system = system
        self.logical = 0
        self.flat = True
        self.enabled = True
        self.suppresses_broadcast = False
        self.tpr = 0
        self.requested: set[int] = set()
        self.in_service: set[int] = set()
        self.level_triggered: set[int] = set()
        self.owes_spurious = False
        self.errors = 0
        self.error_status = 0
        self.nmis = 0
        self.timer = Timer()
        self.lint0 = Lint0()

    # ---- priorities ----

    @property
    def ppr(self) -> int:
        serving = max(self.in_service, default=0)
        if priority_class(self.tpr) >= priority_class(serving):
            return self.tpr
        return priority_class(serving) * 16

    @property
    def arbitration(self) -> int:
        serving, waiting = max(self.in_service, default=0), max(self.requested, default=0)
        task = priority_class(self.tpr)
        if task >= priority_class(waiting) and task > priority_class(serving):
            return self.tpr
        return 16 * max(task, priority_class(waiting), priority_class(serving))

    def dispensable(self) -> int | None:
        best = max(self.requested, default=0)
        return best if self.enabled and priority_class(best) > priority_class(self.ppr) else None

    def signals(self) -> bool:
        return self.owes_spurious or self.dispensable() is not None

    def set_tpr(self, value: int) -> None:
        before = self.dispensable()
        self.tpr = value
        if before is not None and self.dispensable() is None:
            self.owes_spurious = True

    # ---- the way of an interrupt ----

    def accept(self, message: Message) -> bool:
        if message.mode == "nmi":
            self.nmis = 1
            return True
        if not self.enabled:
            return False
        if message.vector < 16:
            self.errors |= RECEIVE_ILLEGAL
            return False
        self.requested.add(message.vector)
        if message.level:
            self.level_triggered.add(message.vector)
        else:
            self.level_triggered.discard(message.vector)
        return True

    def inta(self) -> int:
        best = self.dispensable()
        self.owes_spurious = False
        if best is None:
            return SPURIOUS
        self.requested.remove(best)
        self.in_service.add(best)
        return best

    def eoi(self) -> None:
        if not self.in_service:
            return
        ended = max(self.in_service)
        self.in_service.remove(ended)
        if ended not in self.level_triggered:
            return
        if self.lint0.vector == ended:
            self.lint0.remote_irr = False
        if not self.suppresses_broadcast:
            self.system.ioapic.eoi(ended)
        self.look_at_lint0()

    # ---- its own sources ----

    def set_enabled(self, enabled: bool) -> None:
        self.enabled = enabled
        if not enabled:
            self.owes_spurious = False
            self.timer.masked = self.lint0.masked = True
        self.system.ioapic.look_at_every_pin()

    def nanosecond(self) -> None:
        if self.timer.nanosecond() and not self.timer.masked:
            self.accept(Message(self.timer.vector))

    def drive_lint0(self, high: bool) -> None:
        if high == self.lint0.high:
            return
        self.lint0.high = high
        if self.lint0.level:
            self.look_at_lint0()
        elif self.lint0.asserted and not self.lint0.masked:
            self.accept(Message(self.lint0.vector))

    def program_lint0(self, vector: int, masked: bool, level: bool, active_low: bool) -> None:
        entry = self.lint0
        entry.vector, entry.level, entry.active_low = vector, level, active_low
        entry.masked = masked or not self.enabled
        self.look_at_lint0()

    def look_at_lint0(self) -> None:
        entry = self.lint0
        if not entry.level:
            entry.remote_irr = False
        elif entry.asserted and not entry.masked and not entry.remote_irr:
            entry.remote_irr = self.accept(Message(entry.vector, level=True))

    # ---- destinations ----

    def is_meant(self, destination: int, logical: bool) -> bool:
        if not logical:
            return destination == self.id
        if self.flat:
            return bool(destination & self.logical)
        return destination // 16 == self.logical // 16 and bool(destination % 16 & self.logical % 16)


@dataclass
class Pin:
    high: bool = False
    vector: int = 0
    destination: int = 0
    logical: bool = False
    mode: str = "fixed"
    level: bool = False
    masked: bool = True
    remote_irr: bool = False

    @property
    def is_level(self) -> bool:
        return self.level and self.mode != "nmi"


class IoApic:
    def __init__(self, system: System) -> None:
        self.system = system
        self.pins = [Pin() for _ in range(24)]

    def send(self, pin: Pin) -> bool:
        return self.system.send(Message(pin.vector, pin.mode, pin.is_level), pin.destination, pin.logical)

    def look_at(self, pin: Pin) -> None:
        if pin.is_level and pin.high and not pin.masked and not pin.remote_irr:
            pin.remote_irr = self.send(pin)

    def look_at_every_pin(self) -> None:
        for pin in self.pins:
            self.look_at(pin)

    def drive(self, number: int, high: bool) -> None:
        pin = self.pins[number]
        rises = high and not pin.high
        pin.high = high
        if pin.is_level:
            self.look_at(pin)
        elif rises and not pin.masked:
            self.send(pin)

    def eoi(self, vector: int) -> None:
        ended = [pin for pin in self.pins if pin.remote_irr and pin.vector == vector]
        for pin in ended:
            pin.remote_irr = False
        for pin in ended:
            self.look_at(pin)


@dataclass
class System:
    cpus: int
    last_winner: int = 0
    apics: list[LocalApic] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.apics = [LocalApic(number, self) for number in range(self.cpus)]
        self.ioapic = IoApic(self)

    def meant(self, destination: int, logical: bool) -> list[LocalApic]:
        everyone = destination == 0xFF  # a broadcast for whoever sends with eight bits of destination
        return [apic for apic in self.apics if everyone or apic.is_meant(destination, logical)]

    def send(self, message: Message, destination: int, logical: bool, *, one: bool = False) -> bool:
        return self.send_to(message, self.meant(destination, logical), one)

    def send_to(self, message: Message, targets: list[LocalApic], one: bool = False) -> bool:
        if one or message.mode == "lowest":
            winner = self.arbitrate(targets)
            return winner is not None and winner.accept(message)
        accepted = [apic.accept(message) for apic in targets]
        return True in accepted

    def arbitrate(self, targets: list[LocalApic]) -> LocalApic | None:
        able = [apic for apic in targets if apic.enabled]
        if not able:
            return None
        lowest = min(apic.arbitration for apic in able)
        order = [(self.last_winner + step) % self.cpus for step in range(1, self.cpus + 1)]
        winner = next(self.apics[n] for n in order if self.apics[n] in able and self.apics[n].arbitration == lowest)
        self.last_winner = winner.id
        return winner

    def ipi(self, sender: int, message: Message, shorthand: str, destination: int, logical: bool) -> None:
        if message.mode != "nmi" and message.vector < 16:
            self.apics[sender].errors |= SEND_ILLEGAL
        others = [apic for apic in self.apics if apic.id != sender]
        targets = {
            "none": self.meant(destination, logical),
            "self": [self.apics[sender]],
            "all": self.apics,
            "others": others,
        }[shorthand]
        alone = Message(message.vector, "fixed") if shorthand == "self" and message.mode == "lowest" else message
        self.send_to(alone, targets)

    def pass_ns(self, ns: int) -> None:
        for _ in range(ns):
            for apic in self.apics:
                apic.nanosecond()
