"""System control port A: fast A20 and fast INIT."""

from __future__ import annotations

import pytest

from vmm.devices.port92 import Port92


class Board:
    def __init__(self) -> None:
        self.inits = 0
        self.a20: list[bool] = []
        self.port = Port92(init=self.init, a20=self.a20.append)

    def init(self) -> None:
        self.inits += 1

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
    assert board.inits == 0


def test_bit_0_asks_for_init_when_it_rises_and_not_while_it_stays(board):
    board.write(0x03)
    board.write(0x03)
    assert (board.inits, board.read()) == (1, 0x03)
    board.write(0x02)
    board.write(0x03)
    assert board.inits == 2


def test_init_opens_a20_and_leaves_bit_0(board):
    board.write(0x01)
    board.port.initialised()
    assert board.read() == 0x03
    assert board.a20 == [False, True]


def test_a20_is_open_after_reset(board):
    board.write(0)
    board.port.reset()
    assert board.read() == 0x02
