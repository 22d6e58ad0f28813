"""The debug console at port E9h."""

from __future__ import annotations

from vmm.devices.debugcon import Debugcon


def test_bytes_written_are_output_in_order():
    sent = bytearray()
    console = Debugcon(output=sent.extend)
    for byte in b"hi":
        console.port_write(0xE9, 1, byte)
    assert sent == b"hi"


def test_a_read_gives_e9_so_that_a_guest_can_find_it():
    assert Debugcon(output=bytearray().extend).port_read(0xE9, 1) == 0xE9
