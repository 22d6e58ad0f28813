"""Devices that reach memory by themselves: a board's, and a script's, whose writes come from outside."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest

import vmm
from vmm import boards
from vmm.boards import pc
from vmm.inputs.decisions import Decision
from vmm.protocols import Clock, Memory

LOAD, FUNCTION, SOURCE = 0x7C00, 0x7D00, 0x7D10
RETURN_1, RETURN_2 = bytes.fromhex("b001c3"), bytes.fromhex("b002c3")  # mov al, n; ret
GUEST = (
    bytes.fromhex(
        "e8fd00 88c3"  # call FUNCTION; mov bl, al
        "ba0003 ee"  # mov dx, 300h; out dx, al: let the code be replaced
        "ec 84c0 74fb"  # in al, dx; test al, al; jz: not yet
        "e8ef00 88c7 faf4"  # call FUNCTION; mov bh, al; cli; hlt
    ).ljust(FUNCTION - LOAD, b"\0")
    + RETURN_1.ljust(SOURCE - FUNCTION, b"\0")
    + RETURN_2
)


class CopyEngine:
    """Written to, it copies a function over another some microseconds later; it reads as 1 when it has."""

    port_width = 1
    PORTS = ((0x300, 1),)

    def __init__(self, memory: Memory, clock: Clock) -> None:
        self._memory, self._clock = memory, clock
        self._timer = clock.timer(self._copy)
        self.copied = 0

    def _copy(self) -> None:
        self._memory.write(FUNCTION, self._memory.read(SOURCE, len(RETURN_2)))
        self.copied += 1

    def port_read(self, port: int, size: int) -> int:
        return int(self.copied > 0)

    def port_write(self, port: int, size: int, value: int) -> None:
        self._timer.at(self._clock.now() + 5_000)


@pytest.fixture
def image(tmp_path):
    path = tmp_path / "dma.bin"
    path.write_bytes(GUEST)
    return str(path)


@pytest.fixture
def board_with_dma(monkeypatch):
    """A PC with one device more, as a board is written: the device's memory is a constructor argument."""

    def build(parts):
        board = pc.build(parts)
        board.devices["copy"] = device = CopyEngine(parts.memory, parts.clock)
        parts.bus.add_ports(device, *device.PORTS)
        return board

    module = SimpleNamespace(NAME="dma", ARCHITECTURES=pc.ARCHITECTURES, layout=pc.layout, build=build)
    monkeypatch.setitem(sys.modules, "dma_board", module)
    monkeypatch.setitem(boards.BOARDS, "dma", "dma_board")
    return "dma"


def ran(machine: vmm.Machine) -> tuple[int, int]:
    """What the function gave before and after it was replaced."""
    assert machine.run(insns=10_000).reason == "idle"
    return machine.cpu["ebx"] & 0xFF, machine.cpu["ebx"] >> 8 & 0xFF


def test_code_that_a_boards_device_writes_is_what_runs_next(image, board_with_dma, tmp_path):
    m = vmm.boot(image, load_address=LOAD, board=board_with_dma)
    with m.recording(tmp_path / "run.vmmrec"):
        assert ran(m) == (1, 2)
    assert m.memory.read(FUNCTION, 3) == RETURN_2
    replay = vmm.replay(tmp_path / "run.vmmrec")
    replay.run()
    assert replay.verified
    assert replay.machine.cpu["ebx"] == m.cpu["ebx"]
    assert replay.tape.entries == replay.tape.calls == []


def test_code_that_a_scripts_device_writes_is_what_runs_next_and_replays_without_it(image, tmp_path):
    m = vmm.boot(image, load_address=LOAD)
    with m.recording(tmp_path / "run.vmmrec"):
        device = CopyEngine(m.memory, m.clock)
        m.attach(device, ports=(0x300, 1))
        assert ran(m) == (1, 2)
    replay = vmm.replay(tmp_path / "run.vmmrec")
    replay.run()
    assert replay.verified
    assert replay.machine.cpu["ebx"] == m.cpu["ebx"]
    assert replay.machine.memory.read(FUNCTION, 3) == RETURN_2
    (call,) = [call for call in replay.tape.calls if call.kind == "timer"]
    assert call.decisions == (Decision("memory", (FUNCTION, RETURN_2)),)
    assert device.copied == 1


def test_a_snapshot_from_before_a_transfer_has_the_old_code_and_the_transfer_to_come(image, board_with_dma):
    m = vmm.boot(image, load_address=LOAD, board=board_with_dma)
    m.run(insns=10)
    before = m.snapshot()
    for _ in range(2):
        assert ran(m) == (1, 2)
        m.restore(before)
        assert m.memory.read(FUNCTION, 3) == RETURN_1


@pytest.mark.parametrize("address", [-1, 16 << 20, (16 << 20) - 2])
def test_a_transfer_outside_memory_ends_the_run(image, address):
    m = vmm.boot(image, load_address=LOAD, memory=16 << 20)

    class Wild(CopyEngine):
        def _copy(self):
            self._memory.write(address, RETURN_2)

    m.attach(Wild(m.memory, m.clock), ports=(0x300, 1))
    with pytest.raises(vmm.VmmError, match="is outside RAM"):
        m.run(insns=10_000)
