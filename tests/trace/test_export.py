"""Events in files, in every format: while a run goes on, and out of a recording."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path

import pytest

from vmm.errors import VmmError
from vmm.machine.machine import Machine, boot
from vmm.trace.export import BUILT, exported

GUESTS = ("x86/first_isr", "arm64/first_isr", "arm/first_isr")


def lines(guest: str, format: str, directory: Path) -> list[str]:
    """What a recording of a whole run is in a file."""
    machine = boot(guest)
    with machine.trace.record():
        machine.run()
    machine.trace.export(format, directory / "events")
    return (directory / "events").read_text().splitlines()


@pytest.mark.parametrize("guest", GUESTS)
@pytest.mark.parametrize("format", ["json", "jsonl"])
def test_json_has_each_recorded_event_once_and_in_order(guest: str, format: str, tmp_path: Path) -> None:
    machine = boot(guest)
    with machine.trace.record():
        machine.run()
    machine.trace.export(format, str(tmp_path / "events"))
    text = (tmp_path / "events").read_text()
    told = json.loads(text)["events"] if format == "json" else [json.loads(line) for line in text.splitlines()]
    expected = [(event.kind, event.vcpu, event.insns, event.ns, event.number) for event in machine.trace.of()]
    assert [(e["kind"], e["vcpu"], e["insns"], e["ns"], e["number"]) for e in told] == expected
    assert len(expected) > 5


def test_json_lines_are_the_events_of_the_object(tmp_path: Path) -> None:
    whole, by_line = lines("x86/first_isr", "json", tmp_path), lines("x86/first_isr", "jsonl", tmp_path)
    assert [json.loads(line) for line in by_line] == json.loads("\n".join(whole))["events"]


def test_the_object_says_how_the_machine_was_built_and_its_hash(tmp_path: Path) -> None:
    machine = boot("x86/first_isr", seed=7)
    with machine.trace.record():
        machine.run()
    machine.trace.export("json", tmp_path / "events.json")
    told = json.loads((tmp_path / "events.json").read_text())
    assert (told["seed"], told["smp"], told["memory"]) == (7, 1, machine.config.memory)
    assert (told["instructions"], told["trace_hash"]) == (machine.instructions, machine.trace.hash)


def test_int_is_a_numbered_line_for_each_delivery(tmp_path: Path) -> None:
    told = lines("x86/priority_nesting", "int", tmp_path)
    machine = boot("x86/priority_nesting")
    with machine.trace.record():
        machine.run()
    deliveries = machine.trace.of(kind="delivered")
    found = [re.match(r" *(\d+): v=([0-9a-f]{2}) .* insns=(\d+) ", line) for line in told]
    assert [(int(m[1]), int(m[2], 16), int(m[3])) for m in found if m] == [
        (n, event.number, event.insns) for n, event in enumerate(deliveries)
    ]
    assert len(deliveries) > 2


@pytest.mark.parametrize("format", ["json", "jsonl", "int"])
def test_a_recording_of_the_whole_run_is_what_was_written_while_it_ran(format: str, tmp_path: Path) -> None:
    machine, live = boot("arm64/first_isr"), io.StringIO()
    built = len(machine.trace.last(BUILT))
    with machine.trace.record(), exported(format, live, machine):
        machine.run()
    machine.trace.export(format, tmp_path / "events")
    now, then = live.getvalue().splitlines(), (tmp_path / "events").read_text().splitlines()
    before = 0 if format == "int" else built  # events of no delivery, which no recording can have
    head = 2 if format == "json" else 0
    assert now[:head] == then[:head]
    assert now[head + before :] == then[head:]
    assert len(then) > head


def test_several_files_are_written_at_a_time_and_none_after_its_end(tmp_path: Path) -> None:
    machine, first, second = boot("x86/pit_ticks"), io.StringIO(), io.StringIO()
    with exported("jsonl", second, machine):
        with exported("json", first, machine):
            machine.run(insns=1000)
        ended = first.getvalue()
        machine.run()
    assert first.getvalue() == ended
    half, whole = json.loads(ended)["events"], [json.loads(line) for line in second.getvalue().splitlines()]
    assert len(half) < len(whole)
    assert whole[: len(half)] == half


class Refused(Exception):
    pass


def test_a_file_is_whole_where_the_run_ends_by_an_error() -> None:
    machine, file = boot("x86/pit_ticks"), io.StringIO()

    def refuse(m: Machine) -> bool:
        raise Refused

    with pytest.raises(Refused), exported("json", file, machine):
        machine.run(until=refuse)
    assert json.loads(file.getvalue())["trace_hash"] == machine.trace.hash


def test_without_a_recording_there_is_nothing_to_export_and_no_file(tmp_path: Path) -> None:
    with pytest.raises(VmmError, match="nothing is recorded"):
        boot("x86/hello").trace.export("json", tmp_path / "events.json")
    assert not (tmp_path / "events.json").exists()


def test_a_format_there_is_not_gets_the_nearest_right_name_and_no_file(tmp_path: Path) -> None:
    machine = boot("x86/hello")
    machine.trace.record()
    with pytest.raises(VmmError, match="unknown trace format 'jsnol'; did you mean 'jsonl'"):
        machine.trace.export("jsnol", tmp_path / "events")
    assert not (tmp_path / "events").exists()


def test_a_file_that_cannot_be_written_is_named() -> None:
    machine = boot("x86/hello")
    machine.trace.record()
    with pytest.raises(VmmError, match=r"^export nowhere/events\.json: cannot write: No such file"):
        machine.trace.export("json", "nowhere/events.json")
