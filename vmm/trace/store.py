"""Where recorded events are kept: packed in memory up to a budget, beyond it in an unnamed temporary file."""

from __future__ import annotations

import tempfile
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from vmm.core.native import ffi, lib
from vmm.errors import VmmError

if TYPE_CHECKING:
    from vmm._native import vmm_event, vmm_machine, vmm_packed, vmm_wanted

CHUNK = 256 << 10
"""Bytes of events that are packed one upon the other; to find one, its chunk is unpacked from the start."""
ANY = {"kinds": 0xFFFF_FFFF, "sources": 0xFFFF_FFFF, "vcpu": -1, "pin": -1, "number": -1, "since": 0}
"""A `vmm_wanted` that every event fits."""


@dataclass(frozen=True)
class Chunk:
    """Events `first` to `first + events - 1` of the machine, packed: in `memory`, or in the file from `offset`."""

    first: int
    events: int
    size: int
    memory: bytes | None
    offset: int


class Store:
    """Takes events out of the core's ring, a whole span at a time."""

    def __init__(self, native: vmm_machine, budget: int) -> None:
        self._native = native
        self.budget = budget
        self._sealed: list[Chunk] = []
        self._held = 0  # bytes of them in memory
        self._file: IO[bytes] | None = None
        self._file_end = 0
        self._buffer = ffi.new("uint8_t[]", CHUNK)
        self.packer = ffi.new("vmm_packed *")
        """Which packs into the open chunk, as long as there is a store."""
        weakref.finalize(self, lib.vmm_trace_record, native, ffi.NULL, 0).atexit = False
        self._open(0)

    def _open(self, first: int) -> None:
        """A chunk that begins with event `first`."""
        self.packer[0] = ffi.new("vmm_packed *", {"bytes": self._buffer, "size": CHUNK})[0]
        self._first = first

    @property
    def _next(self) -> int:
        return self._first + self.packer.events

    def resume(self, first: int) -> None:
        """What comes next is event `first`; VmmError where there is no room for the file."""
        if first != self._next:
            self._seal()
            self._open(first)

    def take(self) -> None:
        """Pack what the ring has new; VmmError where there is no room for the file."""
        raw = self._native.trace
        while True:
            raw.packed += lib.vmm_pack(self.packer, ffi.addressof(raw), raw.packed, raw.emitted)
            if raw.packed == raw.emitted:
                return
            self._seal()
            self._open(raw.packed)

    def forget(self, end: int) -> None:
        """All events from number `end` on."""
        if end >= self._next:
            return
        chunks = [chunk for chunk in self.chunks() if chunk.first < end]
        self._sealed = chunks[:-1]
        self._held = sum(chunk.size for chunk in self._sealed if chunk.memory is not None)
        self._file_end = max((chunk.offset + chunk.size for chunk in self._sealed if chunk.memory is None), default=0)
        self._open(end)
        if chunks:
            self._reopen(chunks[-1], end)

    def _reopen(self, chunk: Chunk, end: int) -> None:
        """Make it the open chunk again, with those of its events only that come before `end`."""
        data = self.bytes_of(chunk)
        ffi.memmove(self._buffer, data, len(data))
        kept = min(chunk.events, end - chunk.first)
        self.packer.size, self.packer.events = len(data), kept
        lib.vmm_unpack(self.packer, ffi.new("vmm_wanted *", ANY), ffi.NULL, kept)
        self.packer.size, self.packer.events = CHUNK, kept
        self._first = chunk.first

    def chunks(self) -> list[Chunk]:
        """As they are now, oldest first."""
        packer = self.packer
        open_one = Chunk(self._first, packer.events, packer.used, self._packed(), 0)
        return [*self._sealed, open_one] if packer.events else self._sealed[:]

    def bytes_of(self, chunk: Chunk) -> bytes:
        """Its packed events."""
        if chunk.memory is not None:
            return chunk.memory
        assert self._file is not None, "a chunk without memory lies in the file"
        self._file.seek(chunk.offset)
        return self._file.read(chunk.size)

    def _packed(self) -> bytes:
        return bytes(ffi.buffer(self._buffer, self.packer.used))

    def _seal(self) -> None:
        """Close the open chunk: into memory, as long as the budget lasts."""
        events, data = self.packer.events, self._packed()
        if not events:
            return
        if self._held + len(data) > self.budget:
            self._spill(data)
            self._sealed.append(Chunk(self._first, events, len(data), None, self._file_end))
            self._file_end += len(data)
        else:
            self._sealed.append(Chunk(self._first, events, len(data), data, 0))
            self._held += len(data)

    def _spill(self, data: bytes) -> None:
        try:
            if self._file is None:
                self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115, closed with the store
                weakref.finalize(self, self._file.close)
            self._file.seek(self._file_end)
            written = self._file.write(data)
        except OSError as error:
            raise VmmError(f"the trace's temporary file in {tempfile.gettempdir()}: {error.strerror}") from error
        if written != len(data):
            raise VmmError(f"the trace's temporary file in {tempfile.gettempdir()}: no space left")


@contextmanager
def reading(store: Store, chunk: Chunk) -> Iterator[vmm_packed]:
    """What unpacks a chunk's events, from the first."""
    data = store.bytes_of(chunk)
    source = ffi.from_buffer("uint8_t[]", data)
    yield ffi.new("vmm_packed *", {"bytes": source, "size": len(data), "events": chunk.events})


def unpacked(store: Store, chunk: Chunk, wanted: vmm_wanted, room: int) -> Iterator[tuple[vmm_event, int]]:
    """Those of a chunk's events that are `wanted` (a vmm_wanted), `room` at most at a time: an array, and how many."""
    with reading(store, chunk) as reader:
        out = ffi.new("vmm_event[]", room)
        while count := lib.vmm_unpack(reader, wanted, out, room):
            yield out, count
