"""The keyboard controller against the IBM PC/AT and PS/2 technical references."""

from __future__ import annotations

import pytest

from vmm.devices.i8042 import I8042
from vmm.errors import VmmError

from .fakes import FakeClock


class Board:
    def __init__(self) -> None:
        self.irq = FakeClock().line()
        self.inits = 0
        self.a20: list[bool] = []
        self.controller = I8042(irq=self.irq, init=self.init, a20=self.a20.append)

    def init(self) -> None:
        self.inits += 1

    def data(self) -> int:
        return self.controller.port_read(0x60, 1)

    def status(self) -> int:
        return self.controller.port_read(0x64, 1)

    def write(self, value: int) -> None:
        self.controller.port_write(0x60, 1, value)

    def command(self, value: int, *parameters: int) -> None:
        self.controller.port_write(0x64, 1, value)
        for parameter in parameters:
            self.write(parameter)

    def drain(self) -> list[int]:
        values = []
        while self.status() & 0x01:
            values.append(self.data())
        return values


@pytest.fixture
def board() -> Board:
    return Board()


def test_firmware_leaves_the_keyboard_on_translated_and_a20_open(board):
    assert board.status() == 0x14
    board.command(0x20)
    board.command(0xD0)
    assert board.drain() == [0x45, 0x03]


def test_a_key_raises_irq_1_until_its_byte_is_read(board):
    board.controller.key(0x1E)
    assert board.irq.level
    assert board.status() & 0x01
    assert board.data() == 0x1E
    assert not board.irq.level
    assert not board.status() & 0x01


def test_each_waiting_key_makes_an_edge_of_its_own(board):
    for scancode in (0x1E, 0x9E, 0x30):
        board.controller.key(scancode)
    assert board.drain() == [0x1E, 0x9E, 0x30]
    assert len(board.irq.rises) == 3


def test_an_empty_buffer_gives_the_last_byte_again(board):
    board.controller.key(0x1E)
    board.data()
    assert board.data() == 0x1E


def test_self_test_answers_55_and_interface_test_00(board):
    board.command(0xAA)
    assert board.drain() == [0x55]
    assert board.status() & 0x04
    board.command(0xAB)
    assert board.drain() == [0x00]


def test_the_mode_byte_is_written_and_read(board):
    board.command(0x60, 0x44)
    board.command(0x20)
    assert board.drain() == [0x44]


def test_without_the_interrupt_bit_a_byte_waits_silently(board):
    board.command(0x60, 0x44)
    board.controller.key(0x1E)
    assert board.status() & 0x01
    assert not board.irq.level
    board.command(0x60, 0x45)
    assert board.irq.level


def test_a_switched_off_keyboard_keeps_its_bytes_until_it_is_on(board):
    board.command(0xAD)
    board.controller.key(0x1E)
    assert not board.status() & 0x01
    board.command(0xAE)
    assert board.data() == 0x1E


def test_the_controllers_answer_goes_before_waiting_keys_but_not_before_the_full_buffer(board):
    board.controller.key(1)
    board.controller.key(2)
    board.command(0xAA)
    assert board.drain() == [1, 0x55, 2]


def test_the_status_tells_a_command_from_data(board):
    board.command(0xAE)
    assert board.status() & 0x08
    board.write(0xF4)
    assert not board.status() & 0x08


@pytest.mark.parametrize(
    ("sent", "replies"),
    [
        ([0xFF], [0xFA, 0xAA]),
        ([0xF4], [0xFA]),
        ([0xF5], [0xFA]),
        ([0xF6], [0xFA]),
        ([0xEE], [0xEE]),
        ([0xF2], [0xFA, 0xAB, 0x41]),
        ([0xED, 0x07], [0xFA, 0xFA]),
        ([0xF3, 0x20], [0xFA, 0xFA]),
        ([0xED, 0xEE], [0xFA, 0xFA]),
        ([0x05], [0xFE]),
    ],
)
def test_the_keyboard_acknowledges_its_commands(board, sent, replies):
    for value in sent:
        board.write(value)
    assert board.drain() == replies


def test_a_disabled_keyboard_sends_no_keys(board):
    board.write(0xF5)
    board.controller.key(0x1E)
    board.write(0xF4)
    board.controller.key(0x1F)
    assert board.drain() == [0xFA, 0xFA, 0x1F]


def test_a_keyboard_reset_drops_waiting_keys_and_nothing_else_does(board):
    for scancode in (1, 2, 3):
        board.controller.key(scancode)
    board.write(0xF4)
    assert board.drain() == [1, 2, 3, 0xFA]
    board.controller.key(1)
    board.controller.key(2)
    board.write(0xFF)
    assert board.drain() == [1, 0xFA, 0xAA]


def test_a_command_after_an_acknowledged_parameter_is_a_command_again(board):
    for value in (0xED, 0x07, 0xEE):
        board.write(value)
    assert board.drain() == [0xFA, 0xFA, 0xEE]


def test_d2_puts_a_byte_where_the_keyboards_would_come(board):
    board.command(0xD2, 0x77)
    assert board.irq.level
    assert board.drain() == [0x77]


def test_a_byte_for_the_missing_pointing_device_is_not_the_keyboards(board):
    board.command(0xD4, 0xF4)
    assert board.drain() == []


def test_the_output_port_drives_a20_and_reads_back(board):
    board.command(0xD1, 0xDD)
    board.command(0xD1, 0xDF)
    assert board.a20 == [False, True]
    board.command(0xD0)
    assert board.drain() == [0xDF]
    assert board.inits == 0


def test_commands_dd_and_df_close_and_open_a20(board):
    board.command(0xDD)
    board.command(0xDF)
    assert board.a20 == [False, True]


def test_they_set_the_reset_bit_so_that_one_left_low_asks_once(board):
    board.command(0xD1, 0xDE)
    board.command(0xDD)
    board.command(0xD0)
    assert board.drain()[-1] & 0x03 == 0x01
    assert board.inits == 1


def test_the_output_ports_bit_0_low_asks_for_init_at_each_write(board):
    board.command(0xD1, 0xDE)
    assert board.inits == 1
    board.command(0xD1, 0xDE)
    assert board.inits == 2
    board.command(0xD1, 0xDF)
    assert board.inits == 2


@pytest.mark.parametrize(("command", "inits"), [(0xFE, 1), (0xF0, 1), (0xFF, 0), (0xFD, 0)])
def test_pulsing_output_bit_0_asks_for_init(board, command, inits):
    board.command(command)
    assert board.inits == inits


def test_a_scan_code_that_is_no_byte_is_refused(board):
    with pytest.raises(VmmError, match="scan code 0xe04b is not a byte"):
        board.controller.key(0xE04B)


def test_reset_forgets_waiting_bytes_and_lets_go_of_the_line(board):
    board.controller.key(0x1E)
    board.command(0x60)
    board.controller.reset()
    assert not board.irq.level
    board.write(0xEE)
    assert board.drain() == [0xEE]
