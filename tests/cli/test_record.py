"""`vmm run --record`, `--scenario`, `--input`; `vmm replay`; `vmm bisect`."""

import json
import os
import pty
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest
from inputs.tapes import claim

from cli.tiny_guests import ECHO, EXIT_3, HALT_MASKED, POWER_OFF, SPIN, say

HOST_TIME = re.compile(r"[\d.]+ s host")
PULSES = """
import vmm

async def scenario(m):
    await vmm.Delivered(0x20)
    await vmm.Elapsed(insns=37)
    m.irq(4).pulse()
"""


@pytest.fixture
def script(tmp_path):
    def write(text: str, name: str = "script.py") -> str:
        (tmp_path / name).write_text(text)
        return name

    return write


def without_host_time(done):
    return done.status, done.out, HOST_TIME.sub("", done.err)


@pytest.mark.parametrize(
    "arguments",
    [
        ("x86/pit_ticks",),
        ("arm64/sgi_ping_pong", "--seed", "7"),
        ("x86/triple_fault",),
        ("x86/hello", "--max-insns", "50"),
    ],
    ids=" ".join,
)
def test_a_replay_prints_what_the_run_printed_and_ends_as_it_did(arguments, vmm):
    run = vmm("run", *arguments, "--record", "run.vmmrec")
    assert without_host_time(vmm("replay", "run.vmmrec")) == without_host_time(run)


def test_the_guests_own_status_is_the_replays(vmm, image):
    assert vmm("run", image(EXIT_3), "--record", "run.vmmrec").status == 7
    assert vmm("replay", "run.vmmrec", "--quiet") == (7, "", "")


@pytest.mark.slow
def test_a_source_is_assembled_again_and_a_changed_one_is_told(vmm, tmp_path):
    source = tmp_path / "guest.S"
    source.write_text('#include "x86/guest.h"\n    GUEST_PROTECTED32\n    POWER_OFF\n')
    assert vmm("run", "guest.S", "--record", "run.vmmrec", "--quiet").status == 0
    assert vmm("replay", "run.vmmrec", "--quiet").status == 0
    source.write_text('#include "x86/guest.h"\n    GUEST_PROTECTED32\n    nop\n    POWER_OFF\n')
    told = vmm("replay", "run.vmmrec")
    assert told.status == 2
    assert told.err == (
        f"vmm: run.vmmrec:1: image {source} has changed since it was recorded; --image PATH takes it all the same\n"
    )
    other = vmm("replay", "run.vmmrec", "--image", "guest.S", "--quiet")
    assert other.status == 1
    assert re.fullmatch(r"vmm: run\.vmmrec: the end came at insn \d+, .*; this run is at insn \d+, .*\n", other.err)


def test_another_trace_than_the_recorded_one_is_told(vmm, tmp_path):
    """As a change of vmm's own would show: the recording claims another hash."""
    vmm("run", "x86/hello", "--record", "run.vmmrec")
    claim(tmp_path / "run.vmmrec", hash="0" * 16)
    done = vmm("replay", "run.vmmrec", "--quiet")
    assert done.status == 1
    assert done.err.startswith("vmm: run.vmmrec: the recorded trace is 0000000000000000, this one ")


def test_a_module_is_recorded_with_its_checksum(vmm, tmp_path):
    module = tmp_path / "module.txt"
    module.write_text("one")
    vmm("run", "x86/hello", "--initrd", "module.txt some words", "--append", "a=1", "--record", "run.vmmrec", "--quiet")
    assert vmm("replay", "run.vmmrec", "--quiet").status == 0
    module.write_text("two")
    told = vmm("replay", "run.vmmrec")
    assert (told.status, "module.txt has changed since it was recorded" in told.err) == (2, True)


def test_a_replay_stops_at_a_symbol_an_instruction_or_an_event(vmm, script):
    vmm("run", "x86/pit_ticks", "--record", "run.vmmrec")
    at = vmm("replay", "run.vmmrec", "--stop-at", "tick")
    assert at.status == 0
    assert at.err.startswith("vmm: breakpoint: reached 0x100505 tick pit_ticks.S:30\n")
    assert "registers:" in at.err
    for place in ("pit_ticks.S:30", "0x100505", "tick+0x0", "0x100505 tick pit_ticks.S:30"):
        there = vmm("replay", "run.vmmrec", "--stop-at", place).err
        assert there.startswith("vmm: breakpoint: reached 0x100505 tick pit_ticks.S:30\n"), place
    before = vmm("replay", "run.vmmrec", "--until-insn", "1").err  # the second: a CLI's one byte lies before it
    assert before.startswith("vmm: elapsed: insn 1 is about to begin at 0x100011 _start+0x1 pit_ticks.S:")
    assert "1000 instructions, " in vmm("replay", "run.vmmrec", "--until-insn", "1000").err
    assert vmm("replay", "run.vmmrec", "--until-event", "30").err.startswith("vmm: event: ")
    logged = vmm("replay", "run.vmmrec", "--stop-at", "tick", "-d", "int", "--trace", "trace.json", "--quiet")
    assert logged.err.startswith("     0: v=20 ")
    assert json.loads(Path("trace.json").read_text())["instructions"] == 727


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--stop-at", "tock"], "vmm: unknown symbol 'tock'; did you mean 'tick'?\n"),
        (["--stop-at", "pit_ticks.S:1"], "vmm: no code at pit_ticks.S:1; did you mean 'pit_ticks.S:10'?\n"),
        (["--until-insn", "5", "--until-event", "5"], "not allowed with argument"),
        (["--image", "nowhere.elf"], "vmm: nowhere.elf: no such file\n"),
    ],
)
def test_a_replay_that_is_asked_for_nonsense_says_so(arguments, said, vmm):
    vmm("run", "x86/pit_ticks", "--record", "run.vmmrec")
    done = vmm("replay", "run.vmmrec", *arguments)
    assert (done.status, said in done.err) == (2, True)


def test_a_recording_that_cannot_be_written_costs_no_run(vmm):
    done = vmm("run", "x86/hello", "--record", "no/run.vmmrec")
    assert done == (2, "", "vmm: --record no/run.vmmrec: cannot write: No such file or directory\n")


# ---- scenarios ----


def test_a_scenario_runs_beside_the_guest_and_is_replayed_without_its_script(vmm, script, tmp_path):
    run = vmm("run", "x86/pit_ticks", "--scenario", script(PULSES), "--record", "run.vmmrec")
    (tmp_path / "script.py").unlink()
    assert without_host_time(vmm("replay", "run.vmmrec")) == without_host_time(run)
    assert without_host_time(vmm("run", "x86/pit_ticks"))[2] != without_host_time(run)[2]


def test_an_error_of_a_script_shows_its_own_lines_and_has_status_3(vmm, script):
    text = PULSES + "    helper(m)\n\ndef helper(m):\n    m.irq(99).pulse()\n"
    done = vmm("run", "x86/pit_ticks", "--scenario", script(text), "--record", "run.vmmrec")
    assert done.status == 3
    error, line, inner, stop = done.err.splitlines()[:4]
    assert error == "vmm: the scenario failed: VmmError: IRQ 99 is not among 0-23"
    assert line == "vmm:   script.py:8 in scenario: helper(m)"
    assert inner == "vmm:   script.py:11 in helper: m.irq(99).pulse()"
    assert stop.startswith("vmm: user: the scenario failed at 0x")
    replay = vmm("replay", "run.vmmrec")
    assert replay.status == 3
    assert HOST_TIME.sub("", replay.err) == HOST_TIME.sub("", "\n".join(done.err.splitlines()[3:]) + "\n")


@pytest.mark.parametrize(
    ("text", "status", "said"),
    [
        ("async def scenario(m):\n    assert m.instructions == 1, 'too soon'\n", 3,
         "vmm: the scenario failed: AssertionError: too soon\nvmm:   script.py:2 in scenario: assert m.instructions"),
        ("import nowhere_at_all\n", 3, "vmm:   script.py:1 in <module>: import nowhere_at_all\n"),
        ("async def scenario(m)\n    pass\n", 2, "vmm: script.py:1: expected ':': async def scenario(m)\n"),
        ("async def other(m):\n    pass\n", 2, "vmm: script.py: no scenario in it: write `async def scenario(m)`\n"),
        ("def scenario(m):\n    pass\n", 2, "vmm: script.py: no scenario in it; scenario is a plain function: write"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_script_is_said_with_its_line(text, status, said, vmm, script):
    done = vmm("run", "x86/hello", "--scenario", script(text), "--quiet")
    assert done.status == status
    assert said in done.err
    assert "Traceback" not in done.err


def test_a_script_that_is_not_there_is_told(vmm):
    assert vmm("run", "x86/hello", "--scenario", "no.py") == (
        2,
        "",
        "vmm: --scenario no.py: No such file or directory\n",
    )


def test_every_scenario_of_a_script_runs_and_who_waits_in_vain_is_named(vmm, script):
    text = """
import vmm

async def scenario_one(m):
    print("one")
    await vmm.Delivered(0x99)

async def scenario_two(m):
    print("two")
    await vmm.Console("never")
"""
    done = vmm("run", "x86/hello", "--scenario", script(text), "--quiet")
    assert done.status == 0
    assert "one" in done.out
    assert "two" in done.out
    assert [line.partition(" waits")[0] for line in done.err.splitlines()] == [
        "vmm: never fired: scenario_one", "vmm: never fired: scenario_two"
    ]  # fmt: skip


def test_ctrl_c_in_an_endless_loop_of_a_script_shows_its_line(command, image, script, tmp_path):
    script("async def scenario(m):\n    print('ready', flush=True)\n    while True:\n        pass\n")
    run = command("run", image(SPIN), "--scenario", tmp_path / "script.py", cwd=tmp_path)
    assert run.stdout and run.stdout.readline() == b"ready\n"
    time.sleep(0.1)
    run.send_signal(signal.SIGINT)
    _, err = run.communicate(timeout=60)
    assert run.returncode == 130
    assert re.search(rb"script\.py:[34] in scenario: ", err)


def test_a_run_that_ctrl_c_ended_is_replayed_to_the_instruction(command, vmm, image, tmp_path):
    run = command("run", image(say(b"ready\n") + SPIN), "--record", tmp_path / "run.vmmrec")
    assert run.stdout and run.stdout.readline() == b"ready\n"
    run.send_signal(signal.SIGINT)
    _, err = run.communicate(timeout=60)
    assert run.returncode == 130
    done = vmm("replay", "run.vmmrec")
    assert (done.status, done.out) == (130, "ready\n")
    assert HOST_TIME.sub("", done.err) == HOST_TIME.sub("", err.decode())


# ---- input ----


@pytest.mark.slow
def test_a_file_is_typed(vmm, image, tmp_path):
    (tmp_path / "keys").write_bytes(b"hello, q")
    run = vmm("run", image(ECHO + POWER_OFF), "--input", "keys", "--record", "run.vmmrec")
    assert (run.status, run.out) == (0, "hello, q")
    (tmp_path / "keys").unlink()
    assert without_host_time(vmm("replay", "run.vmmrec")) == without_host_time(run)


def test_standard_input_is_typed(command, image, tmp_path):
    run = command("run", image(ECHO + POWER_OFF), "--input", "-", "--quiet", stdin=subprocess.PIPE)
    assert run.communicate(b"pipe q", timeout=60) == (b"pipe q", b"")


def test_input_that_cannot_be_read_is_told(vmm):
    done = vmm("run", "x86/hello", "--input", "nothing")
    assert done == (2, "", "vmm: --input nothing: No such file or directory\n")


@pytest.mark.slow
def test_what_is_typed_at_a_terminal_arrives_while_the_guest_runs_and_is_replayed(command, vmm, image, tmp_path):
    ours, theirs = pty.openpty()
    code = say(b"ready\n") + ECHO + POWER_OFF
    run = command("run", image(code), "--input", "-", "--record", tmp_path / "run.vmmrec", "--quiet", stdin=theirs)
    assert run.stdout and run.stdout.readline() == b"ready\n"
    os.write(ours, b"one\n")
    assert run.stdout.readline() == b"one\n"
    os.write(ours, b"q\n")
    out, err = run.communicate(timeout=60)
    assert (run.returncode, out, err) == (0, b"q", b"")
    assert vmm("replay", "run.vmmrec", "--quiet") == (0, "ready\none\nq", "")
    kept = [json.loads(line)["do"] for line in (tmp_path / "run.vmmrec").read_text().splitlines() if '"input"' in line]
    assert b"".join(bytes.fromhex(data["hex"]) for _, data in kept) == b"one\nq\n"
    assert len(kept) == 2


def test_the_end_of_typing_ends_a_guest_that_sleeps(command, image):
    ours, theirs = pty.openpty()
    run = command("run", image(say(b"ready\n") + HALT_MASKED), "--input", "-", stdin=theirs)
    assert run.stdout and run.stdout.readline() == b"ready\n"
    os.write(ours, b"\x04")
    _, err = run.communicate(timeout=60)
    assert (run.returncode, err.startswith(b"vmm: idle: ")) == (125, True)


# ---- bisect ----


@pytest.mark.slow
def test_bisect_names_the_first_difference(vmm, script):
    vmm("run", "x86/pit_ticks", "--scenario", script(PULSES), "--record", "a.vmmrec")
    vmm("run", "x86/pit_ticks", "--scenario", script(PULSES.replace("37", "38")), "--record", "b.vmmrec")
    assert vmm("bisect", "a.vmmrec", "a.vmmrec") == (0, "the runs do not differ\n", "")
    done = vmm("bisect", "a.vmmrec", "b.vmmrec")
    assert done.status == 1
    first, event, decision = done.out.splitlines()
    assert first == "the runs differ after 764 instructions, vCPU 0, at 0x100515 tick+0x10 pit_ticks.S:34"
    assert event.startswith("  event: line 4 becomes 1 at 0x100516 ")
    assert decision.startswith("  decision: line 4 0 at insn 764, ")
