"""A recording holds every event as it was, in memory or in a file, and can go back."""

from __future__ import annotations

import gc
import tempfile
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vmm.core.native import ffi, lib
from vmm.errors import VmmError
from vmm.machine.machine import Machine, boot
from vmm.trace import Event, store

GUESTS = ("x86/priority_nesting", "x86/vm86", "arm64/sgi_ping_pong", "arm/priority_nesting")
EVENT = ffi.sizeof("vmm_event")
LONGEST = 2 + 10 * EVENT // 8
"""Bytes of a packed one: what it is like, and 64 bits in each of its words (LEB128)."""
CAPACITY = 64


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks of a few dozen events."""
    monkeypatch.setattr(store, "CHUNK", 400)


def recorded(machine: Machine) -> list[Event]:
    return list(machine.trace.of())


@pytest.mark.parametrize("guest", GUESTS)
@pytest.mark.parametrize("budget", [0, 1000, 1 << 20])
@pytest.mark.usefixtures("small_chunks")
def test_a_recording_is_what_an_observer_sees(guest: str, budget: int) -> None:
    machine, seen = boot(guest), []
    machine.trace.observe(seen.append)
    with machine.trace.record(budget=budget):
        machine.run()
    assert len(seen) > 10
    assert recorded(machine) == seen
    assert [event.ns for event in seen] == sorted(event.ns for event in seen)


@pytest.mark.parametrize("guest", GUESTS)
def test_recording_changes_neither_the_hash_nor_the_run(guest: str) -> None:
    plain, watched = boot(guest), boot(guest)
    watched.trace.record()
    assert watched.run() == plain.run()
    assert (watched.trace.hash, watched.now_ns) == (plain.trace.hash, plain.now_ns)


def test_the_file_is_only_for_what_is_beyond_the_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "TemporaryFile", None)
    machine = boot("x86/isr_bench")
    machine.trace.record()
    machine.run(insns=200_000)
    assert len(machine.trace.of(vector=0x24)) > 10_000


@pytest.mark.usefixtures("small_chunks")
def test_the_file_goes_with_the_machine() -> None:
    machine = boot("x86/priority_nesting")
    machine.trace.record(budget=0)
    machine.run()
    kept = machine.trace._store
    assert kept is not None and kept._file is not None
    file = kept._file
    del machine, kept
    gc.collect()
    assert file.closed


@pytest.mark.usefixtures("small_chunks")
def test_a_full_disk_ends_the_run_and_the_recording_with_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(**_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tempfile, "TemporaryFile", full)
    machine = boot("x86/isr_bench")
    machine.trace.record(budget=0)
    with pytest.raises(VmmError, match=r"temporary file in .*: No space left on device"):
        machine.run()
    assert machine.run(insns=1000).reason == "count"


def test_what_happens_between_two_recordings_is_in_neither() -> None:
    machine = boot("x86/isr_bench")
    machine.run(until="round")
    with machine.trace.record():
        machine.run(insns=130)
    machine.run(insns=1300)
    with machine.trace.record():
        machine.run(insns=130)
    assert len(machine.trace.of(vector=0x24)) == 20
    assert max(machine.trace.of(vector=0x24).gaps) > 1300


def test_of_recordings_within_each_other_the_last_to_stop_counts() -> None:
    machine = boot("x86/isr_bench")
    machine.run(until="round")
    outer = machine.trace.record()
    with machine.trace.record():
        machine.run(insns=130)
    machine.run(insns=130)
    outer.stop()
    outer.stop()
    machine.run(insns=130)
    assert len(machine.trace.of(vector=0x24)) == 20


def test_an_observer_that_raises_costs_the_recording_nothing() -> None:
    machine = boot("x86/isr_bench")
    machine.run(until="round")
    machine.trace.record()

    def refuse(event: Event) -> None:
        if event.kind == "ended":
            raise ValueError("enough")

    machine.trace.observe(refuse)
    before = machine.trace.of().insns
    with pytest.raises(ValueError, match="enough"):
        machine.run(insns=1300)
    assert before == []
    assert len(machine.trace._store.chunks()) == 1  # type: ignore[union-attr]
    assert machine.trace._store.chunks()[0].events > 700  # type: ignore[union-attr]


@pytest.mark.parametrize("budget", [0, 1 << 20])
@pytest.mark.parametrize("further", [7, 130, 5000])
@pytest.mark.usefixtures("small_chunks")
def test_after_a_restore_the_recording_is_the_one_up_to_then_and_goes_on(budget: int, further: int) -> None:
    machine = boot("x86/isr_bench")
    machine.trace.record(budget=budget)
    machine.run(insns=3000)
    snapshot = machine.snapshot()
    before, last = recorded(machine), machine.trace.last(5)
    machine.run(insns=further)
    machine.restore(snapshot)
    assert recorded(machine) == before
    assert machine.trace.last(5) == last
    seen: list[Event] = []
    machine.trace.observe(seen.append)
    machine.run(insns=further)
    assert recorded(machine) == before + seen


def test_events_that_undone_ones_overwrote_are_there_again() -> None:
    machine = boot("x86/isr_bench")
    machine.run(until="round")
    machine.run(insns=13 * 100)
    snapshot, last = machine.snapshot(), machine.trace.last(4096)
    machine.run(insns=13 * 2000)
    machine.restore(snapshot)
    assert machine.trace.last(4096) == last


def test_a_recording_hears_what_the_history_it_goes_to_had_instead() -> None:
    machine = boot("x86/isr_bench")
    machine.trace.record()
    machine.run(insns=3000)
    fork = machine.snapshot()
    machine.run(insns=500)
    one, heard = machine.snapshot(), recorded(machine)
    machine.restore(fork)
    machine.nmi()
    machine.run(insns=700)
    assert recorded(machine) != heard
    machine.restore(one)
    assert recorded(machine) == heard


@given(st.lists(st.binary(min_size=EVENT, max_size=EVENT), min_size=1, max_size=CAPACITY), st.integers(LONGEST, 2000))
def test_any_events_come_out_as_they_went_in(events: list[bytes], room: int) -> None:
    """Whatever their fields: packed into as many buffers of `room` bytes as it takes."""
    ring = ffi.new("vmm_event[]", CAPACITY)
    ffi.buffer(ring)[: len(events) * EVENT] = b"".join(events)
    trace = ffi.new("vmm_trace *", {"capacity": CAPACITY, "ring": ring})
    out, done = b"", 0
    while done < len(events):
        buffer = ffi.new("uint8_t[]", room)
        packer = ffi.new("vmm_packed *", {"bytes": buffer, "size": room})
        count = lib.vmm_pack(packer, trace, done, len(events))
        assert 0 < count == packer.events and packer.used <= room
        reader = ffi.new("vmm_packed *", {"bytes": buffer, "size": packer.used, "events": count})
        unpacked = ffi.new("vmm_event[]", count)
        assert lib.vmm_unpack(reader, ffi.new("vmm_wanted *", store.ANY), unpacked, count + 1) == count
        out += bytes(ffi.buffer(unpacked))
        done += count
    assert out == b"".join(events)


@given(st.binary(max_size=300))
def test_damaged_bytes_end_where_they_end(data: bytes) -> None:
    source = ffi.from_buffer("uint8_t[]", data)
    reader = ffi.new("vmm_packed *", {"bytes": source, "size": len(data), "events": 1000})
    assert lib.vmm_unpack(reader, ffi.new("vmm_wanted *", store.ANY), ffi.NULL, 1000) <= len(data) // 2
    assert reader.used <= len(data)
