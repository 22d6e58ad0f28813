"""However the stepper ends, it ends, and the terminal is as it was."""

import os
import signal

from cli.conftest import command  # noqa: F401
from cli.terminals import Seat
from cli.tiny_guests import SPIN


def test_a_signal_ends_a_move_that_is_under_way(command, tmp_path):  # noqa: F811
    (tmp_path / "spin.bin").write_bytes(SPIN)
    with Seat(command, "step", tmp_path / "spin.bin", env=dict(os.environ, TERM="xterm")) as seat:
        seat.expect("▶".encode())
        seat.type(b"N")  # there never is another one
        seat.expect(b"under way")
        seat.process.send_signal(signal.SIGTERM)
        assert (seat.wait(), seat.is_restored) == (143, True)
        assert b"Traceback" not in seat.shown and b"VmmError" not in seat.shown
