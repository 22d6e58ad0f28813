"""What a guest writes to its first serial port: who hears it, when, and in which order with what else is told.

The guests are a few bytes of machine code: MOV DX, 3F8h; MOV AL, c; OUT DX, AL. Instructions are counted by hand.
"""

from __future__ import annotations

import io
import sys

import pytest

import vmm
from vmm import Console
from vmm.errors import VmmError
from vmm.loaders.image import MIB
from vmm.machine.config import Config
from vmm.machine.machine import Machine

TO_COM1 = bytes.fromhex("66baf803")
ASK = bytes.fromhex("e698")  # OUT 98h, AL
SPIN = bytes.fromhex("ebfe")
THR, SCRATCH = 0x3F8, 0x3FF


def say(text: str) -> bytes:
    """Two instructions a character."""
    return b"".join(bytes((0xB0, ord(char), 0xEE)) for char in text)


def pc(code: bytes, **options) -> Machine:
    m = Machine(Config(memory=MIB, board="pc,pit=off", **options))
    m.memory.write(0x1000, TO_COM1 + code + SPIN)
    m.cpu.enter_protected32(0x1000, {"rsp": 0x8000})
    return m


def test_standard_output_is_in_order_with_what_a_trap_prints(capsys):
    m = pc(say("ab") + ASK + say("c") + ASK)
    m.trap(vmm.Port(0x98))(lambda trap: print("|", end=""))
    m.run(insns=20)
    print(".", end="")
    assert capsys.readouterr().out == "ab|c|."


def test_standard_output_has_all_that_was_written_wherever_a_run_ends(capsys):
    m = pc(say("abc"))
    heard = []
    for _ in range(7):
        m.run(insns=1)
        heard.append(capsys.readouterr().out)
    assert heard == ["", "", "a", "", "b", "", "c"]


def test_who_hears_later_hears_a_line_when_it_ends():
    class Taker:
        HEARS = "later"

        def __call__(self, data: bytes) -> None:
            heard.append((data, m.instructions))

    heard: list[tuple[bytes, int]] = []
    m = pc(say("ab\ncd"), console=Taker())
    m.run(insns=20)
    assert heard == [(b"ab\n", 7), (b"cd", 20)]


def test_a_long_text_is_whole(capsys):
    text = "".join(chr(0x21 + n % 90) for n in range(10_000))
    m = pc(say(text))
    m.run(insns=len(text) * 2 + 1)
    assert capsys.readouterr().out == text


def test_a_function_is_called_within_each_instruction_that_writes():
    seen = []
    m = pc(say("abc"), console=lambda data: seen.append((bytes(data), m.instructions, m.running)))
    m.run(insns=20)
    assert seen == [(b"a", 3, True), (b"b", 5, True), (b"c", 7, True)]


def test_a_function_may_end_the_run():
    m = pc(say("abc"), console=lambda data: m.end("exit", 5) if data == b"b" else None)
    stop = m.run(insns=20)
    assert (stop.reason, stop.code, m.instructions) == ("exit", 5, 5)


def test_a_text_that_is_awaited_ends_the_run_behind_its_last_byte(capsys):
    m = pc(say("abcd"))
    stop = m.run(until=Console("bc"))
    assert (stop.result, m.instructions) == ("abc", 7)
    m.run(insns=20)
    assert capsys.readouterr().out == "abcd"


def test_where_nobody_hears_it_nobody_is_called():
    m = pc(say("abc") + ASK, console=None)
    calls = m._native.host_calls
    m.run(insns=8)
    assert m._native.host_calls == calls
    assert m.run(until=Console("x"), insns=5).reason == "count"


def test_who_listens_to_a_machine_without_a_console_hears_it():
    m = pc(say("abc"), console=None)
    assert m.run(until=Console("ab")).result == "ab"


def test_what_a_script_sends_by_the_port_is_heard_there_and_then(capsys):
    m = pc(say("b") + ASK + say("d"))
    com1 = m.board.devices["com1"]
    com1.port_write(THR, 1, ord("a"))
    print("-", end="")

    @m.trap(vmm.Port(0x98))
    def ask(trap):
        com1.port_write(THR, 1, ord("c"))
        print("-", end="")

    m.run(insns=20)
    assert capsys.readouterr().out == "a-bc-d"


def test_output_that_cannot_be_written_is_the_runs_error(monkeypatch):
    class Full(io.StringIO):
        def write(self, text):
            raise OSError(28, "No space left on device")

    m = pc(say("abc"))
    monkeypatch.setattr(sys, "stdout", Full())
    with pytest.raises(OSError, match="No space"):
        m.run(insns=20)
    monkeypatch.undo()
    assert m.run(insns=20).reason == "count"


def test_the_second_port_is_not_the_console(capsys):
    m = pc(bytes.fromhex("66baf802") + say("no") + TO_COM1 + say("yes"))
    m.run(insns=20)
    assert capsys.readouterr().out == "yes"


@pytest.mark.parametrize("console", [None, "stdout"])
def test_what_was_written_is_in_a_recording_whoever_hears_it(tmp_path, console, capsys):
    path = tmp_path / "hello.vmmrec"
    m = vmm.boot("x86/hello", console=console)
    with m.recording(path):
        m.run()
    assert capsys.readouterr().out == ("" if console is None else "Hello from protected mode\n")
    heard = bytearray()
    replay = vmm.replay(path, console=heard.extend)
    replay.run()
    assert replay.verified
    assert heard == b"Hello from protected mode\n"


@pytest.mark.parametrize("image", ["x86/uart_irq4", "arm64/hello"])
def test_a_restored_run_says_the_same_again(image):
    heard = bytearray()
    m = vmm.boot(image, console=heard.extend)
    m.run(insns=200)
    snapshot, before = m.snapshot(), len(heard)
    m.run()
    first, text = m.trace.hash, heard[before:]
    for _ in range(2):
        m.restore(snapshot)
        del heard[before:]
        m.run()
        assert (m.trace.hash, heard[before:]) == (first, text)


def test_a_snapshot_has_the_receiver_of_a_pcs_port():
    m = pc(b"")
    com1 = m.board.devices["com1"]
    com1.port_write(0x3FA, 1, 0x01)  # FCR: FIFOs on
    com1.port_write(SCRATCH, 1, 0x5A)
    for byte in b"abc":
        m.byte(byte)
    snapshot = m.snapshot()
    assert [com1.port_read(0x3F8, 1) for _ in range(3)] == list(b"abc")
    com1.port_write(SCRATCH, 1, 0)
    m.restore(snapshot)
    assert (com1.received, com1.scratch, com1.fifo_enabled) == (b"abc", 0x5A, True)
    assert [com1.port_read(0x3F8, 1) for _ in range(3)] == list(b"abc")


def test_a_snapshot_has_the_receiver_of_an_arm_boards_port():
    m = Machine(Config(memory=MIB, board="virt", cpu="cortex-a57"))
    uart = m.board.devices["uart"]
    uart.mmio_write(0x0900002C, 4, 0x70)  # UARTLCR_H: 8 bits, FIFOs on
    m.byte("a")
    snapshot = m.snapshot()
    m.byte("b")
    assert uart.received == tuple(b"ab")
    m.restore(snapshot)
    assert [uart.mmio_read(0x09000000, 4) for _ in range(2)] == [ord("a")] * 2  # the last one is read again
    assert uart.received == ()


def test_an_access_across_the_last_port_finds_nobody_behind_it():
    """The ISA bus splits it: the low byte is the port's last register, the high byte nobody's."""
    m = pc(bytes.fromhex("66baff03 b05a ee 66ed"))  # MOV DX, 3FFh; MOV AL, 5Ah; OUT DX, AL; IN AX, DX
    m.run(insns=5)
    assert m.cpu["rax"] & 0xFFFF == 0xFF5A


def test_a_register_is_not_set_from_outside():
    m = pc(b"")
    with pytest.raises(VmmError, match="cannot set it"):
        m.board.devices["com1"].scratch = 1
