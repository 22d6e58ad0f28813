"""Ctrl-C, SIGTERM and SIGHUP end a run in the same orderly way, at once, and leave nothing lying about."""

import io
import json
import os
import random
import re
import signal
import time

import pytest
from perfetto.protos.perfetto.trace.perfetto_trace_pb2 import Trace
from vcd.reader import TokenKind, tokenize

from cli.tiny_guests import SPIN, say

HOST_TIME = re.compile(r"[\d.]+ s host")
SIGNALS = {signal.SIGINT: "interrupted", signal.SIGTERM: "ended by SIGTERM", signal.SIGHUP: "ended by SIGHUP"}
each = pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)


def mostly(number: signal.Signals) -> pytest.MarkDecorator:
    """Each, but only this one where time is short."""
    others = (pytest.param(other, marks=pytest.mark.slow) for other in SIGNALS if other != number)
    return pytest.mark.parametrize("number", [number, *others], ids=lambda number: number.name)


def ready(process) -> None:
    assert process.stdout and process.stdout.readline() == b"ready\n"


@each
def test_what_the_run_leaves_is_written(number, command, vmm, image, tmp_path):
    summary, trace, lines = (tmp_path / name for name in ("summary.json", "trace.json", "lines"))
    files = ("--record", tmp_path / "run.vmmrec", "--summary", summary, "--trace", trace, "--trace", f"jsonl:{lines}")
    run = command("run", image(say(b"ready\n") + SPIN), *files)
    ready(run)
    run.send_signal(number)
    _, err = run.communicate(timeout=60)
    assert run.returncode == 128 + number
    assert err.startswith(b"vmm: user: %s at 0x7c" % SIGNALS[number].encode())
    facts = json.loads(summary.read_text())
    assert facts["stop"]["reason"] == "user"
    whole = json.loads(trace.read_text())
    assert whole["trace_hash"] == facts["trace_hash"]
    assert whole["events"] == [json.loads(line) for line in lines.read_text().splitlines()]
    done = vmm("replay", "run.vmmrec")
    assert (done.status, done.out) == (128 + number, "ready\n")
    assert HOST_TIME.sub("", done.err) == HOST_TIME.sub("", err.decode())


@pytest.mark.slow
@mostly(signal.SIGINT)
def test_a_replay_that_is_ended_leaves_its_files_too(number, command, vmm, image, tmp_path):
    vmm("run", image(say(b"ready\n") + SPIN), "--max-insns", "40M", "--record", "run.vmmrec", "--quiet")
    replay = command("replay", tmp_path / "run.vmmrec", "--summary", tmp_path / "out", "--trace", tmp_path / "trace")
    ready(replay)
    replay.send_signal(number)
    _, err = replay.communicate(timeout=60)
    assert replay.returncode == 128 + number
    assert err.startswith(b"vmm: user: %s at 0x7c" % SIGNALS[number].encode())
    facts = json.loads((tmp_path / "out").read_text())
    assert facts["instructions"] < 40_000_000
    assert json.loads((tmp_path / "trace").read_text())["trace_hash"] == facts["trace_hash"]


def test_one_that_comes_where_python_loses_exceptions_is_not_lost(command, image, tmp_path):
    """Python's data model: what a finalizer raises is printed and ignored. The script is read before the guest runs."""
    text = "import os, signal\n\nclass Gone:\n    def __del__(self):\n        os.kill(os.getpid(), signal.SIGTERM)\n"
    (tmp_path / "script.py").write_text(f"{text}\nGone()\n\nasync def scenario(m):\n    pass\n")
    run = command("run", image(SPIN), "--scenario", tmp_path / "script.py", "--quiet")
    assert run.communicate(timeout=60)[0] == b""
    assert run.returncode == 143


@mostly(signal.SIGHUP)
def test_what_a_process_was_started_to_ignore_it_ignores(number, command, image):
    run = command("run", image(say(b"ready\n") + SPIN), "--max-insns", "20M", preexec_fn=lambda: _ignore(number))
    ready(run)
    run.send_signal(number)
    _, err = run.communicate(timeout=60)
    assert (run.returncode, err.startswith(b"vmm: limit: ")) == (124, True)


def _ignore(number: int) -> None:
    signal.signal(number, signal.SIG_IGN)


@pytest.fixture
def source(tmp_path):
    """A guest that never ends, and an environment whose temporary files are this test's."""
    (tmp_path / "guest.S").write_text('#include "x86/guest.h"\n    GUEST_PROTECTED32\nx:  jmp x\n')
    (tmp_path / "tmp").mkdir()
    return tmp_path / "guest.S", {**os.environ, "TMPDIR": str(tmp_path / "tmp")}


@mostly(signal.SIGTERM)
def test_no_temporary_folder_is_left(number, command, source, tmp_path):
    guest, environment = source
    run = command("run", guest, env=environment)
    until(lambda: any((tmp_path / "tmp").glob("vmm-*/guest.elf")))
    run.send_signal(number)
    run.communicate(timeout=60)
    assert run.returncode == 128 + number
    assert not list((tmp_path / "tmp").iterdir())


@pytest.mark.slow
@each
def test_none_is_left_whenever_the_signal_comes(number, command, source, tmp_path):
    guest, environment = source
    chance = random.Random(number)
    for _ in range(6):
        run = command("run", guest, env=environment)
        time.sleep(0.2 + chance.random())
        run.send_signal(number)
        _, err = run.communicate(timeout=60)
        assert run.returncode in (128 + number, -number)
        assert b"Traceback" not in err or while_importing(err)
        assert not list((tmp_path / "tmp").iterdir())


def while_importing(err: bytes) -> bool:
    """On a busy host Python may still be on its way to us: it ended in a line that imports."""
    return err.splitlines()[-2].strip().startswith((b"import ", b"from ")) or b"importlib" in err


@mostly(signal.SIGTERM)
def test_none_is_left_of_an_assembler_that_is_at_work_either(number, command, tmp_path):
    """One whose child goes on writing, as compilers' drivers have."""
    compiler = tmp_path / "compiler"
    writes = "while :; do mkdir -p $TMPDIR/a; touch $TMPDIR/a/started; done"
    compiler.write_text(f"#!/bin/sh\n[ $1 = -print-prog-name=ld ] && exit\nsh -c '{writes}' &\nwait\n")
    compiler.chmod(0o755)
    (tmp_path / "guest.S").write_text("nop\n")
    (tmp_path / "tmp").mkdir()
    environment = {**os.environ, "TMPDIR": str(tmp_path / "tmp"), "VMM_CC": str(compiler)}
    assembler = command("asm", tmp_path / "guest.S", "-o", tmp_path / "guest.elf", env=environment)
    until(lambda: any((tmp_path / "tmp").glob("vmm-*/a/started")))
    assembler.send_signal(number)
    assert assembler.communicate(timeout=60) == (b"", b"")
    assert assembler.returncode == 128 + number
    assert not list((tmp_path / "tmp").iterdir())
    assert not (tmp_path / "guest.elf").exists()


def until(holds) -> None:
    while not holds():
        time.sleep(0.01)


def test_a_run_that_traces_a_storm_of_events_ends_at_once(command, image, tmp_path):
    """An event in words takes far longer than the INT 80h it tells of: a slice of them takes minutes."""
    setup = bytes.fromhex("31c0 8ed8 c7060002 007e c70602020000")  # vector 80h leads to 0000:7E00
    code = setup + bytes.fromhex("cd80") + say(b"ready\n") + bytes.fromhex("cd80 ebfc")
    code = code.ljust(0x200, b"\x90") + bytes.fromhex("cf")
    others = [word for format in READ for word in ("--trace", f"{format}:{tmp_path / format}")]
    run = command("run", image(code), "--trace", tmp_path / "trace.json", *others, "--quiet")
    ready(run)
    run.send_signal(signal.SIGINT)
    began = time.monotonic()
    run.communicate(timeout=60)
    assert time.monotonic() - began < 20, "a second; here others may be at work"
    assert run.returncode == 130
    whole = json.loads((tmp_path / "trace.json").read_text())
    assert {event["number"] for event in whole["events"] if event["kind"] == "delivered"} == {0x80}
    assert whole["instructions"] < 500_000
    deliveries = sum(event["kind"] == "delivered" for event in whole["events"])
    assert {format: read((tmp_path / format).read_bytes()) for format, read in READ.items()} == dict.fromkeys(
        READ, deliveries
    )


def in_packets(data: bytes) -> int:
    packets = Trace.FromString(data).packet
    names = {each.iid: each.name for packet in packets for each in packet.interned_data.event_names}
    return sum(names.get(packet.track_event.name_iid, "").startswith("0x80 ") for packet in packets)


def in_chrome(data: bytes) -> int:
    return sum(each.get("cat") == "handlers" for each in json.loads(data)["traceEvents"])


def in_waves(data: bytes) -> int:
    """Each is a change of the string; the last has been told whole."""
    changes = [each.data for each in tokenize(io.BytesIO(data)) if each.kind is TokenKind.CHANGE_STRING]
    return sum(change.value.count("0x80") == 1 for change in changes)


READ = {
    "jsonl": lambda data: sum(json.loads(line)["kind"] == "delivered" for line in data.splitlines()),
    "int": lambda data: len(data.splitlines()),
    "perfetto": in_packets,
    "chrome": in_chrome,
    "vcd": in_waves,
}
"""How many deliveries a file has that can be read to its end."""
