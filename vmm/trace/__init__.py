"""The record of a run: its hash, its last events, statistics per interrupt, and observers that want every event."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from vmm.engine import ffi, lib
from vmm.trace.events import Event, from_native, source_name

__all__ = ["Event", "InterruptStats", "Trace"]


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


class Trace:
    """Over the core's ring of events. Recording changes nothing the guest sees, nor the hash."""

    def __init__(self, native: Any) -> None:
        self._native = native
        self._observers: list[Callable[[Event], None]] = []

    @property
    def hash(self) -> str:
        """Of every event since power-on, recorded or not: 16 hexadecimal digits."""
        return f"{self._native.trace.hash:016x}"

    def observe(self, observer: Callable[[Event], None]) -> None:
        """Hand every event from now on to `observer`, in order, at the latest when the run stops (`drain`)."""
        if not self._observers:
            self._native.trace.drained = self._native.trace.emitted
        self._observers.append(observer)
        self._native.trace.recording = 1

    def drain(self) -> None:
        """Hand over what the ring holds; nothing to do while nobody observes."""
        raw = self._native.trace
        if not self._observers:
            return
        while raw.drained < raw.emitted:
            event = self.event(raw.drained)
            raw.drained += 1
            for observer in self._observers:
                observer(event)

    @property
    def guest_errors(self) -> int:
        """How often the guest did what the architecture leaves UNPREDICTABLE or forbids without an exception."""
        return int(self._native.trace.guest_errors)

    def first_guest_errors(self) -> list[Event]:
        """The first few of them."""
        raw = self._native.trace
        first = range(min(raw.guest_errors, lib.VMM_FIRST_ERRORS))
        return [from_native(raw.first_errors[n], self._native.gic.version) for n in first]

    def event(self, n: int) -> Event:
        """The event before which `n` were emitted; one of the last 4096."""
        raw = self._native.trace
        return from_native(raw.ring[n & raw.capacity - 1], self._native.gic.version)

    def last(self, count: int = 16) -> list[Event]:
        """The last events, oldest first; the ring keeps 4096."""
        raw = self._native.trace
        return [self.event(n) for n in range(max(0, raw.emitted - min(count, raw.capacity)), raw.emitted)]

    def interrupts(self) -> Iterator[InterruptStats]:
        """Statistics of each interrupt, by vCPU, vector and source."""
        raw = self._native
        rows = sorted((raw.stats[n] for n in range(raw.stat_count)), key=lambda s: (s.vcpu, s.vector, s.source, s.pin))
        for s in rows:
            waits = s.source not in (lib.VMM_SRC_EXCEPTION, lib.VMM_SRC_SOFTWARE)
            times = (s.latency_min, _median(s), s.latency_max) if waits else (None, None, None)
            yield InterruptStats(s.vcpu, s.vector, source_name(s.source, s.pin, raw.gic.version), s.delivered, *times)


def _median(s: Any) -> int:
    """The histogram gives the low end of the median's bucket, which may lie below the least latency there was."""
    return max(int(lib.vmm_latency_quantile(ffi.addressof(s), 500)), int(s.latency_min))
