"""The devices of a machine: its board's, and those a script puts beside them."""

from __future__ import annotations

from dataclasses import replace

from vmm.boards.board import Board
from vmm.core.device_state import DeviceState
from vmm.errors import VmmError
from vmm.inputs.decisions import Inputs
from vmm.inputs.script_board import ScriptBoard
from vmm.inputs.script_devices import ScriptBus
from vmm.protocols import MmioDevice, PortDevice

PORT_DEVICE = ("port_read", "port_write", "port_width")
MMIO_DEVICE = ("mmio_read", "mmio_write")


class Screen(list[str]):
    """Its rows, which a notebook shows one below the other."""

    def _repr_html_(self) -> str:
        from vmm.machine.notebook import screen

        return screen(self)


class Devices:
    """Of one machine; `bus` as scripts have it."""

    def __init__(self, board: Board, state: DeviceState, bus: ScriptBus, inputs: Inputs) -> None:
        self._bus = bus
        self.board = replace(
            board, devices=ScriptBoard(board.devices, inputs, state).handles, hand_over=None, device_tree=None,
            firmware=None, host_call=None,
        )  # fmt: skip
        """As scripts have it."""

    def screen(self) -> list[str]:
        """What its display shows."""
        if self.board.screen is None:
            raise VmmError(f"board {self.board.name} has no display")
        return Screen(self.board.screen())

    def attach(
        self,
        device: PortDevice | MmioDevice,
        *,
        memory: tuple[int, int] | None = None,
        ports: tuple[int, int] | None = None,
    ) -> None:
        """Put a device of your own on the bus, at physical addresses or I/O ports (first, count); it has the methods of
        `vmm.protocols.MmioDevice` or `PortDevice`. It drives lines got by `m.bus.line(n)`, lives by `m.clock` and
        reaches RAM by `m.memory`. VmmError where another device sits.
        """
        if (memory is None) == (ports is None):
            raise VmmError("attach: give either memory or ports")
        for name in PORT_DEVICE if ports else MMIO_DEVICE:
            if not hasattr(device, name):
                raise VmmError(f"attach: {type(device).__name__} has no {name}")
        space, (first, count) = ("ports", ports) if ports else ("memory", memory or (0, 0))
        self._bus.attach(device, space, first, count)
