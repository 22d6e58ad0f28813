"""The record of a run: its hash, its last events, statistics per interrupt; whole recordings and questions to them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from vmm.engine import ffi, lib
from vmm.errors import VmmError
from vmm.trace import words
from vmm.trace.events import Event, from_native, source_name
from vmm.trace.query import Latencies, Selection, wanted_events
from vmm.trace.store import Store

__all__ = ["Event", "InterruptStats", "Latencies", "Recording", "Selection", "Trace"]

BUDGET = 64 << 20
"""Bytes of memory that a recording may fill before it goes to a file; an event of the usual path takes four."""


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


class Recording:
    """What `Trace.record` began: a context that ends with `stop`."""

    def __init__(self, trace: Trace) -> None:
        self._trace = trace

    def stop(self) -> None:
        """Record no more on its account; what was recorded can still be asked for. Again, it does nothing."""
        self._trace.end(self)

    def __enter__(self) -> Recording:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


class Trace:
    """Over the core's ring of events. Recording changes nothing the guest sees, nor the hash.

    `teller` is the machine.
    """

    def __init__(self, native: Any, teller: words.Teller) -> None:
        self._native = native
        self._teller = teller
        self._observers: list[Callable[[Event], None]] = []
        self._recordings: list[Recording] = []
        self._store: Store | None = None

    @property
    def hash(self) -> str:
        """Of every event since power-on, recorded or not: 16 hexadecimal digits."""
        return f"{self._native.trace.hash:016x}"

    def observe(self, observer: Callable[[Event], None]) -> None:
        """Hand every event from now on to `observer`, in order, at the latest when the run stops (`drain`)."""
        self.drain()
        self._observers.append(observer)
        self._settle()

    def record(self, *, budget: int = BUDGET) -> Recording:
        """Keep every event from now on, until the recording's `stop` or the end of its `with`; then ask `of`.

        `budget` is in bytes of memory; what is more goes to a temporary file. Of several recordings at a time each
        event is kept once, under the largest budget, until the last of them stops.
        """
        if budget < 0:
            raise VmmError(f"budget={budget}: it cannot be negative")
        self.drain()
        if self._store is None:
            self._store = Store(self._native, budget)
        self._store.budget = max(self._store.budget, budget) if self._recordings else budget
        self._store.resume(self._native.trace.emitted)
        recording = Recording(self)
        self._recordings.append(recording)
        self._settle()
        return recording

    def end(self, recording: Recording) -> None:
        """As the recording's `stop`."""
        if recording not in self._recordings:
            return
        try:
            self.drain()
        finally:
            self._recordings = [other for other in self._recordings if other is not recording]
            self._settle()

    def _settle(self) -> None:
        """Tell the core who wants events."""
        packer = self._store.packer if self._store and self._recordings else ffi.NULL
        lib.vmm_trace_record(self._native, packer, bool(self._observers))

    def of(
        self,
        *,
        kind: str | None = None,
        vector: int | None = None,
        intid: int | None = None,
        source: str | None = None,
        vcpu: int | None = None,
        since: int = 0,
    ) -> Selection:
        """The recorded events of a `kind`, of one x86 vector or ARM INTID, from a `source` as `Event.source` names it
        (its pin or sender may be left out), of one vCPU, and from an instruction count on.

        Who names a vector, INTID or source, and no kind, means deliveries. VmmError for unknown names, and where
        nothing was ever recorded.
        """
        if self._store is None:
            raise VmmError("nothing is recorded: call m.trace.record() before the run")
        gic = lib.vmm_gic_version(self._native)
        wanted = wanted_events(gic, kind=kind, vector=vector, intid=intid, source=source, vcpu=vcpu, since=since)
        return Selection(self._store, wanted, gic, self.drain)

    def describe(self, event: Event) -> str:
        """The event in words, with the symbol and source line of its place."""
        return words.describe(event, self._teller)

    def rewound(self) -> None:
        """The machine went back to a snapshot: what was recorded since both histories parted is forgotten, and what the
        other one had instead, as far as the ring has it, comes now.
        """
        if self._store:
            self._store.forget(self._native.trace.packed)
            self._store.resume(self._native.trace.packed)
        self.drain()

    def drain(self) -> None:
        """Hand over what the ring holds; nothing to do while nobody observes or records."""
        raw = self._native.trace
        if self._store and self._recordings:
            self._keep_new(self._store)
        while raw.observed and raw.drained < raw.emitted:
            event = self.event(raw.drained)
            raw.drained += 1
            for observer in self._observers:
                observer(event)

    def _keep_new(self, store: Store) -> None:
        """A store that fails ends the recordings."""
        try:
            store.take()
        except VmmError:
            self._recordings.clear()
            self._settle()
            raise

    @property
    def guest_errors(self) -> int:
        """How often the guest did what the architecture leaves UNPREDICTABLE or forbids without an exception."""
        return int(self._native.trace.guest_errors)

    def first_guest_errors(self) -> list[Event]:
        """The first few of them."""
        raw = self._native.trace
        first = range(min(raw.guest_errors, lib.VMM_FIRST_ERRORS))
        return [from_native(raw.first_errors[n], lib.vmm_gic_version(self._native)) for n in first]

    def event(self, n: int) -> Event:
        """The event before which `n` were emitted; one of the last 4096."""
        raw = self._native.trace
        return from_native(raw.ring[n & raw.capacity - 1], lib.vmm_gic_version(self._native))

    def last(self, count: int = 16) -> list[Event]:
        """The last events, oldest first; the ring keeps 4096."""
        raw = self._native.trace
        return [self.event(n) for n in range(max(0, raw.emitted - min(count, raw.capacity)), raw.emitted)]

    def interrupts(self) -> Iterator[InterruptStats]:
        """Statistics of each interrupt, by vCPU, vector and source."""
        raw, gic = self._native, lib.vmm_gic_version(self._native)
        rows = sorted((raw.stats[n] for n in range(raw.stat_count)), key=lambda s: (s.vcpu, s.vector, s.source, s.pin))
        for s in rows:
            waits = s.source not in (lib.VMM_SRC_EXCEPTION, lib.VMM_SRC_SOFTWARE)
            times = (s.latency_min, _median(s), s.latency_max) if waits else (None, None, None)
            yield InterruptStats(s.vcpu, s.vector, source_name(s.source, s.pin, gic), s.delivered, *times)


def _median(s: Any) -> int:
    """The histogram gives the low end of the median's bucket, which may lie below the least latency there was."""
    return max(int(lib.vmm_latency_quantile(ffi.addressof(s), 500)), int(s.latency_min))
