"""What a device has for its driver lies there longer than it may."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from vmm.core.event import Event
from vmm.core.native import lib
from vmm.diagnoses.books import Books
from vmm.diagnoses.diagnosis import Budget, Diagnosis, Evidence, Patient, Verdict
from vmm.diagnoses.told import in_us

WHAT = (1 << lib.VMM_WORK_BITS) - 1
COMES, ASKED, DONE, SET_UP = lib.VMM_WORK_COMES, lib.VMM_WORK_ASKED, lib.VMM_WORK_DONE, lib.VMM_WORK_SET_UP
KEPT = 1 << 16
"""Works of a device that are waited for at once."""


@dataclass
class Work:
    """One thing that a device had."""

    number: int
    came: Event
    asked: Event | None = None
    done: Event | None = None
    """None: to the end of the run it is not."""
    set_up: Event | None = None
    """Where its driver last said when it wanted to be asked."""


@dataclass
class Device:
    """What is known of the one on a line."""

    waiting: deque[Work]
    count: int = 0
    late: int = 0
    worst: tuple[int, Work] | None = None
    """Nanoseconds, and whose."""
    set_up: Event | None = None
    asked: int = -1
    """Up to this work it has asked."""


class Rule(Diagnosis):
    """An interrupt may be answered at once and the work be late: the device has waited for more of it."""

    RULE = (
        "what a device had for its driver (a packet, a block) was not done within the budget, counted from when it "
        "came and not from its interrupt, or to the end of the run; certain, for it is counted"
    )
    WANTS = ("work",)
    BUDGET = "80us"
    NEEDED = True

    def __init__(self, name: str, patient: Patient, budget: Budget | None, books: Books) -> None:
        super().__init__(name, patient, budget, books)
        self._allowed = budget.in_insns(patient.insn_ns) * patient.insn_ns if budget else 0
        self._devices: dict[int, Device] = {}

    def applies(self) -> str:
        if any(getattr(device, "TELLS_WORK", False) for device in self._patient.board.devices.values()):
            return ""
        return "no device of this board tells of work that it has for its driver: a NIC does (--board …,nic=on)"

    def see(self, event: Event) -> None:
        device = self._devices.setdefault(event.number, Device(deque(maxlen=KEPT)))
        number, what = event.value >> lib.VMM_WORK_BITS, event.value & WHAT
        if what == COMES:
            device.waiting.append(Work(number, event, set_up=device.set_up))
        elif what == SET_UP:
            device.set_up = event
        elif what == ASKED:
            for work in device.waiting:
                if device.asked < work.number <= number:
                    work.asked = event
            device.asked = number
        elif what == DONE:
            self._done(device, number, event)

    def _done(self, device: Device, number: int, event: Event) -> None:
        for work in device.waiting:
            if work.number == number:
                work.done = event
                device.waiting.remove(work)
                self._count(device, work, event.ns)
                return

    def _count(self, device: Device, work: Work, until: int) -> None:
        ns = until - work.came.ns
        device.count += 1
        device.late += ns > self._allowed
        if device.worst is None or ns > device.worst[0]:
            device.worst = ns, work

    def _over(self) -> Iterator[tuple[int, Device]]:
        """With what is not done at the run's end."""
        for line, known in sorted(self._devices.items()):
            device = Device(known.waiting, known.count, known.late, known.worst)
            for work in known.waiting:
                self._count(device, work, self._patient.now_ns)
            yield line, device

    def verdicts(self) -> Iterator[Verdict]:
        for line, device in self._over():
            if self._budget and device.worst and device.worst[0] > self._allowed:
                yield self._verdict(line, device, *device.worst)

    def _verdict(self, line: int, device: Device, ns: int, work: Work) -> Verdict:
        assert self._budget
        text = (
            f"work {work.number} of {self._name(line)} {'is done' if work.done else 'has waited'} {in_us(ns)} after it "
            f"came, where {self._budget.text} is allowed: {self._parts(work)}; {device.late} of {device.count} are late"
        )
        return self.verdict(text, *self._evidence(work))

    def _parts(self, work: Work) -> str:
        end = work.done.ns if work.done else self._patient.now_ns
        if work.asked is None:
            return "the device has not asked for an interrupt"
        before, behind = work.asked.ns - work.came.ns, end - work.asked.ns
        return f"{in_us(before)} before the device asks for an interrupt, {in_us(behind)} behind that"

    def _evidence(self, work: Work) -> Iterator[Evidence]:
        """The guilty place first: where it was set up, if that took the longer part; else where it is done."""
        places = []
        if work.set_up:
            places.append(self.evidence(work.set_up, "the device is told when it is to ask for an interrupt"))
        if work.done:
            places.append(self.evidence(work.done, "its driver says that it is done"))
        asked = work.asked.ns if work.asked else self._patient.now_ns
        if work.done and work.done.ns - asked > asked - work.came.ns:
            places.reverse()
        yield from places
        yield self.evidence(work.came, "it comes, while this runs")

    def figures(self) -> Iterator[str]:
        if self._budget is None:
            return
        for line, device in self._over():
            if device.worst:
                ns, work = device.worst
                works = f"{device.count} works, the latest done after {in_us(ns)}"
                yield f"{self._name(line)}: {works}: {self._parts(work)}"

    def _name(self, line: int) -> str:
        return str(self._patient.board.line_names.get(line, f"line {line}"))
