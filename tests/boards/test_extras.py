"""Devices that a board has where its options ask for them: at the place and line that the manual's page of it says."""

import pytest

import vmm
from vmm.boards.virt import MESSAGE_DEVICE, Messages
from vmm.devices import nic

PLACES = [("x86/hello", "pc,nic=on", 0xFEB01000, 10), ("arm64/hello", "virt,gic=2,nic=on", 0x0B011000, 4)]
RING, BUFFER = 0x2000, 0x3000
"""Above the start of RAM."""


def card(m: vmm.Machine, base: int, control: int):
    """One descriptor is its own, and it is told so from outside, as by a guest."""
    device, ram = m.board.devices["nic"], m.memory.base
    m.memory.write(ram + RING, (ram + BUFFER).to_bytes(4, "little") + (64).to_bytes(4, "little"))
    for register, value in ((nic.RING, ram + RING), (nic.TAIL, 1), (nic.CONTROL, control)):
        device.mmio_write(base + register, 4, value)
    return device


@pytest.mark.parametrize(("image", "board", "base", "line"), PLACES)
def test_a_packet_is_in_memory_and_its_line_rises(image: str, board: str, base: int, line: int) -> None:
    m = vmm.boot(image, board=board, console=None)
    device = card(m, base, nic.RECEIVE | nic.INTERRUPT)
    at_first = m.snapshot()
    with m.trace.record():
        device.arrive(b"packet")
        assert m.memory.read(m.memory.base + BUFFER, 6) == b"packet"
        assert [(event.number, event.value) for event in m.trace.of(kind="line")] == [(line, 1)]
        comes, asked = m.trace.of(kind="work")
        assert m.trace.describe(comes).startswith(f"the device on line {line}: work 0 comes at ")
        assert "an interrupt is asked for, up to work 0 at " in m.trace.describe(asked)
        assert (device.head, device.status) == (1, nic.RECEIVED)
        m.restore(at_first)
        assert (device.head, device.status) == (0, 0)


def test_nobody_feels_that_it_is_told() -> None:
    hashes = set()
    for recorded in (True, False):
        m = vmm.boot("x86/hello", board="pc,nic=on", console=None)
        if recorded:
            m.trace.record()
        card(m, PLACES[0][2], nic.RECEIVE).arrive(b"packet")
        hashes.add(m.trace.hash)
    assert len(hashes) == 1


@pytest.mark.parametrize(
    ("image", "board", "base", "address", "data", "kind", "number"),
    [
        ("x86/hello", "pc,nic=on", 0xFEB01000, 0xFEE00000, 0x45, "pending", 0x45),
        ("arm64/hello", "virt,gic=2,nic=on", 0x0B011000, 0x08020040, 32 + 50, "line", 50),
    ],
)
def test_a_message_reaches_the_controller(
    image: str, board: str, base: int, address: int, data: int, kind: str, number: int
) -> None:
    m = vmm.boot(image, board=board, console=None)
    device = card(m, base, nic.RECEIVE | nic.INTERRUPT | nic.MESSAGE)
    device.mmio_write(base + nic.ADDRESS, 4, address)
    device.mmio_write(base + nic.DATA, 4, data)
    with m.trace.record():
        device.arrive(b"packet")
        assert number in [event.number for event in m.trace.of(kind=kind)]


def test_a_message_for_the_its_has_the_device_id_that_the_bus_adds() -> None:
    class Its(list[tuple[int, int]]):
        def translate(self, device_id: int, event_id: int) -> None:
            self.append((device_id, event_id))

    its = Its()
    for address in (0x08090040, 0x08090044, 0x08020040):  # GITS_TRANSLATER (IHI0069 12.19.9), and what is not it
        Messages(None, its).write(address, 7)
    assert its == [(MESSAGE_DEVICE, 7)]
