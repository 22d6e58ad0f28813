"""`vmm run -it`: keys as they are typed, the escape key and its monitor, and a terminal that is as it was."""

import io
import re
import signal
import sys
from contextlib import ExitStack

import pytest

from cli.terminals import Seat
from cli.tiny_guests import A64_OFF, ECHO, EXIT_3, HALT_MASKED, POWER_OFF, SPIN, a64, say

A64_ECHO = a64(
    0xD2A12001,  # movz x1,#900h,lsl #16: the PL011
    0xB9401820,  # ldr w0,[x1,#18h]: UARTFR
    0x3727FFE0,  # tbnz w0,#4,.-4: RXFE, nothing has come
    0xB9400020,  # ldr w0,[x1]
    0xB9000020,  # str w0,[x1]
    0x7101C41F,  # cmp w0,#"q"
    0x54FFFF61,  # b.ne .-20
    *A64_OFF,
)
SHELL = say(b"> ") + ECHO + POWER_OFF


@pytest.fixture
def sit(command, image):
    """Before a terminal at which a guest runs."""
    with ExitStack() as seats:
        yield lambda code, *options, **streams: seats.enter_context(
            Seat(command, "run", image(code), "-it", *options, **streams)
        )


def test_keys_go_to_the_guest_as_they_are_typed_and_the_run_replays(sit, vmm, tmp_path):
    seat = sit(SHELL, "--record", tmp_path / "run.vmmrec", "--quiet")
    seat.expect(b"> ")
    assert seat.is_raw
    for key in (b"a", b"\x03", b"\x1a", b"\x01\x01", b"q"):  # Ctrl-C and Ctrl-Z are the guest's
        seat.type(key)
        seat.expect(key[-1:])
    assert (seat.wait(), seat.shown, seat.is_restored) == (0, b"> a\x03\x1a\x01q\r\n", True)
    assert vmm("replay", "run.vmmrec", "--quiet") == (0, "> a\x03\x1a\x01q", "")


def test_who_closes_the_window_has_the_recording(sit, vmm, tmp_path):
    seat = sit(SHELL, "--record", tmp_path / "run.vmmrec")
    seat.expect(b"> ")
    assert seat.hang_up() == 129
    assert vmm("replay", "run.vmmrec", "--quiet")[:2] == (129, "> ")


def test_on_arm_too_and_beside_a_script(sit, vmm, tmp_path):
    script = "import vmm\n\nasync def scenario(m):\n    await vmm.Console('b')\n    m.type('!')\n"
    (tmp_path / "script.py").write_text(script)
    seat = sit(A64_ECHO, "--board", "virt", "--scenario", tmp_path / "script.py", "--quiet")
    seat.until_raw()
    seat.type(b"ab")
    seat.expect(b"ab!")
    seat.type(b"\x01csnapshot\n")
    seat.expect(b"a script plays beside the guest, and nobody goes back in that")
    seat.type(b"cont\n")
    seat.until_raw()
    seat.type(b"q")
    assert (seat.wait(), seat.is_restored) == (0, True)


def test_the_monitor_looks_at_the_guest_where_it_stands_and_changes_it(sit, vmm, tmp_path):
    seat = sit(SHELL, "--record", tmp_path / "run.vmmrec", "--quiet")
    seat.expect(b"> ")
    seat.type(b"x\x01c")
    seat.expect(b"(vmm) ")
    assert seat.is_restored, "a line is edited as its user is used to"
    seat.type(b"where\nline COM1\nline 4 raise\nwhree\ncont now\n")
    seat.expect(b"interrupts masked")
    seat.expect(b"unknown line 'COM1'")
    seat.expect(b"IRQ 4")
    seat.expect(b"did you mean 'where'?")
    seat.expect(b"this command takes no arguments")
    seat.type(b"cont\n")
    seat.until_raw()
    seat.type(b"q")
    assert (seat.wait(), seat.is_restored) == (0, True)
    assert vmm("replay", "run.vmmrec", "--quiet").status == 0
    assert re.search(r'"do":\["\w*line', (tmp_path / "run.vmmrec").read_text()), "what the monitor does is recorded"


def test_who_goes_back_types_anew(sit, vmm, tmp_path):
    seat = sit(SHELL, "--record", tmp_path / "run.vmmrec", "--quiet")
    seat.expect(b"> ")
    seat.type(b"\x01c")
    seat.expect(b"(vmm) ")
    seat.type(b"snapshot before\n\x04")
    seat.expect(b"before: insn ")
    seat.until_raw()
    seat.type(b"old")
    seat.expect(b"old")
    seat.type(b"\x01c")
    seat.expect(b"(vmm) ")
    seat.type(b"restore before\nc\n")
    seat.expect(b"before: insn ")
    seat.until_raw()
    seat.type(b"newq")
    assert seat.wait() == 0
    assert vmm("replay", "run.vmmrec", "--quiet") == (0, "> newq", "")


@pytest.mark.parametrize(("code", "keys"), [(SPIN, b"\x01x"), (HALT_MASKED, b"\x01cquit\n")], ids=["spins", "sleeps"])
def test_the_escape_key_ends_a_run_that_does_not_end(sit, code, keys):
    seat = sit(code)
    seat.expect(b"Ctrl-A x: end\r\n")
    seat.until_raw()
    seat.type(b"\x01h" + keys[:2])
    seat.expect(b"the monitor: the guest stands")
    if keys[2:]:
        seat.expect(b"(vmm) ")
        seat.type(keys[2:])
    assert (seat.wait(), seat.is_restored) == (0, True)
    assert b"vmm: user: ended at the terminal at 0x7c0" in seat.shown


def test_a_signal_that_ends_it_leaves_the_terminal_as_it_was(sit):
    seat = sit(say(b"> ") + SPIN)
    seat.expect(b"> ")
    assert seat.is_raw
    seat.process.send_signal(signal.SIGTERM)
    assert (seat.wait(), seat.is_restored) == (143, True)


def test_who_stops_the_process_finds_the_terminal_as_it_was_and_keys_go_on_after(sit):
    seat = sit(SHELL)
    seat.expect(b"> ")
    seat.stop()
    assert seat.is_restored
    seat.process.send_signal(signal.SIGCONT)
    seat.until_raw()
    seat.type(b"q")
    assert (seat.wait(), seat.is_restored) == (0, True)


def test_the_guests_bytes_alone_go_to_a_file(sit, tmp_path):
    with (tmp_path / "out").open("wb") as out:
        seat = sit(SHELL, stdout=out)
    seat.expect(b"Ctrl-A x: end\r\n")
    seat.until_raw()
    seat.type(b"\x01h\x01cwhere\nc\n")
    seat.expect(b"(vmm) ")
    seat.until_raw()
    seat.type(b"q")
    assert seat.wait() == 0
    assert (tmp_path / "out").read_bytes() == b"> q"


def test_what_does_not_go_together_is_one_line(vmm, image, monkeypatch):
    guest = image(EXIT_3)
    for other, option in ((["--input", "-"], "--input"), (["--gdb", ":0"], "--gdb")):
        done = vmm("run", guest, "-it", *other)
        assert done == (2, "", f"vmm: -it takes keys and has a monitor of its own: it does not go with {option}\n")
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    for words in (["-it"], ["-i", "-t"]):
        done = vmm("run", guest, *words)
        assert done == (2, "", "vmm: -it: standard input is no terminal; --input - takes what is piped\n")
