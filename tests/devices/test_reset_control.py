"""Port CF9h against the PIIX4's datasheet, "RC - Reset Control Register"."""

from __future__ import annotations

import pytest

from vmm.devices.reset_control import ResetControl

PORT = 0xCF9


class Board:
    def __init__(self) -> None:
        self.asked: list[str] = []
        self.control = ResetControl(init=lambda: self.asked.append("init"), stop=self.stop)

    def stop(self, reason: str, code: int = 0) -> None:
        self.asked.append(reason)

    def write(self, *values: int) -> None:
        for value in values:
            self.control.port_write(PORT, 1, value)


@pytest.fixture
def board() -> Board:
    return Board()


@pytest.mark.parametrize(
    ("values", "asked"),
    [
        ((0x00, 0x04), ["init"]), ((0x04, 0x04), ["init", "init"]), ((0x02, 0x06), ["reset"]), ((0x06,), ["reset"]),
        ((0x0E,), ["reset"]), ((0x02, 0x04), ["init"]), ((0x00, 0x02, 0x08, 0xF9), []),
    ],
)  # fmt: skip
def test_bit_2_resets_and_bit_1_of_the_same_write_says_how(board, values, asked):
    board.write(*values)
    assert board.asked == asked


def test_the_type_reads_back_and_the_request_does_not(board):
    for value, read in ((0x02, 0x02), (0x06, 0x02), (0x04, 0x00), (0xF9, 0x00)):
        board.write(value)
        assert board.control.port_read(PORT, 1) == read


def test_the_other_bytes_of_a_wide_access_are_nobodys(board):
    board.control.port_write(PORT + 1, 1, 0x04)
    assert board.control.port_read(PORT + 1, 1) == 0xFF
    assert not board.asked


def test_reset_chooses_the_soft_type(board):
    board.write(0x02)
    board.control.reset()
    assert board.control.port_read(PORT, 1) == 0
