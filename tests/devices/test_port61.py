"""Port 61h against the PIIX3 datasheet's NMI status and control register."""

from __future__ import annotations

import pytest

from vmm.devices.i8254 import I8254
from vmm.devices.port61 import Port61
from vmm.loaders.image import MIB
from vmm.machine.config import Config
from vmm.machine.machine import Machine

from .asleep import asleep

PULSE_NS = 838.0953  # 12 / 14.31818 MHz


class Board:
    def __init__(self) -> None:
        self.clock = core = asleep()
        self.pit = I8254(clock=core.clock, irq=core.end)
        self.port = Port61(core.machine, pit=self.pit)

    def read(self) -> int:
        return self.port.port_read(0x61, 1)

    def write(self, value: int) -> None:
        self.port.port_write(0x61, 1, value)

    def one_shot(self, count: int) -> None:
        self.pit.port_write(0x43, 1, 0xB0)  # counter 2, both bytes, mode 0
        self.pit.port_write(0x42, 1, count & 0xFF)
        self.pit.port_write(0x42, 1, count >> 8)


@pytest.fixture
def board() -> Board:
    return Board()


def test_the_classic_delay_loop_sees_out_2_rise_after_its_count(board):
    board.write(0x01)
    board.one_shot(11932)
    board.clock.advance(int(11932 * PULSE_NS))
    assert not board.read() & 0x20
    board.clock.advance(int(2 * PULSE_NS))
    assert board.read() & 0x20


def test_bit_0_is_the_gate_of_counter_2(board):
    board.one_shot(100)
    board.clock.advance(1_000_000)
    assert not board.read() & 0x20
    board.write(0x01)
    board.clock.advance(1_000_000)
    assert board.read() & 0x20


def test_the_refresh_toggle_changes_every_eighteen_timer_pulses(board):
    toggles = []
    for _ in range(4 * 18):
        toggles.append(bool(board.read() & 0x10))
        board.clock.advance(839)
    # 839 ns is a pulse and a little: after 72 of them the clock is not a whole pulse ahead.
    assert toggles == [False] * 18 + [True] * 18 + [False] * 18 + [True] * 18


def test_only_the_low_four_bits_can_be_written(board):
    board.write(0xFF)
    assert board.read() & 0xCF == 0x0F


def test_the_speaker_needs_its_enable_and_out_2(board):
    board.write(0x03)
    board.one_shot(10)
    assert not board.port.speaker
    board.clock.advance(100_000)
    assert board.port.speaker
    board.write(0x01)
    assert not board.port.speaker


def test_reset_closes_the_gate_and_forgets_the_enables(board):
    board.write(0x03)
    board.port.reset()
    assert board.read() & 0x0F == 0
    assert not board.pit.gate(2)


@pytest.mark.parametrize("mode", range(6))
@pytest.mark.parametrize("count", [2, 3, 7, 20])
def test_bit_5_is_out_2_in_every_mode_whatever_the_gate_does(board, mode, count):
    """Against the counter itself, which is brought forward where the bit is told once how it will go on."""
    board.write(0x01)
    board.pit.port_write(0x43, 1, 0x90 | mode << 1)  # counter 2, low byte
    board.pit.port_write(0x42, 1, count)
    levels = []
    for step in range(120):
        if step % 40 == 30:
            board.write(0x00)
            board.write(0x01)
        board.clock.advance(503)
        levels.append(bool(board.read() & 0x20))
        assert levels[-1] == board.pit.out(2)
    assert len(set(levels)) == 2


def test_a_wide_access_is_of_this_port_alone():
    """MOV EAX, 203h; OUT 61h, AX; IN AX, 61h; HLT. Nobody has the port behind it: it reads as ones."""
    m = Machine(Config(memory=4 * MIB, board="pc", console=None))
    m.memory.write(0x1000, bytes.fromhex("b803020000 66e761 66e561 f4"))
    m.cpu.enter_protected32(0x1000, {})
    assert m.run(insns=4).reason == "count"
    assert m.cpu["rax"] & 0xFFCF == 0xFF03
