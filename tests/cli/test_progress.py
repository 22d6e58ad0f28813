""" "still running": for terminals, on standard error, and nothing of the run is another for it."""

from __future__ import annotations

import json
import os
import re
import sys

import pytest

from cli.terminals import Terminal, resize
from cli.tiny_guests import SPIN, TEST_PORT
from vmm.cli import progress, run_loop, session
from vmm.replayer import bisect

LINE = re.compile(r"vmm: still running, \d+ instructions, at 0x7c\w\w; Ctrl-C ends it\n")


@pytest.fixture
def terminal(vmm, monkeypatch):
    """Run a command with a terminal as standard error, and a host's clock of which every look takes three seconds."""
    monkeypatch.setattr(run_loop, "SLICE", 100)

    def run(*arguments):
        now = iter(range(0, 1 << 20, 3))
        shown = Terminal()
        with monkeypatch.context() as patch:  # in the test itself, for pytest has a standard error for each phase
            patch.setattr(run_loop, "monotonic", lambda: next(now))
            patch.setattr(sys, "stderr", shown)
            done = vmm(*arguments)
        return done._replace(err=shown.getvalue())

    return run


def test_a_long_silent_run_tells_how_far_it_is_less_and_less_often(terminal, image):
    done = terminal("run", image(SPIN), "--max-insns", "10k")
    lines = [line for line in done.err.splitlines(keepends=True) if "still running" in line]
    assert done.status == 124
    assert all(map(LINE.fullmatch, lines))
    looks = [int(line.split()[3]) // 100 for line in lines]  # the first, at 0 s, begins the silence
    assert looks[:5] == [2, 6, 13, 27, 47]  # 6 s are 5 or more, then 10, 20, 40 and at most 60 are waited


def test_a_guest_that_writes_is_no_silent_one(terminal, image):
    chatter = bytes.fromhex(
        "ba f803 b0 2e b9 1e00 ee e2fd ebfe"
    )  # mov dx,3f8h; mov al,"."; mov cx,30; out; loop; jmp $
    done = terminal("run", image(chatter), "--max-insns", "500")
    assert done.out == "." * 30
    first = int(done.err.split("still running, ")[1].split()[0])
    assert first == 300, "it wrote in the first slice, and the look that is 5 seconds later is two looks later"


@pytest.mark.parametrize("options", [["--quiet"], ["-d", "int"]])
def test_who_asked_for_quiet_or_for_a_log_is_told_nothing(terminal, image, options):
    assert "still running" not in terminal("run", image(SPIN), "--max-insns", "10k", *options).err


def test_a_guest_that_is_typed_into_may_be_waiting_for_its_user(terminal, image, monkeypatch):
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(run_loop, "INTERACTIVE", 100)
    reader, writer = os.pipe()
    monkeypatch.setattr(sys.stdin, "fileno", lambda: reader, raising=False)
    done = terminal("run", image(SPIN), "--max-insns", "10k", "--input", "-")
    assert (done.status, "still running" in done.err) == (124, False)
    os.close(reader)
    os.close(writer)


def test_no_terminal_is_told_nothing_and_no_clock_is_read(vmm, image, monkeypatch):
    monkeypatch.setattr(run_loop, "SLICE", 100)
    monkeypatch.setattr(run_loop, "monotonic", lambda: pytest.fail("a look at the clock"))
    done = vmm("run", image(SPIN), "--max-insns", "10k")
    assert (done.status, "still running" in done.err) == (124, False)


@pytest.mark.parametrize("guest", ["x86/pit_ticks", "arm64/timer_ticks", "arm/sgi_ping_pong"])
def test_nothing_of_the_run_is_another(terminal, guest, tmp_path):
    def run(name, *options):
        done = terminal("run", guest, "--summary", name, "--record", f"{name}.vmmrec", *options)
        facts = json.loads((tmp_path / name).read_text())
        facts.pop("host_seconds")
        return done.err, (done.status, done.out, facts, (tmp_path / f"{name}.vmmrec").read_bytes())

    (told, sliced), (untold, whole) = run("told"), run("untold", "--quiet")
    assert ("still running" in told, untold) == (True, "")
    assert sliced == whole


@pytest.mark.parametrize("guest", ["x86/pit_ticks", "arm64/timer_ticks"])
def test_a_replay_tells_too_and_is_verified(vmm, terminal, guest):
    recorded = vmm("run", guest, "--quiet", "--record", "run.vmmrec")
    replayed = terminal("replay", "run.vmmrec")
    assert "still running" in replayed.err
    assert (replayed.status, replayed.out) == (recorded.status, recorded.out)
    untold = terminal("replay", "run.vmmrec", "--quiet")
    assert untold == recorded


def test_a_replay_to_an_instruction_tells_too_and_stops_there(vmm, terminal, image):
    vmm("run", image(SPIN), "--max-insns", "10k", "--record", "run.vmmrec", "--quiet")
    told = terminal("replay", "run.vmmrec", "--until-insn", "5050").err
    assert "still running" in told
    whole = vmm("replay", "run.vmmrec", "--until-insn", "5050").err
    assert "insn 5050 is about to begin" in whole
    assert whole.splitlines()[0] in told


SHARE = re.compile(r"\r\x1b\[Kvmm: (\d+) % of 10000 instructions")


@pytest.fixture
def waiting(vmm, monkeypatch):
    """As `terminal`, for what looks at recordings."""
    monkeypatch.setattr(progress, "SLICE", 1000)
    monkeypatch.setattr(bisect, "SLICE", 1000)

    def run(*arguments):
        now = iter(range(1 << 20))
        shown = Terminal()
        with monkeypatch.context() as patch:
            patch.setattr(progress, "monotonic", lambda: next(now))
            patch.setattr(sys, "stderr", shown)
            done = vmm(*arguments)
        return done._replace(err=shown.getvalue())

    return run


@pytest.mark.parametrize("words", [["diagnose", "run.vmmrec"], ["export", "run.vmmrec", "--to", "out.jsonl"]])
def test_who_waits_for_a_recording_sees_how_far_it_is_and_then_nothing_of_it(vmm, waiting, image, words):
    vmm("run", image(SPIN), "--max-insns", "10k", "--record", "run.vmmrec", "--quiet")
    done, untold = waiting(*words), vmm(*words)
    assert [int(share) for share in SHARE.findall(done.err)] == [0, 10, 20, 30, 40, 50, 60, 70, 80, 90]
    assert done.err.endswith("\r\x1b[K")
    assert (done.status, done.out, untold.err) == (untold.status, untold.out, "")


def test_who_waits_for_a_comparison_is_told_too(vmm, waiting, image, monkeypatch):
    vmm("run", image(SPIN), "--max-insns", "10k", "--record", "run.vmmrec", "--quiet")

    def compared(first, second, tell):
        play = bisect.Playback(first, tell)
        assert play.at(4500).instructions == 4500

    monkeypatch.setattr(bisect, "bisect", compared)
    done = waiting("bisect", "run.vmmrec", "run.vmmrec")
    told = re.findall(r"comparing, at instruction (\d+) of a replay", done.err)
    assert (told, done.out) == (["0", "1000", "2000", "3000"], "the runs do not differ\n")
    assert done.err.endswith("\r\x1b[K")


def test_no_line_is_wider_than_its_terminal():
    """One that is wrapped could not be written over."""
    ours, theirs = os.openpty()
    resize(theirs, 20)
    with open(theirs, "w") as file:  # noqa: PTH123
        progress.Line(file).show("vmm: 50 % of 10000 instructions")
        assert os.read(ours, 100) == b"\r\x1b[Kvmm: 50 % of 10000 "[:23]
    os.close(ours)


def test_slices_move_no_interrupt(terminal, image, monkeypatch, tmp_path):
    """Of a single instruction each, at all of which a boundary is."""
    monkeypatch.setattr(run_loop, "SLICE", 1)
    terminal("run", image(TEST_PORT), "--trace", "int:sliced")
    terminal("run", image(TEST_PORT), "--trace", "int:whole", "--quiet")
    assert (tmp_path / "sliced").read_text() == (tmp_path / "whole").read_text() != ""


def test_the_line_begins_where_a_line_begins_and_the_guests_bytes_stay_as_they_are(monkeypatch):
    monkeypatch.setattr(sys, "stderr", Terminal())
    master, slave = os.openpty()
    with open(slave, "wb") as file:  # noqa: PTH123
        console = session.Console(file)
        console(b"login: ")
        console.begin_line()
        console.begin_line()
        console(b"root\n")
        assert sys.stderr.getvalue() == "\n"
        seen = b""
        while not seen.endswith(b"\n"):  # a terminal hands on what it has by then
            seen += os.read(master, 100)
        assert seen == b"login: root\r\n"
    os.close(master)
