"""A replay always ends, and says where it differs: whatever the image, the machine or the file has become."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from inputs import tapes

import vmm
from vmm.cli import main
from vmm.inputs.traps import DONE
from vmm.replayer.player import Diverged

SPIN, IDLE = bytes.fromhex("ebfe"), bytes.fromhex("fa f4 ebfd")
HELLO = bytes.fromhex("baf803 b068 ee b069 ee fa f4 ebfd")
"""Writes "hi" to the first serial port, then halts for good."""


@pytest.fixture
def recorded(tmp_path):
    """The file of a recording: of `code`, a boot sector's flat image, with `script` run on it."""

    def record(code, script, **config):
        (tmp_path / "guest.bin").write_bytes(code)
        m = vmm.boot(tmp_path / "guest.bin", **config)
        with m.recording(tmp_path / "run.vmmrec"):
            script(m)
        return tmp_path / "run.vmmrec"

    return record


def lines_of(path: Path) -> list[str]:
    return path.read_text().splitlines()[:-1]


def differs(path: Path, said: str, **options) -> str:
    replay = vmm.replay(path, **options)
    with pytest.raises(Diverged, match=said) as first:
        replay.run()
    with pytest.raises(Diverged) as again:
        replay.run()
    assert str(again.value) == str(first.value)
    return str(first.value)


# ---- the image, the machine ----


def test_an_image_that_sleeps_for_good_ends_the_replay_of_one_that_ran(recorded, tmp_path):
    path = recorded(SPIN, lambda m: m.run(insns=5000))
    (tmp_path / "idle.bin").write_bytes(IDLE)
    said = differs(path, "the end came at insn 5000, .*; this run is at insn 2, ", image=tmp_path / "idle.bin")
    assert "idle" in said


def test_an_image_that_runs_on_ends_the_replay_of_one_that_slept(recorded, tmp_path):
    path = recorded(IDLE, lambda m: m.run())
    (tmp_path / "spin.bin").write_bytes(SPIN)
    differs(path, "the end came at insn 2, .*; this run is at insn ", image=tmp_path / "spin.bin")


def test_a_decision_that_is_never_come_to_is_named(recorded, tmp_path):
    def script(m):
        m.run(insns=700)
        m.irq(4).pulse()
        m.run(insns=5)

    path = recorded(SPIN, script)
    (tmp_path / "idle.bin").write_bytes(IDLE)
    differs(path, r"run\.vmmrec:2: line 4 0 came at insn 700", image=tmp_path / "idle.bin")


def test_a_sleeping_machine_that_was_run_again_and_again_replays(recorded):
    def script(m):
        for _ in range(50):
            assert m.run().reason == "idle"
        m.nmi()
        m.run(insns=4)

    replay = vmm.replay(recorded(IDLE, script))
    replay.run()
    assert replay.verified


@pytest.mark.slow
@pytest.mark.parametrize(
    ("field", "more", "said"),
    [(0, 1 << 63, "this run is at insn 2"), (1, 1 << 63, "this run is at insn 2"), (2, 1 << 63, "stands still at"),
     (3, 1, "this run is at insn 2")],
    ids=["instructions", "time", "events", "vCPU"],
)  # fmt: skip
def test_a_sleeping_machine_does_not_wait_for_what_can_never_be(field, more, said, recorded):
    """A file that wants it to have run, slept, been stopped or had its turn as never before."""
    path = recorded(IDLE, lambda m: m.run())
    lines = lines_of(path)
    end = json.loads(lines[-1])
    at = list(end["end"])
    at[field] += more
    tapes.write(path, [*lines[:-1], json.dumps(end | {"end": at})])
    differs(path, said)


def test_a_run_that_was_cut_off_does_not_wait_for_a_machine_that_sleeps(tmp_path):
    (tmp_path / "guest.bin").write_bytes(SPIN)
    m = vmm.boot(tmp_path / "guest.bin")
    recorder = m.recording()
    m.run(insns=5000)
    recorder.fail(KeyboardInterrupt())
    recorder.save(tmp_path / "run.vmmrec")
    (tmp_path / "idle.bin").write_bytes(IDLE)
    differs(tmp_path / "run.vmmrec", "the end came at insn 5000", image=tmp_path / "idle.bin")


@pytest.mark.parametrize("name", ["idle.bin", "spin.bin"])
def test_the_command_line_says_where_and_ends_with_1(name, recorded, tmp_path, capfd):
    path = recorded(HELLO, lambda m: m.run())
    (tmp_path / "idle.bin").write_bytes(IDLE)
    (tmp_path / "spin.bin").write_bytes(SPIN)
    assert main(["replay", str(path), "--quiet"]) == 125
    capfd.readouterr()
    assert main(["replay", str(path), "--quiet", "--image", str(tmp_path / name)]) == 1
    assert re.fullmatch(
        r"vmm: .*run\.vmmrec: the end came at insn 7, .*; this run is at insn .*\n", capfd.readouterr().err
    )


# ---- what the guest writes ----


def test_a_run_is_the_recorded_one_only_if_the_guest_writes_the_same(recorded, tmp_path, capfd):
    """The same instructions and events: one letter is another."""
    path = recorded(HELLO, lambda m: m.run())
    (tmp_path / "other.bin").write_bytes(HELLO.replace(b"\x69", b"\x6f"))
    replay = vmm.replay(path, image=tmp_path / "other.bin")
    replay.run()
    assert replay.machine.trace.hash == replay.tape.end.hash
    assert (replay.finished, replay.verified) == (True, False)
    assert "the recorded console is 2 bytes, SHA-256" in replay.different
    capfd.readouterr()
    assert main(["replay", str(path), "--image", str(tmp_path / "other.bin"), "--quiet"]) == 1
    assert "run.vmmrec: the recorded console is 2 bytes" in capfd.readouterr().err


def test_a_machine_that_went_back_has_written_what_its_history_wrote(recorded):
    def script(m):
        m.run(insns=3)  # "h"
        before = m.snapshot()
        m.run()
        m.restore(before)
        m.run(until=vmm.Elapsed(insns=2))  # "i", once more
        m.run()

    written = bytearray()
    replay = vmm.replay(recorded(HELLO, script), console=written.extend)
    replay.run()
    assert replay.verified
    assert written == b"hi"
    assert replay.tape.end.console.size == 2


# ---- decisions ----


def test_a_refused_decision_is_refused_again(recorded):
    """Those that a script tried in vain, in words and not."""

    def script(m):
        m.run(insns=2)
        with pytest.raises(vmm.VmmError):
            m.cpu.set_msr(0xFFFF_FFFF, 1)
        with pytest.raises(vmm.VmmError):
            m.attach(Port(), ports=(0x3F8, 1))
        with pytest.raises(vmm.VmmError):
            m.msi(0x1000, 1)
        m.run(insns=2)

    path = recorded(SPIN, script)
    refused = [json.loads(line)["do"] for line in lines_of(path) if '"refused"' in line]
    assert [do["refused"][0] for do in refused] == ["cpu", "attach", "msi"]
    replay = vmm.replay(path)
    replay.run()
    assert replay.verified


class Port:
    port_width = 1

    def port_read(self, port, size):
        return 0

    def port_write(self, port, size, value): ...


def test_a_refusal_that_is_none_here_and_the_other_way_round_are_told(recorded):
    def script(m):
        m.run(insns=2)
        m.msi(0xFEE0_0000, 0x4041)

    path = recorded(SPIN, script)
    lines = lines_of(path)
    done = json.loads(lines[1])
    tapes.write(path, [lines[0], json.dumps(done | {"do": {"refused": done["do"]}}), lines[2]])
    differs(path, r"run\.vmmrec:2: msi \d+ 16449 was refused in the recorded run, and here it was not")
    tapes.write(path, [lines[0], json.dumps(done | {"do": ["msi", 0x1000, 1]}), lines[2]])
    differs(path, r"run\.vmmrec:2: msi 4096 1 was done in the recorded run; here: 0x1000 is not the address")


def test_what_a_recording_cannot_keep_is_refused_before_it_is_done(recorded):
    class Number:
        def __index__(self):
            return 0x55

    def script(m):
        with pytest.raises(vmm.VmmError, match=r"cpu: 1\.5 is neither a whole number nor text nor bytes"):
            m.inputs.decide("cpu", 0, "register", "eax", 1.5)
        with pytest.raises(vmm.VmmError, match=r"limit: 0x1.* has more than 64 bits"):
            m.limit(insns=1 << 64)
        m.limit(insns=Number())
        m.memory.write(0x500, bytearray(b"ab"))
        m.run(insns=2)

    replay = vmm.replay(recorded(SPIN, script))
    replay.run()
    assert replay.verified
    assert replay.machine.memory.read(0x500, 2) == b"ab"
    assert replay.tape.entries[0].decision.arguments == (0x55, None)


def test_what_is_done_to_a_boards_devices_and_controllers_is_recorded(recorded):
    def script(m):
        m.run(insns=2)
        m.board.devices["keyboard"].key(0x1E)
        m.board.devices["com1"].port_write(0x3FF, 1, 0x5A)
        assert m.board.devices["com1"].port_read(0x3FF, 1) == 0x5A
        m.pic.write(0, 1, 0xFD)
        m.ioapic.message(0xFEE0_0000, 0x4041)
        m.lapic[0].lint(1, True)
        m.cpu.set_a20(False)
        m.run(insns=2)

    path = recorded(SPIN, script)
    replay = vmm.replay(path)
    replay.run()
    assert replay.verified
    m = replay.machine
    assert [m.board.devices["keyboard"].data, m.board.devices["com1"].port_read(0x3FF, 1)] == [0x1E, 0x5A]
    assert (m.pic.master.imr, m.pic.master.irr & 2) == (0xFD, 2)
    kinds = [json.loads(line)["do"][0] for line in lines_of(path) if '"do"' in line]
    assert kinds == ["device", "device", "device", "pic", "msi", "lint", "cpu"]


def test_keys_that_wake_a_guest_come_again(recorded):
    """sti; hlt; in al, 60h: what is pressed while the machine sleeps."""
    code = bytes.fromhex("b0fd e621 fb f4 e460 fa f4")  # OCW1: IRQ 1 alone

    def script(m):
        assert m.run(until=vmm.Elapsed(insns=4)).reason == "elapsed"
        m.board.devices["keyboard"].key(0x2C)
        m.run()

    replay = vmm.replay(recorded(code, script))
    replay.run()
    assert (replay.verified, replay.machine.cpu["eax"] & 0xFF) == (True, 0x2C)


def test_what_no_replay_would_know_of_is_refused():
    m = vmm.boot("x86/pit_ticks")
    keyboard, pit = m.board.devices["keyboard"], m.board.devices["pit"]
    for wrong in (
        lambda: setattr(keyboard, "mode", 0), lambda: keyboard.reset(), lambda: pit.counters[0].set_gate(True),
        lambda: m.board.devices["com1"].mmio_read(0x3F8, 1),
    ):  # fmt: skip
        with pytest.raises((vmm.VmmError, AttributeError), match=r"no replay would know of that|has no attribute"):
            wrong()
    with pytest.raises(AttributeError):
        keyboard._irq  # noqa: B018
    assert isinstance(keyboard.keyboard, bytes)
    assert m.board.hand_over is None
    for wrong in (("port_read", 0x60, 1 << 40), ("port_write", 0x60, 1, 256), ("port_read", 1 << 20, 1)):
        with pytest.raises(vmm.VmmError):
            getattr(keyboard, wrong[0])(*wrong[1:])


def test_an_answer_that_no_call_can_have_is_refused(recorded):
    def script(m):
        m.trap(vmm.Hlt())(lambda trap: DONE)
        m.run(insns=20)

    path = recorded(IDLE, script)
    lines = lines_of(path)
    (number,) = (n for n, line in enumerate(lines) if '"call"' in line)
    for answer in (None, 1, [1], [2, 0], [1, -1], [1, 1 << 64], [1, "x"], "x"):
        changed = json.dumps(json.loads(lines[number]) | {"answer": answer})
        tapes.write(path, [*lines[:number], changed, *lines[number + 1 :]])
        with pytest.raises(vmm.VmmError, match=f":{number + 1}: the recording is damaged: no answer of a trap"):
            vmm.replay(path)
