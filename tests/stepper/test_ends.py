"""However the stepper ends, it ends, and the terminal is as it was."""

import os
import signal

from cli.conftest import command  # noqa: F401
from cli.terminals import Seat
from cli.tiny_guests import SPIN


def test_what_is_typed_ahead_comes_in_its_turn(command, tmp_path):  # noqa: F811
    """Into the line that a key asks for, behind it, and behind a move that takes long."""
    (tmp_path / "spin.bin").write_bytes(SPIN)
    seat = Seat(command, "step", tmp_path / "spin.bin", env=dict(os.environ, TERM="xterm"))
    try:
        seat.expect("▶".encode())
        seat.type(b"g720\rnng 20000000 \rp:where\r")
        seat.expect(b"insn 19999999, ")
        seat.type(b"q")
        assert seat.wait() == 0
        assert b"unknown" not in seat.shown
    finally:
        seat.close()


def test_a_signal_ends_a_move_that_is_under_way(command, tmp_path):  # noqa: F811
    (tmp_path / "spin.bin").write_bytes(SPIN)
    with Seat(command, "step", tmp_path / "spin.bin", env=dict(os.environ, TERM="xterm")) as seat:
        seat.expect("▶".encode())
        seat.type(b"N")  # there never is another one
        seat.expect(b"under way")
        seat.process.send_signal(signal.SIGTERM)
        assert (seat.wait(), seat.is_restored) == (143, True)
        assert b"Traceback" not in seat.shown and b"VmmError" not in seat.shown
