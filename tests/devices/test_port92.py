"""System control port A: fast A20 and fast reset."""

from __future__ import annotations

import pytest

from vmm.devices.port92 import Port92

from .fakes import FakeStop


class Board:
    def __init__(self) -> None:
        self.stop = FakeStop()
        self.a20: list[bool] = []
        self.port = Port92(stop=self.stop, a20=self.a20.append)

    def read(self) -> int:
        return self.port.port_read(0x92, 1)

    def write(self, value: int) -> None:
        self.port.port_write(0x92, 1, value)


@pytest.fixture
def board() -> Board:
    return Board()


def test_bit_1_is_the_a20_gate_and_reads_back(board):
    board.write(board.read() & ~0x02)
    assert board.read() & 0x02 == 0
    board.write(board.read() | 0x02)
    assert board.read() & 0x02
    assert board.a20 == [False, True]
    assert not board.stop.calls


def test_bit_0_resets_when_it_rises_and_not_while_it_stays(board):
    board.write(0x03)
    board.write(0x03)
    assert board.stop.calls == [("reset", 0)]
    board.write(0x02)
    board.write(0x03)
    assert board.stop.calls == [("reset", 0)] * 2


def test_a20_is_open_after_reset(board):
    board.write(0)
    board.port.reset()
    assert board.read() == 0x02
