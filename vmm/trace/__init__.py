"""The record of a run: its hash, its last events, statistics per interrupt; logs of all, and questions to them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, TypeVar

from vmm.arch import named
from vmm.core.event import Event
from vmm.core.native import check_in_hand, ffi, lib
from vmm.errors import VmmError
from vmm.output import OutputFile
from vmm.trace import words
from vmm.trace.events import SYNCHRONOUS, SourceName, from_native, from_natives, source_names

if TYPE_CHECKING:
    from vmm._native import vmm_machine, vmm_stat
    from vmm.disassembly import Disassembler
    from vmm.trace.export.exporter import Traced
    from vmm.trace.query import Selection
    from vmm.trace.store import Store

__all__ = ["EventLog", "InterruptStats", "Trace"]

T = TypeVar("T")
GENERAL = 32
BUDGET = 64 << 20
"""Bytes of memory that a log may fill before it goes to a file; an event of the usual path takes four."""


@dataclass(frozen=True)
class InterruptStats:
    """How often one interrupt was delivered and how long it waited, in instructions; None where nothing waits.

    `vector` is x86's vector, on ARM the INTID or an exception's class. The median is exact below 1024 instructions and
    within 1/64 above.
    """

    vcpu: int
    vector: int
    source: str
    delivered: int
    minimum: int | None
    median: int | None
    maximum: int | None


class EventLog:
    """What `Trace.record` began: a context that ends with `stop`."""

    def __init__(self, trace: Trace) -> None:
        self._trace = trace

    def stop(self) -> None:
        """Record no more on its account; what was recorded can still be asked for. Again, it does nothing."""
        self._trace.end(self)

    def __repr__(self) -> str:
        return f"<EventLog of {self._trace!r}>"

    def __enter__(self) -> EventLog:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


class Trace:
    """Over the core's ring of events. Recording changes nothing the guest sees, nor the hash.

    `teller` is the machine.
    """

    def __init__(self, native: vmm_machine, teller: Traced) -> None:
        self._native = native
        self._teller = teller
        self._observers: list[Callable[[Event], None]] = []
        self._takers: list[Callable[[list[Event]], None]] = []
        self._logs: list[EventLog] = []
        self._store: Store | None = None
        self._comparing = self._guards = 0
        self.observing = False
        """An observer is being told."""

    def __repr__(self) -> str:
        raw, kept = self._native.trace, ", recording" if self._logs else ""
        delivered = sum(each.delivered for each in self.interrupts())
        return f"<Trace {self.hash}: {raw.hashed} events, {delivered} interrupts delivered{kept}>"

    def _repr_html_(self) -> str:
        from vmm.trace.notebook import trace

        return trace(self, self._teller)

    @cached_property
    def _source(self) -> SourceName:
        return source_names(self._native, named(self._teller.architecture))

    @property
    def source_name(self) -> SourceName:
        """What a source, as the core has it, with its pin is called: "IRQ 4", "NMI"."""
        return self._source

    @property
    def hash(self) -> str:
        """Of every event since power-on, recorded or not: 16 hexadecimal digits."""
        return f"{self._native.trace.hash:016x}"

    @property
    def readers(self) -> int:
        """Observers, and logs that `record` gave, which have not ended."""
        return len(self._observers) + len(self._takers) + len(self._logs)

    def observe(self, observer: Callable[[Event], None]) -> Callable[[], None]:
        """Hand every event from now on to `observer`, in order, at the latest when the run stops (`drain`).

        Call what is given back to end that.
        """
        self.drain()
        return self._begun(self._observers, observer)

    def take(self, taker: Callable[[list[Event]], None]) -> Callable[[], None]:
        """As `observe`, but of many at a time, for who does nothing to the machine."""
        self.drain()
        return self._begun(self._takers, taker)

    def _begun(self, those: list[T], one: T) -> Callable[[], None]:
        those.append(one)
        self._settle()
        return lambda: self._ignore(those, one)

    def _ignore(self, those: list[T], one: T) -> None:
        check_in_hand(self._native)
        try:
            self.drain()
        finally:
            those.remove(one)
            self._settle()

    def record(self, *, budget: int = BUDGET) -> EventLog:
        """Keep every event from now on, until the log's `stop` or the end of its `with`; then ask `of`.

        `budget` is in bytes of memory; what is more goes to a temporary file. Of several logs at a time each
        event is kept once, under the largest budget, until the last of them stops. VmmError for a negative budget.
        """
        if budget < 0:
            raise VmmError(f"budget={budget}: it cannot be negative")
        self.drain()
        from vmm.trace.store import Store

        if self._store is None:
            self._store = Store(self._native, budget)
        self._store.budget = max(self._store.budget, budget) if self._logs else budget
        self._store.resume(self._native.trace.emitted)
        log = EventLog(self)
        self._logs.append(log)
        self._settle()
        return log

    def end(self, log: EventLog) -> None:
        """As the log's `stop`."""
        if log not in self._logs:
            return
        check_in_hand(self._native)
        try:
            self.drain()
        finally:
            self._logs = [other for other in self._logs if other is not log]
            self._settle()

    def compare(self) -> Callable[[], None]:
        """Have the core hold what handlers return to against what they interrupted, and tell where they differ; as
        `observe`. VmmError where there is no memory for that.
        """
        if lib.vmm_compare(self._native, 1):
            raise VmmError(ffi.string(self._native.error).decode())
        self._comparing += 1
        return self._compare_no_more

    def whole(self) -> None:
        """Have the ring, which `last` shows, keep from now on what logs have, too: events that follow from others."""
        lib.vmm_trace_whole(self._native, 1)

    def guard(self, linear: int, size: int = 4) -> Callable[[], None]:
        """Have the core tell of each store of an instruction to so many bytes, as the first vCPU maps them now; of the
        last that was asked for. As `observe`; VmmError where there is no RAM.
        """
        if lib.vmm_guard(self._native, linear, size):
            raise VmmError(ffi.string(self._native.error).decode())
        self._guards += 1
        return self._guard_no_more

    def _guard_no_more(self) -> None:
        check_in_hand(self._native)
        self._guards -= 1
        if not self._guards:
            lib.vmm_guard(self._native, 0, 0)

    def interrupted(self, vcpu: int, depth: int) -> list[int] | None:
        """What the general registers, in the order of their encoding, held when the handler under way at `depth`, from
        0, was entered; None where nobody compared then.
        """
        general = lib.vmm_interrupted(self._native, vcpu, depth)
        return [int(general[n]) for n in range(GENERAL)] if general != ffi.NULL else None

    def _compare_no_more(self) -> None:
        check_in_hand(self._native)
        self._comparing -= 1
        if not self._comparing:
            lib.vmm_compare(self._native, 0)

    def _settle(self) -> None:
        """Tell the core who wants events."""
        packer = self._store.packer if self._store and self._logs else ffi.NULL
        lib.vmm_trace_record(self._native, packer, bool(self._observers or self._takers))

    def of(
        self,
        *,
        kind: str | Collection[str] | None = None,
        vector: int | None = None,
        intid: int | None = None,
        number: int | None = None,
        source: str | None = None,
        vcpu: int | None = None,
        since: int = 0,
    ) -> Selection:
        """The recorded events of a `kind` or several, of one x86 vector, ARM INTID or, whatever it is called, `number`
        of an interrupt, from a `source` as `Event.source` names it (its pin or sender may be left out), of one vCPU,
        and from an instruction count on.

        Who names a number or a source, and no kind, means deliveries. VmmError for unknown names, and where
        nothing was ever recorded.
        """
        if self._store is None:
            raise VmmError("nothing is recorded: call m.trace.record() before the run")
        from vmm.trace.query import Selection, wanted_events

        wanted = wanted_events(
            named(self._teller.architecture), self._source, kind=kind, vector=vector, intid=intid, number=number,
            source=source, vcpu=vcpu, since=since,
        )  # fmt: skip
        return Selection(self._store, wanted, self._source, self.drain, self._teller)

    def export(self, format: str, path: str | Path) -> None:
        """Write what was recorded to a file: "json", "jsonl", "int"… as `vmm run --trace` does. VmmError for another
        format, where nothing was ever recorded, and where the file cannot be written.
        """
        from vmm.trace.export import exporter

        make, events = exporter(format), self.of()
        source = self._teller.source
        with OutputFile("export", path, inputs=source.files if source else (), stream=make.STREAM) as file:
            export = make(file, self._teller)
            export.begin()
            export.take(events)
            export.end()

    def describe(self, event: Event, *, code: bool = False) -> str:
        """The event in words, with the symbol and source line of its place; with `code` also the instruction there, as
        memory is now: of a delivery the one that it came before, else the one that began last.
        """
        text = words.describe(event, self._teller)
        return f"{text}: {self._disassembler.of(event, self._teller.cpus[event.vcpu]).text}" if code else text

    @cached_property
    def _disassembler(self) -> Disassembler:
        from vmm.disassembly import Disassembler

        return Disassembler(self._teller.architecture)

    def rewound(self) -> None:
        """The machine went back to a snapshot: what was recorded since both histories parted is forgotten, and what the
        other one had instead, as far as the ring has it, comes now.
        """
        if self._store:
            self._store.forget(self._native.trace.packed)
            self._store.resume(self._native.trace.packed)
        self.drain()

    def drain(self) -> None:
        """Hand over what the ring holds; nothing to do while nobody observes or records. VmmError while another thread
        runs the machine.
        """
        check_in_hand(self._native)
        raw = self._native.trace
        if self._store and self._logs:
            self._take_new(self._store)
        while raw.observed and raw.drained < raw.emitted:
            events = self._next(raw.drained, 1 if self._observers else raw.emitted - raw.drained)
            raw.drained += len(events)
            self._tell(events)

    def _next(self, first: int, most: int) -> list[Event]:
        """Of an observer each by itself, for what it does to the machine may be an event, and comes behind."""
        raw = self._native.trace
        at = first & raw.capacity - 1
        return list(from_natives(ffi.addressof(raw.ring, at), min(most, raw.capacity - at), self._source))

    def _tell(self, events: list[Event]) -> None:
        before, self.observing = self.observing, True
        try:
            for taker in list(self._takers):
                taker(events)
            for observer in list(self._observers):
                for event in events:
                    observer(event)
        finally:
            self.observing = before

    def _take_new(self, store: Store) -> None:
        """A store that fails ends the logs."""
        try:
            store.take()
        except VmmError:
            self._logs.clear()
            self._settle()
            raise

    @property
    def guest_errors(self) -> int:
        """How often the guest did what the architecture leaves UNPREDICTABLE or forbids without an exception."""
        return self._native.trace.guest_errors

    def first_guest_errors(self) -> list[Event]:
        """The first few of them."""
        raw = self._native.trace
        first = range(min(raw.guest_errors, lib.VMM_FIRST_ERRORS))
        return [from_native(raw.first_errors[n], self._source) for n in first]

    def event(self, n: int) -> Event:
        """The event before which `n` were emitted; one of the last 4096."""
        raw = self._native.trace
        return from_native(raw.ring[n & raw.capacity - 1], self._source)

    def last(self, count: int = 16) -> list[Event]:
        """The last events, oldest first; the ring keeps 4096."""
        raw = self._native.trace
        found: list[Event] = []
        at, left = max(0, raw.emitted - min(count, raw.capacity)), min(count, raw.capacity, raw.emitted)
        while left:
            first = at & raw.capacity - 1
            some = min(left, raw.capacity - first)
            found += from_natives(ffi.addressof(raw.ring, first), some, self._source)
            at, left = at + some, left - some
        return found

    @property
    def emitted(self) -> int:
        """Events since power-on, those that logs alone have among them."""
        return int(self._native.trace.emitted)

    def between(self, first: int, end: int) -> list[Event]:
        """The recorded events before which `first` to `end - 1` were emitted, as far as they are recorded."""
        if self._store is None:
            raise VmmError("nothing is recorded: call m.trace.record() before the run")
        from vmm.trace.query import numbered

        self.drain()
        return list(numbered(self._store, first, end, self._source))

    def under_way(self, vcpu: int, depth: int) -> list[Event]:
        """The deliveries of the handlers under way on a vCPU, of which there are `depth`, the innermost first; of long
        nested ones as far as the ring goes back.
        """
        found: list[Event] = []
        for event in _backwards(self.last):
            if len(found) == depth:
                break
            if event.kind == "delivered" and event.vcpu == vcpu and event.depth == depth - len(found):
                found.append(event)
        return found

    def interrupts(self) -> Iterator[InterruptStats]:
        """Statistics of each interrupt, by vCPU, vector and source."""
        raw = self._native
        rows = sorted((raw.stats[n] for n in range(raw.stat_count)), key=lambda s: (s.vcpu, s.vector, s.source, s.pin))
        for s in rows:
            waits = s.source not in SYNCHRONOUS
            times = (s.latency_min, _median(s), s.latency_max) if waits else (None, None, None)
            yield InterruptStats(s.vcpu, s.vector, self._source(s.source, s.pin), s.delivered, *times)


def _backwards(last: Callable[[int], list[Event]]) -> Iterator[Event]:
    """The newest first; most who ask need few."""
    given, count = 0, 64
    while len(events := last(count)) > given:
        yield from reversed(events[: len(events) - given])
        given, count = len(events), count * 8


def _median(s: vmm_stat) -> int:
    """The histogram gives the low end of the median's bucket, which may lie below the least latency there was."""
    return max(lib.vmm_latency_quantile(ffi.addressof(s), 500), s.latency_min)
