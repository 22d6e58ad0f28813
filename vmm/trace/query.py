"""Questions to an event log: which events, and what their latencies and distances are."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from vmm.core.event import Event
from vmm.core.native import ffi, lib
from vmm.errors import VmmError, unknown
from vmm.trace.events import (
    LAYOUT,
    NUMBERS,
    SOURCES,
    SYNCHRONOUS,
    SourceName,
    bytes_of,
    from_bytes,
    from_native,
    from_natives,
)
from vmm.trace.store import ANY, Chunk, Store, reading, unpacked

if TYPE_CHECKING:
    from vmm._native import vmm_event, vmm_wanted
    from vmm.arch.architecture import Architecture
    from vmm.trace.words import Teller

BATCH = 4096
WORD = 8
EVENT_WORDS = ffi.sizeof("vmm_event") // WORD
DELIVERED = 1 << lib.VMM_EV_DELIVERED


@dataclass(frozen=True)
class Latencies:
    """Instructions between request and delivery; the smallest, median and so on are None where nothing waited.

    The median and the 99th percentile are values that occurred (nearest rank).
    """

    values: tuple[int, ...]
    """In the order of the deliveries."""

    @property
    def count(self) -> int:
        return len(self.values)

    @property
    def min(self) -> int | None:
        return min(self.values, default=None)

    @property
    def median(self) -> int | None:
        return self.quantile(500)

    @property
    def p99(self) -> int | None:
        return self.quantile(990)

    @property
    def max(self) -> int | None:
        return max(self.values, default=None)

    def quantile(self, permille: int) -> int | None:
        """The smallest value that at least `permille` thousandths (0-1000) of all do not exceed."""
        if not self.values:
            return None
        rank = max(1, -(-self.count * permille // 1000))
        return sorted(self.values)[rank - 1]

    def __str__(self) -> str:
        return f"{self.count} latencies: min {self.min}, median {self.median}, p99 {self.p99}, max {self.max}"

    def _repr_html_(self) -> str:
        from vmm.trace.notebook import latencies

        return latencies(self)


class Selection:
    """Those recorded events that fit: a view, which later events and a restore change. Counts are of instructions."""

    def __init__(
        self, store: Store, wanted: vmm_wanted, source: SourceName, settle: Callable[[], None], teller: Teller
    ) -> None:
        self._store = store
        self._teller = teller
        self._wanted = wanted
        self._source = source
        self._settle = settle

    def __repr__(self) -> str:
        return f"<Selection of {len(self)} events>"

    def _repr_html_(self) -> str:
        from vmm.trace.notebook import selection

        return selection(self, self._teller)

    def _chunks(self) -> list[Chunk]:
        self._settle()
        return self._store.chunks()

    def _batches(self, chunks: Iterable[Chunk], wanted: vmm_wanted) -> Iterator[tuple[vmm_event, int]]:
        for chunk in chunks:
            yield from unpacked(self._store, chunk, wanted, BATCH)

    def __iter__(self) -> Iterator[Event]:
        return self.behind(0)

    def behind(self, left_out: int) -> Iterator[Event]:
        """Without the first so many, which are not even made."""
        return _behind(self._batches(self._chunks(), self._wanted), left_out, self._source)

    def thinned(self, *, vectors: bool) -> Thinned:
        """Without plain rounds between others: of a machine of one vCPU, whose interrupts have vectors or not."""
        return Thinned(self._store, self._chunks, self._wanted, self._source, vectors=vectors)

    def __len__(self) -> int:
        return sum(count for _, count in self._batches(self._chunks(), self._wanted))

    def __bool__(self) -> bool:
        return self.first is not None

    @property
    def first(self) -> Event | None:
        """None: no event fits."""
        return next(iter(self), None)

    def tail(self, most: int) -> tuple[int, Iterator[Event]]:
        """The last `most`, and how many there are before them."""
        left_out = max(len(self) - most, 0)
        return left_out, self.behind(left_out)

    @property
    def last(self) -> Event | None:
        """None: no event fits."""
        for chunk in reversed(self._chunks()):
            last = None
            for events, count in self._batches([chunk], self._wanted):
                last = from_native(events[count - 1], self._source)
            if last:
                return last
        return None

    @property
    def insns(self) -> list[int]:
        """Each event's instruction count."""
        return self._column("count", self._wanted)

    @property
    def gaps(self) -> list[int]:
        """Instructions between each event and the next: one fewer than there are events."""
        return [later - earlier for earlier, later in pairwise(self.insns)]

    @property
    def latencies(self) -> Latencies:
        """Of the deliveries among them that had to wait: not of exceptions, nor of software interrupts."""
        wanted = ffi.new("vmm_wanted *", self._wanted[0])
        wanted.kinds &= DELIVERED
        wanted.sources &= ~_bits(SYNCHRONOUS)
        return Latencies(tuple(self._column("value", wanted)))

    def _column(self, field: str, wanted: vmm_wanted) -> list[int]:
        at = ffi.offsetof("vmm_event", field) // WORD
        values: list[int] = []
        for events, count in self._batches(self._chunks(), wanted):
            words = memoryview(ffi.buffer(events, count * EVENT_WORDS * WORD)).cast("B").cast("Q")
            values += words[at::EVENT_WORDS].tolist()
        return values


class Thinned:
    """What `vmm_thin` leaves of events, which see."""

    def __init__(
        self, store: Store, chunks: Callable[[], list[Chunk]], wanted: vmm_wanted, source: SourceName, *, vectors: bool
    ) -> None:
        self._store, self._chunks, self._wanted, self._source, self._vectors = store, chunks, wanted, source, vectors
        self.rises: dict[int, int] = {}
        """Of lines, in the rounds left out: each was taken; there with `tail`."""

    def _batches(self) -> Iterator[tuple[vmm_event, int]]:
        thinned, out = ffi.new("vmm_thinned *", {"vectors": self._vectors}), ffi.new("vmm_event[]", BATCH)
        for chunk in self._chunks():
            with reading(self._store, chunk) as reader:
                while count := lib.vmm_thin(thinned, reader, self._wanted, out, BATCH):
                    yield out, int(count)
        yield out, int(lib.vmm_thin_rest(thinned, out))
        self.rises = {line: count for line, count in enumerate(thinned.left_out) if count}

    def tail(self, most: int) -> tuple[int, Iterator[Event]]:
        """The last `most`, and how many there are before them; in one go, for there are millions of those left out."""
        kept: deque[tuple[bytes, int]] = deque()
        held = left_out = 0
        for events, count in self._batches():
            if count:
                kept.append((bytes(bytes_of(events, count)), count))
                held += count
            while kept and held - kept[0][1] >= most:
                count = kept.popleft()[1]
                held, left_out = held - count, left_out + count
        more = max(held - most, 0)
        return left_out + more, self._events(kept, more)

    def _events(self, kept: Iterable[tuple[bytes, int]], left_out: int) -> Iterator[Event]:
        for data, _ in kept:
            yield from from_bytes(data[left_out * LAYOUT.size :], self._source)
            left_out = 0


def numbered(store: Store, first: int, end: int, source: SourceName) -> Iterator[Event]:
    """Those of a store before which `first` to `end - 1` were emitted."""
    wanted = ffi.new("vmm_wanted *", ANY)
    for chunk in store.chunks():
        at = chunk.first
        if at >= end or at + chunk.events <= first:
            continue
        for events, count in unpacked(store, chunk, wanted, BATCH):
            low, high = max(first - at, 0), min(end - at, count)
            if low < high:
                yield from from_natives(ffi.addressof(events, low), high - low, source)
            at += count


def _behind(batches: Iterable[tuple[vmm_event, int]], left_out: int, source: SourceName) -> Iterator[Event]:
    for events, count in batches:
        if left_out < count:
            yield from from_natives(ffi.addressof(events, left_out), count - left_out, source)
        left_out = max(left_out - count, 0)


def wanted_events(
    architecture: Architecture,
    names: SourceName,
    *,
    kind: str | Collection[str] | None,
    vector: int | None,
    intid: int | None,
    number: int | None,
    source: str | None,
    vcpu: int | None,
    since: int,
) -> vmm_wanted:
    """A `vmm_wanted`; VmmError for a name that is none, and for what this architecture has not."""
    classes = architecture.words().classes
    known = {"vector": vector, "INTID": intid}
    own = architecture.number.lower() if architecture.number in known else "number"
    for name, value in known.items():
        if value is not None and name != architecture.number:
            other = ", or for source= an exception" if classes else ""
            raise VmmError(f"{architecture.family}'s interrupts have no {name}s: ask for {own}={other}")
    for name, value in {"vector": vector, "intid": intid, "number": number, "vcpu": vcpu, "since": since}.items():
        if value is not None and value < 0:
            raise VmmError(f"{name}={value}: it cannot be negative")
    numbers = [value for value in (vector, intid, number) if value is not None]
    named = numbers or source is not None
    wanted = ffi.new("vmm_wanted *", ANY)
    wanted.kinds = _kinds(kind) if kind is not None else DELIVERED if named else ANY["kinds"]
    wanted.vcpu = -1 if vcpu is None else vcpu
    wanted.since = since
    if numbers:
        wanted.number = numbers[0]
        wanted.sources &= ~_bits(each for each, name in SOURCES.items() if name in classes)
    if source is not None:
        sources, wanted.pin = _source(source, architecture.words().lines, names)
        wanted.sources &= sources
    return wanted


def _bits(numbers: Iterable[int]) -> int:
    return sum(1 << number for number in numbers)


def _kinds(names: str | Collection[str]) -> int:
    return _bits(map(_kind, [names] if isinstance(names, str) else names))


def _kind(name: str) -> int:
    if name not in NUMBERS:
        raise unknown("kind of event", name, NUMBERS)
    return NUMBERS[name]


def _source(name: str, lines: str, names: SourceName) -> tuple[int, int]:
    """The bit of a source and its pin, -1: any. A name as an event has it, or without its pin: "IRQ 4", "IRQ"."""
    with_pin = [lib.VMM_SRC_LINE, lib.VMM_SRC_SPURIOUS, lib.VMM_SRC_SGI]
    known = {text: (number, -1) for number, text in SOURCES.items()}
    known |= {lines: (lib.VMM_SRC_LINE, -1), "spurious": (lib.VMM_SRC_SPURIOUS, -1)}
    for number in with_pin:
        for pin in range(256):
            known.setdefault(names(number, pin), (number, pin))
    if name not in known:
        raise unknown("source", name, known)
    number, pin = known[name]
    return 1 << number, pin
