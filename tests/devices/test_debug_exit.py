"""isa-debug-exit as QEMU's users know it."""

from __future__ import annotations

import pytest

from vmm.devices.debug_exit import DebugExit

from .fakes import FakeStop


@pytest.mark.parametrize(("value", "code"), [(0, 1), (1, 3), (0x10, 0x21), (0x7F, 0xFF)])
def test_a_write_stops_with_twice_the_value_and_one(value, code):
    stop = FakeStop()
    DebugExit(stop=stop).port_write(0xF4, 1, value)
    assert stop.calls == [("exit", code)]
