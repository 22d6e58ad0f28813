"""`vmm run`: exit statuses, the serial port, limits, and what is written about the run."""

import json
import os
import signal
import subprocess
import sys

import pytest

from cli.tiny_guests import (
    EXIT_0,
    EXIT_3,
    HALT_MASKED,
    HALT_OPEN,
    LEAVE_RAM,
    POWER_OFF,
    RESET,
    SHUTDOWN,
    SLEEP,
    SOFTWARE,
    SPIN,
    TEST_PORT,
    say,
)  # fmt: skip

NO_PIT = ("--board", "pc,pit=off")


@pytest.mark.parametrize(
    ("code", "options", "status", "reason"),
    [
        (EXIT_0, [], 1, "exit"),
        (EXIT_3, [], 7, "exit"),
        (POWER_OFF, [], 0, "poweroff"),
        (RESET, [], 0, "reset"),
        (SPIN, ["--max-insns", "1k"], 124, "limit"),
        (SPIN, ["--max-time", "1us"], 124, "limit"),
        (SHUTDOWN, [], 125, "shutdown"),
        (LEAVE_RAM, ["--memory", "1M"], 125, "unmapped"),
        (HALT_MASKED, [], 125, "idle"),
        (HALT_OPEN, NO_PIT, 125, "idle"),
        (SLEEP, [], 125, "idle"),
    ],
)
def test_every_way_a_run_ends_has_its_line_and_summary(vmm, image, tmp_path, code, options, status, reason):
    summary = tmp_path / "summary.json"
    done = vmm("run", image(code), *options, "--summary", summary)
    assert done.status == status
    stop = json.loads(summary.read_text())["stop"]
    assert stop["reason"] == reason
    assert done.err.startswith(f"vmm: {reason}: {stop['detail']}\n")


def test_a_sleeping_state_that_is_not_there_is_named(vmm, image):
    done = vmm("run", image(SLEEP))
    assert "asleep in a state that the board lacks (SLP_TYP 5) at 0x7c0" in done.err


def test_the_serial_port_is_standard_output_byte_for_byte_and_nothing_else_is(vmm, image):
    every = bytes(range(256))
    done = vmm("run", image(say(every) + POWER_OFF))
    assert done.out.encode("latin-1") == every


def test_quiet_leaves_standard_error_empty_even_for_a_crash(vmm, image):
    assert vmm("run", image(SHUTDOWN), "--quiet") == (125, "", "")


def test_the_summary_has_exactly_these_facts(vmm, image, tmp_path):
    vmm("run", image(TEST_PORT), *NO_PIT, "--summary", tmp_path / "summary.json")
    facts = json.loads((tmp_path / "summary.json").read_text())
    assert facts.pop("host_seconds") >= 0
    assert len(facts.pop("trace_hash")) == 16
    assert facts == {
        "stop": {"reason": "exit", "code": 1, "detail": "the guest ended the run with status 1"},
        "instructions": 15,  # 8 before the interrupt, 5 of the firmware's handler, 2 to exit
        "virtual_ns": 150,
        "guest_errors": 0,
        "findings": [],
        "interrupts": [
            {
                "vcpu": 0,
                "vector": 9,
                "source": "IRQ 1",
                "delivered": 1,
                "latency_insns": {"min": 5, "median": 5, "max": 5},
            }
        ],
    }


def test_what_does_not_wait_has_no_latency(vmm, image, tmp_path):
    vmm("run", image(SOFTWARE), "--summary", tmp_path / "summary.json")
    (row,) = json.loads((tmp_path / "summary.json").read_text())["interrupts"]
    assert row == {"vcpu": 0, "vector": 0x80, "source": "software", "delivered": 1, "latency_insns": None}


def test_the_table_has_a_row_for_every_interrupt_and_then_the_totals(vmm, image):
    lines = vmm("run", image(TEST_PORT), *NO_PIT).err.splitlines()
    assert lines[1].split() == ["vCPU", "vector", "source", "delivered", "latency", "min", "median", "max"]
    assert lines[3].split() == ["0", "0x09", "IRQ", "1", "1", "5", "5", "5"]
    assert lines[4].startswith("15 instructions, 150 ns virtual, ")


def test_the_median_of_one_long_latency_is_that_latency(vmm, image, tmp_path):
    wait = bytes.fromhex("ba0120 b001 ee b9d107 e2fe fb 90")  # IRQ 1; mov cx,2001; loop $; sti; nop, in its shadow
    vmm("run", image(wait + EXIT_0), *NO_PIT, "--summary", tmp_path / "summary.json")
    (row,) = json.loads((tmp_path / "summary.json").read_text())["interrupts"]
    assert row["latency_insns"] == {"min": 2004, "median": 2004, "max": 2004}


def test_an_exception_is_shown_by_its_name(vmm, image):
    done = vmm("run", image(b"\x0f\x0b"), "--max-insns", "10", *NO_PIT)
    assert "exception #UD" in done.err


def test_limits_are_exact_in_instructions_and_in_virtual_time(vmm, image, tmp_path):
    for option, value in (("--max-insns", "1e3"), ("--max-time", "10us")):  # at 10 ns an instruction
        vmm("run", image(SPIN), option, value, "--summary", tmp_path / "summary.json")
        facts = json.loads((tmp_path / "summary.json").read_text())
        assert (facts["instructions"], facts["virtual_ns"]) == (1000, 10_000)


def test_recording_does_not_change_the_run(vmm, image, tmp_path):
    def hash_of(code: bytes, *options: object) -> str:
        vmm("run", image(code), "--max-insns", "5000", *options, "--summary", tmp_path / "summary.json")
        return json.loads((tmp_path / "summary.json").read_text())["trace_hash"]

    plain = hash_of(TEST_PORT)
    assert hash_of(TEST_PORT) == plain
    assert hash_of(TEST_PORT, "-d", "int") == plain
    assert hash_of(TEST_PORT, "--trace", tmp_path / "trace.json", "-d", "int") == plain
    assert hash_of(SOFTWARE) != plain


def test_a_flat_image_goes_where_it_is_told(vmm, image, tmp_path):
    vmm("run", image(SHUTDOWN), "--load-address", "0x9000", "--summary", tmp_path / "summary.json")
    assert "0x9005" in json.loads((tmp_path / "summary.json").read_text())["stop"]["detail"]


def start(*arguments: object) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "vmm", "run", *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def test_ctrl_c_ends_the_run_with_its_report_and_status_130(image, tmp_path):
    summary, trace = tmp_path / "summary.json", tmp_path / "trace.json"
    run = start(image(say(b"ready\n") + SPIN), "--summary", summary, "--trace", trace)
    assert run.stdout and run.stdout.readline() == b"ready\n"
    run.send_signal(signal.SIGINT)
    _, err = run.communicate(timeout=60)
    assert run.returncode == 130
    assert err.startswith(b"vmm: user: interrupted at 0x7c")
    facts = json.loads(summary.read_text())
    assert facts["stop"]["reason"] == "user"
    assert json.loads(trace.read_text())["trace_hash"] == facts["trace_hash"]


def test_a_closed_pipe_ends_the_run_without_a_word_and_leaves_its_files_whole(image, tmp_path):
    summary, trace = tmp_path / "summary.json", tmp_path / "trace.json"
    code = say(b"line\n")
    back = b"\xeb%c" % (-len(code) - 2 & 0xFF)  # jmp to the first byte
    run = start(image(code + back), "--summary", summary, "--trace", trace)
    assert run.stdout and run.stdout.readline() == b"line\n"
    run.stdout.close()
    assert run.stderr and run.stderr.read() == b""
    assert run.wait(timeout=60) == 141
    assert json.loads(summary.read_text())["stop"]["reason"] == "user"
    assert json.loads(trace.read_text())["events"]


def after_a_short_run(image, what):
    """The words that a child prints of itself when `vmm run` has ended with status 0."""
    program = f"import sys; from vmm.cli import main; print(main(sys.argv[1:]), {what})"
    command = [sys.executable, "-c", program, "run", image(POWER_OFF)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ)
    status, *words = done.stdout.split()
    assert status == "0"
    return words


def test_a_short_run_stays_small(image):
    """By VmHWM: getrusage would count what this process had before exec, too."""
    words = after_a_short_run(image, "open('/proc/self/status').read()")
    assert int(words[words.index("VmHWM:") + 1]) < 150 * 1024


def test_a_short_run_imports_nothing_it_does_not_need(image):
    modules = after_a_short_run(image, "*sys.modules")
    expensive = {"rich", "capstone", "unicorn", "tomllib", "elftools", "hypothesis", "ziglang", "_hashlib"}
    assert expensive.isdisjoint(name.partition(".")[0] for name in modules)
    assert [name for name in modules if name.startswith("vmm.diagnoses")] == []


def test_what_cannot_be_looked_for_is_said_to_who_wants_no_report(vmm):
    done = vmm("run", "x86/first_isr", "--quiet", "--diagnose", "unanswered_ipi")
    assert (done.status, done.err) == (0, "vmm: unanswered_ipi: not looked for: there is one vCPU\n")


def test_what_a_recording_that_was_cut_off_cannot_tell_is_said(vmm, tmp_path):
    (tmp_path / "fails.py").write_text(
        "from vmm import Elapsed\n\n\nasync def scenario(m):\n    await Elapsed(insns=300)\n    raise ValueError\n"
    )
    vmm("run", "x86/first_isr", "--quiet", "--scenario", "fails.py", "--record", "cut.vmmrec")
    lacking, said = ["lost_edge", "shared_line", "lost_wakeup"], vmm("diagnose", "cut.vmmrec").out
    why = "not looked for: it looks at how a run ends, and this one was stopped: user: the recording ends at "
    assert [line.partition(":")[0] for line in said.splitlines() if why in line] == lacking
    assert [*json.loads(vmm("diagnose", "cut.vmmrec", "--json").out)["not_applied"]] == lacking
    vmm("run", "x86/first_isr", "--quiet", "--record", "whole.vmmrec")
    assert "not looked for" not in vmm("diagnose", "whole.vmmrec").out
