"""What a debugger does to a machine: looks at vCPUs and memory, sets breakpoints, moves it on and back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from vmm import arch
from vmm.arch.debugger import Register, View, refused
from vmm.core.stops import Stop
from vmm.debug.course import Came, Course
from vmm.debug.past import SLICE, BrokenIn, Hit, Past, Poll
from vmm.debug.watched import watched
from vmm.errors import VmmError, unknown
from vmm.inputs.position import Position
from vmm.scenario.trigger import Trigger
from vmm.scenario.triggers import Accessed, NextBoundary, Reach, Returned
from vmm.trace.events import SYNCHRONOUS

if TYPE_CHECKING:
    from vmm.arch.cpus import Cpu

SIGINT, SIGTRAP, SIGABRT, SIGBUS, SIGSEGV, SIGXCPU = 2, 5, 6, 10, 11, 24
"""As gdb numbers them."""
SIGNALS = {"limit": SIGXCPU, "shutdown": SIGSEGV, "unmapped": SIGBUS, "engine": SIGABRT}
"""By a stop's reason; the others are SIGTRAP."""
WATCHED: dict[int, tuple[Literal["write", "read", "any"], str]] = {
    2: ("write", "watch"),
    3: ("read", "rwatch"),
    4: ("any", "awatch"),
}
"""By the number of a Z packet: the trigger's kind, and what a stop calls it."""
BREAKS = {0: "swbreak", 1: "hwbreak"}


class Halt(NamedTuple):
    """Why it stands, for a stop reply."""

    cpu: int
    signal: int = SIGTRAP
    word: str = ""
    value: str = ""
    """What goes with the word: an address, an end of history."""
    told: str = ""
    """A line for who looks on."""


class Exited(NamedTuple):
    """The run is over, and nobody goes back in it any more."""

    stop: Stop


class Break(NamedTuple):
    """A break- or watchpoint as gdb names it."""

    kind: int
    address: int
    size: int


class Target:
    """Of one course."""

    def __init__(self, course: Course, past: Past) -> None:
        self.course, self.past, self.machine = course, past, course.machine
        self._debugger = arch.named(self.machine.architecture).debugger()
        self.breaks: dict[Break, Trigger[Any]] = {}
        self.held = False
        """Interrupts are held in steps: a handler that comes runs to its return."""
        self.chosen = self.general = 0
        """vCPUs that steps, and looks, are about."""
        self.shown_as = self.fitting
        self._told_as = self.shown_as
        self._over: tuple[Position, int, Stop] | None = None

    # ---- registers and memory ----

    @property
    def cpu(self) -> Cpu:
        """That looks are about."""
        return self.machine.cpus[self.general]

    @property
    def fitting(self) -> str:
        """The name of the view that fits the code of the vCPU whose turn it is."""
        return self._debugger.view(self.machine.cpus[self.machine.position.vcpu])

    @property
    def view(self) -> View:
        """As the debugger was told."""
        return self._debugger.views[self.shown_as]

    def fit(self) -> View:
        """The view that fits now is shown from now on."""
        self.shown_as = self._told_as = self.fitting
        return self.view

    def changed_view(self) -> str | None:
        """Another view fits than the debugger was last told of."""
        fitting, told = self.fitting, self._told_as
        self._told_as = fitting
        return fitting if fitting not in (told, self.shown_as) else None

    def register(self, number: int) -> Register:
        """VmmError for a number that is none's."""
        registers = self.view.registers
        if not 0 <= number < len(registers):
            raise VmmError(f"there is no register {number}")
        return registers[number]

    def put(self, register: Register, data: bytes) -> None:
        """Write a register, which comes from outside; VmmError where only the guest can."""
        write, cpu = register.write, self.cpu
        if write is None:
            raise refused(register)
        if len(data) != register.bits // 8:
            raise VmmError(f"{register.name} has {register.bits // 8} bytes, not {len(data)}")
        self.change(lambda: write(cpu, int.from_bytes(data, "little")))

    def read(self, address: int, size: int) -> bytes:
        """Guest memory as the vCPU maps it, as far as it is mapped; VmmError where that is nothing."""
        try:
            return self.cpu.read(address, size)
        except VmmError:
            if size <= 1:
                raise
        found = b""
        while len(found) < size:
            page = min(size - len(found), PAGE - (address + len(found)) % PAGE)
            try:
                found += self.cpu.read(address + len(found), page)
            except VmmError:
                if not found:
                    raise
                break
        return found

    def write(self, address: int, data: bytes) -> None:
        """Guest memory, which comes from outside."""
        cpu = self.cpu
        self.change(lambda: cpu.write(address, data))

    def change(self, make: Callable[[], Any]) -> Any:
        """Let something come from outside, where the machine stands; VmmError where nothing may."""
        before = self.machine.inputs.count
        try:
            return self.course.change(make)
        finally:
            if self.machine.inputs.count != before:  # also of what was refused
                self.past.changed()

    def forget(self) -> None:
        """What came from outside behind where the machine stands does not come again; VmmError where nothing may be
        changed.
        """
        if self.course.forget():
            self.past.changed()

    # ---- break- and watchpoints ----

    def set(self, wanted: Break) -> None:
        """VmmError for one of a kind that there is not, and where memory is not mapped."""
        kind, address, size = wanted
        if kind in BREAKS:
            self.breaks[wanted] = Reach(address)
        elif kind in WATCHED:
            self.breaks[wanted] = watched(self.cpu, Accessed(address, size, WATCHED[kind][0]))
        else:
            raise VmmError(f"there is no breakpoint of kind {kind}")

    def clear(self, wanted: Break) -> None:
        """Again, it does nothing."""
        self.breaks.pop(wanted, None)

    def let_go(self) -> None:
        """The debugger has gone."""
        self.breaks.clear()
        self.held = False
        self.chosen = self.general = 0

    def _triggers(self) -> list[Trigger[Any]]:
        """The watchpoints first: where two fire at a boundary, the debugger finds a breakpoint by itself."""
        return sorted(self.breaks.values(), key=lambda each: isinstance(each, Reach))

    # ---- on ----

    def go(self, poll: Poll) -> Halt | Exited:
        """On to a breakpoint or the end."""
        return self._exited() or self._arrived(self._on(self._triggers(), poll), poll)

    def go_to(self, trigger: Trigger[Any], poll: Poll) -> Came | Exited:
        """On to a trigger, past any breakpoint, or to the end; to one that means the same whenever its wait begins."""
        while True:
            came = self.leg(trigger, poll)
            if isinstance(came, Exited) or came.trigger or came.stop or came.broken_in:
                return came

    def leg(self, trigger: Trigger[Any], poll: Poll) -> Came | Exited:
        """A part of that way, by SLICE instructions at most, and no further than to where something was decided."""
        if exited := self._exited():
            return exited
        came = self.course.forward([trigger], SLICE)
        self.past.went_on()
        if came.stop:
            self._halt(came)
        return Came(broken_in=True) if not (came.stop or came.trigger) and poll() else came

    def step(self, poll: Poll, inside: range = range(0)) -> Halt | Exited:
        """By one boundary of the chosen vCPU, and on as long as its next instruction is `inside`."""
        if exited := self._exited():
            return exited
        cpu = self.machine.cpus[self.chosen]
        while True:
            came = self._step(cpu, poll)
            if not isinstance(came.trigger, NextBoundary) or cpu.pc not in inside:
                return self._arrived(came, poll)

    def _step(self, cpu: Cpu, poll: Poll) -> Came:
        """To the next boundary of one, another one than where it stands."""
        watched = [each for each in self._triggers() if isinstance(each, Accessed)]
        state, depth = (cpu.count, cpu.pc), len(cpu.handlers())
        while True:
            came = self._on([*watched, NextBoundary(cpu.index), *self._triggers()], poll)
            if not isinstance(came.trigger, NextBoundary):
                return came
            handlers = cpu.handlers()
            if self.held and len(handlers) > depth and handlers[depth].source not in SYNCHRONOUS:
                while len(cpu.handlers()) > depth:
                    came = self._on([Returned(cpu=cpu.index), *self._triggers()], poll)
                    if not isinstance(came.trigger, Returned):
                        return came
                if cpu.pc != state[1]:
                    return Came(NextBoundary(cpu.index))
                state = cpu.count, cpu.pc
            elif (cpu.count, cpu.pc) != state:
                return came

    def _on(self, triggers: Sequence[Trigger[Any]], poll: Poll) -> Came:
        return self.past.forward(triggers, poll)

    def _exited(self) -> Exited | None:
        """It was told where the run ended, and nothing has changed since then."""
        if self._over and self._over[:2] == (self.machine.position, self.machine.inputs.count):
            return Exited(self._over[2])
        return None

    def _arrived(self, came: Came, poll: Poll) -> Halt:
        """There, or before the access that a watchpoint is about, where gdb takes it to be and one can go back."""
        halt = self._halt(came)
        before = self._debugger.stops_before_access and isinstance(came.trigger, Accessed)
        if not before or self.course.why_not is not None:
            return halt
        try:
            self.past.step(halt.cpu, poll)
        except BrokenIn:
            return Halt(self.machine.position.vcpu, SIGINT)
        return halt

    def _halt(self, came: Came) -> Halt:
        self._over = None
        cpu = self.machine.position.vcpu
        if came.broken_in:
            return Halt(cpu, SIGINT)
        if came.stop:
            self._over = self.machine.position, self.machine.inputs.count, came.stop
            signal = SIGNALS.get(came.stop.reason, SIGTRAP)
            at_end = ("replaylog", "end") if signal == SIGTRAP else ("", "")
            return Halt(cpu, signal, *at_end, f"{came.stop.reason}: {came.stop.detail}")
        assert came.trigger is not None, "else it would have ended"
        return self._hit(Hit(self.machine.position, came.trigger, came.result, self.machine.stop.vcpu))

    def _hit(self, hit: Hit) -> Halt:
        for each, trigger in self.breaks.items():
            if trigger is not hit.trigger:
                continue
            if each.kind in BREAKS:
                return Halt(hit.cpu, SIGTRAP, BREAKS[each.kind])
            return Halt(hit.cpu, SIGTRAP, WATCHED[each.kind][1], f"{hit.result.address:x}")
        return Halt(hit.cpu)

    # ---- back ----

    def back(self, poll: Poll) -> Halt:
        """To where a breakpoint was met last, or before the access that a watchpoint is about; behind it where gdb
        steps over that itself.
        """
        self.past.check()
        self._over = None
        try:
            hit = self.past.search(self._triggers(), self._standing, poll)
            if hit and isinstance(hit.trigger, Accessed) and not self._debugger.stops_before_access:
                self.past.step(hit.cpu, poll)
        except BrokenIn:
            return Halt(self.machine.position.vcpu, SIGINT)
        return self._hit(hit) if hit else self._at_begin()

    def step_back(self, poll: Poll) -> Halt:
        """By one boundary of the chosen vCPU."""
        self.past.check()
        self._over = None
        cpu = self.machine.cpus[self.chosen]
        depth = len(cpu.handlers())
        try:
            moved = self.past.step(self.chosen, poll)
            while moved and self.held and len(handlers := cpu.handlers()) > depth:
                if handlers[depth].source in SYNCHRONOUS:
                    break
                moved = self._before(cpu, depth, handlers[depth].begun, poll)
        except BrokenIn:
            return Halt(self.machine.position.vcpu, SIGINT)
        return Halt(self.chosen) if moved else self._at_begin()

    def _before(self, cpu: Cpu, depth: int, begun: int, poll: Poll) -> bool:
        """Back to before a handler that came when so many instructions had begun. Where it came is where it went on, so
        that one was there already; HLT is not behind itself before it has slept.
        """
        found = self.past.find(cpu.index, begun, lambda: len(cpu.handlers()) <= depth, poll)
        return found and (cpu.count < begun or self.past.step(cpu.index, poll))

    def _at_begin(self) -> Halt:
        return Halt(self.machine.position.vcpu, SIGTRAP, "replaylog", "begin")

    def _standing(self) -> Trigger[Any] | None:
        """A breakpoint where the machine stands."""
        pc = self.machine.cpus[self.machine.position.vcpu].pc
        return next(
            (trigger for each, trigger in self.breaks.items() if each.kind in BREAKS and each.address == pc), None
        )

    # ---- threads ----

    def choose(self, what: str, thread: int) -> None:
        """`what` is "g" for looks, "c" for steps; a thread is a vCPU's number and 1, 0 or -1 any. VmmError else."""
        cpu = self.index(thread)
        if what == "g":
            self.general = cpu
        elif what == "c":
            self.chosen = cpu
        else:
            raise unknown("choice of a thread", what, ("g", "c"))

    def index(self, thread: int) -> int:
        """Of its vCPU."""
        if thread in (0, -1):
            return self.machine.position.vcpu
        if not 0 < thread <= len(self.machine.cpus):
            raise VmmError(f"there is no thread {thread}")
        return thread - 1


PAGE = 4096
