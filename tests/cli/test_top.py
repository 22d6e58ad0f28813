"""`vmm top`: what it counts, how often, how deep; and a terminal on which that is drawn while a guest runs."""

import os
import signal

import pytest
from inputs.tapes import claim

import vmm.columns
from cli.terminals import Seat
from cli.tiny_guests import EXIT_3, SPIN
from vmm import boot
from vmm.cli import top
from vmm.report.rates import ORDERS, Rates, Row
from vmm.trace import InterruptStats


def rows(text: str) -> list[list[str]]:
    """The cells of each row of the table in a text."""
    lines = text.split("─\n")[1].splitlines() if "─\n" in text else []
    return [line.split() for line in lines if line.strip()[:1].isdigit()]


def test_in_a_pipe_the_table_is_printed_once_and_the_status_is_the_guests(vmm, image):
    done = vmm("top", "x86/pit_ticks")
    assert done.out.encode("latin-1").decode().count("latency min") == 1
    (row,) = rows(done.out.encode("latin-1").decode())
    assert row[:6] == ["0", "0x20", "IRQ", "0", "100", "1000"]  # 100 ticks in 100 ms: the PIT has 1 kHz
    assert (done.status, done.err) == (0, "vmm: poweroff: the guest switched the machine off\n")
    assert vmm("top", image(EXIT_3)).status == 7
    lines = [
        f"{image(SPIN)}: 1,000 instructions, 10 us virtual, 0.0 s host, 0 interrupts",
        "vCPU 0: 0 handlers under way, 0 at most when looked at; masked in 100 % of 1 looks",
        "\n",
    ]
    assert vmm("top", image(SPIN), "--max-insns", "1k", "--quiet") == (124, "\n".join(lines), "")


def test_a_recording_is_run_to_its_end_and_has_its_own_machine(vmm, tmp_path):
    recorded = vmm("run", "arm/sgi_ping_pong", "--record", "run.vmmrec", "--quiet")
    done = vmm("top", "run.vmmrec")
    assert done.status == recorded.status
    found = rows(done.out.encode("latin-1").decode())
    assert sorted(row[:2] for row in found) == [["0", "2"], ["1", "1"]]
    assert vmm("top", "run.vmmrec", "--smp", "2") == (
        2, "", "vmm: --smp: a recording has its own machine, and all that was done to it\n"
    )  # fmt: skip


def test_a_recording_that_is_another_run_or_none_is_told(vmm, tmp_path):
    vmm("run", "x86/first_isr", "--record", "run.vmmrec", "--quiet")
    claim(tmp_path / "run.vmmrec", hash="0" * 16, why="\x1b[2J")
    assert "the recorded trace is 0000000000000000, this one" in (done := vmm("top", "run.vmmrec")).err
    assert done.status == 1
    assert "vmm: user: \\x1b[2J at 0x" in vmm("replay", "run.vmmrec").err
    (tmp_path / "code.vmmrec").write_bytes(SPIN)
    told = "vmm: code.vmmrec:1: not a recording of vmm's; vmm run IMAGE --record FILE writes one\n"
    assert vmm("top", "code.vmmrec") == (2, "", told)


def test_slices_and_looks_change_nothing(monkeypatch):
    whole = boot("arm64/timer_ticks", console=None)
    whole.run()
    machine = boot("arm64/timer_ticks", console=None)
    rates = Rates(machine, "")
    while machine.run(insns=97).reason == "count":
        rates.look()
        rates.rows(whole=False)
    assert (machine.trace.hash, machine.now_ns) == (whole.trace.hash, whole.now_ns)


def test_rates_are_of_what_came_since_the_last_table_or_of_the_whole_run():
    machine = boot("x86/pit_ticks", console=None)
    rates = Rates(machine, "")
    machine.run(insns=2000)
    rates.host = 0.5
    first, at = rates.rows(whole=False)[0], machine.now_ns
    machine.run()
    rates.host = 0.75
    second = rates.rows(whole=False)[0]
    whole = rates.rows(whole=True)[0]
    came = second.stats.delivered - first.stats.delivered
    assert first.host == first.stats.delivered / 0.5
    assert second.host == came / 0.25
    assert second.virtual == pytest.approx(came / ((machine.now_ns - at) / 1e9))
    assert (round(whole.virtual), whole.host) == (1000, 100 / 0.75)


def test_what_a_vcpu_was_seen_doing_is_told():
    machine = boot("x86/priority_nesting", console=None)
    rates = Rates(machine, "guest")
    deepest = looks = 0
    while machine.run(insns=1).reason == "count":
        rates.look()
        looks += 1
        deepest = max(deepest, len(machine.cpu.handlers()))
    assert deepest > 1, "else nothing of this is tried"
    assert f"{deepest} at most when looked at" in rates.text([], "n")
    assert f" % of {looks:,} looks" in rates.text([], "n")


def _row(vector, delivered, median, most, virtual, host):
    return Row(InterruptStats(0, vector, "line", delivered, 0, median, most), virtual, host)


def test_rows_are_sorted_as_a_key_says_and_cut_to_what_there_is_room_for():
    a, b, c = _row(1, 10, 5, 5, 3.0, 1.0), _row(2, 30, 1, 9, 1.0, 2.0), _row(3, 20, 9, 9, 2.0, 3.0)
    firsts = {key: sorted([c, b, a], key=order.key)[0].stats.vector for key, order in ORDERS.items()}
    assert firsts == {"n": 2, "v": 1, "h": 3, "l": 3, "m": 3, "i": 1}
    text = Rates(boot("x86/hello", console=None), "").text([a, b, c], "n", width=120, most=1)
    assert [cells[1] for cells in rows(text)] == ["0x02"]
    assert text.endswith("… and 2 more\n")
    assert set(top.KEYS.split("keys: ")[1].split(" sort")[0].split(", ")) == set(ORDERS)


def test_the_last_table_is_no_wider_than_the_terminal_it_stays_on(monkeypatch):
    rates, row = Rates(boot("x86/hello", console=None), "guest"), _row(0x41, 200_000, 5, 5, 7_686_971.0, 360_553.0)
    for columns in (30, 40, 80):
        monkeypatch.setattr(vmm.columns, "width", lambda columns=columns: columns)
        text = rates.text([row], "n")
        assert max(map(len, text.splitlines())) <= columns
        assert "200000" in text


def test_a_table_is_drawn_while_the_guest_runs_and_keys_are_heard(command, image):
    screen = dict(os.environ, TERM="xterm", COLUMNS="100", LINES="24")
    with Seat(command, "top", image(SPIN), env=screen) as seat:
        seat.expect(b"by delivered; q ends, p pauses")
        seat.type(b"l")
        seat.expect(b"by latency, the longest")
        seat.type(b"p")
        seat.expect(b"paused")
        seat.type(b" n")
        seat.expect(b"by delivered; q ends")
        seat.type(b"q")
        assert seat.wait() == 0
        assert seat.is_restored
        assert b"vmm: user: ended at the terminal" in seat.shown


def test_who_stops_it_or_hangs_up_has_no_alternate_screen_and_no_complaint(command, image):
    with Seat(command, "top", image(SPIN), env=dict(os.environ, TERM="xterm")) as seat:
        seat.expect(b"q ends")
        seat.stop()
        seat.expect(b"\x1b[?1049l")
        assert b"\x1b[?25h" in seat.shown
        seat.process.send_signal(signal.SIGCONT)
        seat.expect(b"\x1b[?1049h")
        seat.expect(b"q ends")
        assert seat.hang_up() == 129


def test_ctrl_c_ends_it_and_the_terminal_is_as_it_was(command, image):
    with Seat(command, "top", image(SPIN), env=dict(os.environ, TERM="xterm")) as seat:
        seat.expect(b"q ends")
        seat.process.send_signal(signal.SIGINT)
        assert (seat.wait(), seat.is_restored) == (130, True)
