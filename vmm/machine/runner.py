"""A machine's runs: to a stop of the core's, or to what somebody waits for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from vmm.core.event import Event
from vmm.core.native import lib
from vmm.core.stops import AWAITED, NUMBERS, REASONS, TRIGGER, Stop, Stopped, describe
from vmm.errors import VmmError
from vmm.inputs.console import ConsoleOutput
from vmm.inputs.decisions import Inputs
from vmm.machine.boot_image import BootImage
from vmm.machine.claim import INSIDE, Claim
from vmm.machine.guest_memory import GuestMemory
from vmm.machine.host import MachineHost
from vmm.machine.signals import Signals
from vmm.scenario.slots import ANY, Slots
from vmm.scenario.tasks import Tasks
from vmm.scenario.trigger import Trigger, Wait, prime
from vmm.trace import Trace

if TYPE_CHECKING:
    from vmm._native import vmm_machine

SLICE = 20_000_000
"""Instructions after which an exception is seen that another thread asks for; signals end a slice themselves."""


class TriggerContext:
    """The machine as triggers see it: `vmm.scenario.trigger.Context`."""

    def __init__(self, native: vmm_machine, memory: GuestMemory, trace: Trace, console: ConsoleOutput) -> None:
        self.native = native
        self.slots = Slots(native)
        self._memory, self._trace, self._console = memory, trace, console

    def address(self, where: str | int) -> int:
        return self._memory.address(where)

    def event(self, number: int) -> Event:
        return self._trace.event(number)

    def listen(self, listener: Callable[[bytes], None]) -> Callable[[], None]:
        return self._console.listen(listener)

    def interrupt(self) -> None:
        lib.vmm_request_stop(self.native, NUMBERS[TRIGGER], ANY)


class Late(NamedTuple):
    """The stop of a run that was over when a signal's exception left it: the next that asks for the same gives it."""

    stop: Stop
    until: Trigger[Any] | None
    decided: int
    """How often anything was, so far."""

    def answers(self, until: Trigger[Any] | None, decided: int) -> bool:
        """The machine's own stops answer every run; what was awaited, one that awaits it."""
        own = self.stop.reason not in ("count", "user", *AWAITED)
        awaited = self.stop.reason in AWAITED and self.until is not None and until == self.until
        return decided == self.decided and (own or awaited)


class Runner:
    """Of one machine, which is `stopped` when a run is over."""

    def __init__(
        self, native: vmm_machine, stopped: Stopped, *, inputs: Inputs, host: MachineHost, image: BootImage,
        tasks: Tasks, context: TriggerContext, trace: Trace,
    ) -> None:  # fmt: skip
        self._native, self._stopped, self._inputs, self._host, self._image = native, stopped, inputs, host, image
        self._tasks, self._context, self._trace = tasks, context, trace
        self.claim, self._signals = Claim(native), Signals(native)
        self._stop: Stop | None = None
        self._late: Late | None = None
        self._boots_again = False

    def boot_again(self) -> None:
        """Asked for by the board, maybe while the guest executes: done before it goes on."""
        self._boots_again = True
        self._context.interrupt()

    @property
    def last(self) -> Stop | None:
        """Why the last run of its own ended."""
        return self._stop

    def rewind(self, last: Stop | None) -> None:
        """The machine went back to a time when that was why the last run had ended."""
        self._stop, self._late = last, None

    @property
    def stop(self) -> Stop:
        """Why the last run ended, or that none has."""
        if self.claim.taken:
            return self._none("running", "a run is under way, at")
        if self._stop:
            return self._stop
        if self._native.stop.reason == lib.VMM_STOP_NONE:
            return self._none("not run", "no run has ended yet: it stands at")
        return self.ended()

    def _none(self, reason: str, words: str) -> Stop:
        vcpu = int(self._native.current.index)
        pc = self._stopped.cpus[vcpu].pc
        return Stop(reason, 0, f"{words} {self._stopped.where(pc)}", vcpu, pc)

    def ended(self) -> Stop:
        """Why it stands, as the core says."""
        raw = self._native.stop
        return Stop(REASONS.get(raw.reason, "count"), raw.code, describe(self._stopped, raw), raw.vcpu, raw.address)

    def run(self, until: Trigger[Any] | None, predicate: Callable[[], bool] | None, insns: int | None) -> Stop:
        """To a trigger, or to the boundary where `predicate` holds; errors as of `Machine.run`."""
        if self._tasks.running and not self.claim.elsewhere:
            raise VmmError(f"run() inside scenario {self._tasks.running.name}: await a trigger instead")
        self.claim.check()
        if self._trace.observing:  # between runs, as in a restore
            raise VmmError(INSIDE)
        late, self._late = self._late, None
        if late and late.answers(until, self._inputs.count):
            self._stop = late.stop
            return late.stop
        self._stop = None
        try:
            self._signals.hold()  # before the claim: from here on it is let go of, whatever comes
            with self.claim:
                stop = self._stop = self._run_until(predicate, insns) if predicate else self._run_to(until, insns)
                self._late = Late(stop, until, self._inputs.count)
        finally:
            self._signals.release()
        self._late = None
        return stop

    def _run_to(self, trigger: Trigger[Any] | None, insns: int | None) -> Stop:
        was_off = self._native.stop.reason == lib.VMM_STOP_POWEROFF
        wait = None if trigger is None else prime(self._context, trigger)
        try:
            stop = self._run(insns, wait, trigger)
            return replace(stop, was_off=True) if was_off and stop.reason == "poweroff" else stop
        finally:
            if wait:
                wait.cancel()
            self._trace.drain()

    def _run(self, insns: int | None, wait: Wait | None, trigger: Trigger[Any] | None) -> Stop:
        left = insns
        self._tasks.step()  # what a script has done since the last run may be what one of them waits for
        while True:
            if wait and wait.done():
                assert trigger is not None
                return self._awaited(trigger, wait.result)
            if self._native.signalled:
                self._signals.take()
            part = SLICE if left is None else min(left, SLICE)
            before = self._begun()
            lib.vmm_run(self._native, part)
            self._host.raise_if_failed()
            if self._boots_again:
                self._boots_again = False
                self._image.start_over()
            if left is not None:
                left -= self._begun() - before
            reason = self._native.stop.reason
            if reason == lib.VMM_STOP_TRIGGER:
                self._tasks.step()
            elif reason != lib.VMM_STOP_SLICE or left == 0:
                return self.ended()

    def _run_until(self, predicate: Callable[[], bool], insns: int | None) -> Stop:
        from vmm.scenario.triggers import NextBoundary

        end = None if insns is None else self._begun() + insns
        while True:
            stop = self._run_to(NextBoundary(), None if end is None else end - self._begun())
            if stop.reason != "breakpoint":
                return stop
            if predicate():
                return replace(stop, reason="predicate")

    def _begun(self) -> int:
        return int(lib.vmm_instructions(self._native))

    def _awaited(self, trigger: Trigger[Any], result: Any) -> Stop:
        raw = self._native.stop
        where = self._stopped.where(self._stopped.cpus[raw.vcpu].pc)
        return Stop(trigger.reason, raw.code, f"{trigger.detail} {where}", raw.vcpu, raw.address, result)
