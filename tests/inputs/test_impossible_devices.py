"""What a script's device cannot be, and what time has no room for."""

from __future__ import annotations

import pytest

import vmm


class Port:
    port_width = 1

    def port_read(self, port, size):
        return 0

    def port_write(self, port, size, value): ...


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"hz_num": 1 << 40}, "it has 1000000000 Hz at most"),
        ({"hz_num": 0}, "both must be above 0"),
        ({"hz_den": 0}, "both must be above 0"),
        ({"hz_den": 1 << 33}, "hz_den of a wave .* is outside"),
        ({"first_tick": 0, "origin_ns": 0}, "its tick 0 is over"),
        ({"high_ticks": -1}, "high_ticks of a wave -0x1 is outside"),
        ({"toggles": 1 << 32}, "toggles of a wave"),
    ],
)
def test_a_wave_that_time_has_no_room_for_is_refused(change, said):
    m = vmm.boot("x86/pit_ticks")
    m.run(insns=500)
    fields = {"origin_ns": m.now_ns, "hz_num": 1000, "hz_den": 1, "level": True, "first_tick": 1} | change
    with pytest.raises(vmm.VmmError, match=said):
        m.clock.wave(m.bus.line(7)).start(**fields)


def test_a_wave_whose_next_tick_lies_beyond_time_stays_as_it_is():
    """2^64 ns are 585 years."""
    m = vmm.boot("x86/pit_ticks")
    wave = m.clock.wave(m.bus.line(7))
    wave.start(origin_ns=0, hz_num=1, hz_den=1 << 30, level=True, first_tick=(1 << 64) - 1, high_ticks=(1 << 64) - 1)
    wave = m.clock.wave(m.bus.line(6))
    wave.start(origin_ns=0, hz_num=1000, hz_den=1, level=True, first_tick=1, high_ticks=(1 << 64) - 1)
    with m.trace.record():
        assert m.run().reason == "poweroff"
    events = [(event.number, event.value) for event in m.trace.of(kind="line") if event.number in (6, 7)]
    assert events == [(6, 0), (6, 1)]


@pytest.mark.parametrize("ports", [(0xFFFF_FFF0, 0x20), (0xFFFF, 2), (0, 65537), (0x300, 0), (-1, 1)])
def test_ports_that_there_are_not_have_no_devices(ports):
    m = vmm.boot("x86/pit_ticks")
    for _ in range(300):  # a refused device takes no number from those that come after it
        with pytest.raises(vmm.VmmError):
            m.attach(Port(), ports=ports)
    m.attach(Port(), ports=(0x300, 1))
    m.run(insns=10)


@pytest.mark.parametrize("width", [0, -1, 3, 8, "x"])
def test_a_device_has_ports_of_a_width_that_there_is(width):
    device = Port()
    device.port_width = width
    with pytest.raises(vmm.VmmError, match=r"port_width is 1, 2 or 4|is neither"):
        vmm.boot("x86/pit_ticks").attach(device, ports=(0x300, 1))
