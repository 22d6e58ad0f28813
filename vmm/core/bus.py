"""Ports, device memory and lines: what a board uses to say what sits where."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from vmm.core.device_state import DeviceState
from vmm.core.native import check, lib
from vmm.errors import VmmError
from vmm.protocols import MmioDevice, PortDevice

if TYPE_CHECKING:
    from vmm._native import vmm_machine

SCRIPT_DRIVER = int(lib.VMM_SCRIPT_DRIVER)
"""The driver that scripts and tests use on any line; stimuli and the test device have theirs, devices those below."""

PYTHON = 0
"""Who owns a range that no controller of the core's does."""


class NativeLine:
    """One driver's end of a line of the machine."""

    def __init__(self, machine: vmm_machine, number: int, driver: int) -> None:
        self._machine = machine
        self.number = number
        self.driver = driver

    def set(self, level: bool) -> None:
        lib.vmm_line_set(self._machine, self.number, self.driver, level)

    def connect(self, connected: bool) -> None:
        lib.vmm_line_connect(self._machine, self.number, self.driver, connected)


class NativeWork:
    """Tells what the device on a line has for its driver."""

    def __init__(self, machine: vmm_machine, line: int) -> None:
        self._machine, self._line = machine, line

    def comes(self, number: int) -> None:
        self._tell(number, lib.VMM_WORK_COMES)

    def asked(self, number: int) -> None:
        self._tell(number, lib.VMM_WORK_ASKED)

    def done(self, number: int) -> None:
        self._tell(number, lib.VMM_WORK_DONE)

    def set_up(self) -> None:
        self._tell(0, lib.VMM_WORK_SET_UP)

    def _tell(self, number: int, what: int) -> None:
        lib.vmm_work(self._machine, self._line, number, what)


class Bus:
    """Routes what the core does not handle itself to Python devices."""

    def __init__(self, machine: vmm_machine, state: DeviceState) -> None:
        self._machine = machine
        self._state = state
        self._called = state.called
        self._ports: list[PortDevice] = []
        self._memory: list[MmioDevice] = []
        self._drivers: dict[int, int] = {}

    def line(self, number: int) -> NativeLine:
        """A new driver's end of line `number` (0-255); VmmError where it has no room for one."""
        driver = self._drivers.get(number, 0)
        if driver == lib.VMM_STIMULUS_DRIVER:
            raise VmmError(f"line {number} has more than {driver} drivers")
        self._drivers[number] = driver + 1
        return NativeLine(self._machine, number, driver)

    def work(self, number: int) -> NativeWork:
        """Of the device that drives line `number`."""
        return NativeWork(self._machine, number)

    def connect(self, number: int, *ends: tuple[str, int]) -> None:
        """Lead line `number` to one or two inputs of controllers: (name as native/machine.c has it, pin) each."""
        line = self._machine.lines[number]
        for n, (name, pin) in enumerate(ends):
            line.sink[n], line.pin[n] = self._numbered(lib.vmm_line_end, name), pin

    def _numbered(self, what: Callable[[vmm_machine, bytes], int], name: str) -> int:
        """The core's number for a controller's part; VmmError where no controller has it."""
        number = what(self._machine, name.encode())
        check(self._machine, min(number, 0))
        return number

    def add_ports(self, device: PortDevice, *ranges: tuple[int, int]) -> None:
        """Put `device` at (first, count) port ranges; VmmError where another one sits."""
        for first, count in ranges:
            check(self._machine, lib.vmm_add_ports(self._machine, first, count, PYTHON, len(self._ports)))
        self._ports.append(device)
        self._state.attach(device)

    def add_native_ports(self, first: int, count: int, owner: str, index: int) -> None:
        """Give ports to registers of the core's own, by their name in native/machine.c; VmmError where it has none."""
        check(self._machine, lib.vmm_add_ports(self._machine, first, count, self._owner(owner), index))

    def add_memory(self, device: MmioDevice, first: int, count: int) -> None:
        """Put `device` at physical addresses [first, first + count)."""
        check(self._machine, lib.vmm_add_mmio(self._machine, first, count, PYTHON, len(self._memory)))
        self._memory.append(device)
        self._state.attach(device)

    def add_native_memory(self, first: int, count: int, owner: str, index: int) -> None:
        """Give physical addresses to registers of the core's own, as `add_native_ports`."""
        check(self._machine, lib.vmm_add_mmio(self._machine, first, count, self._owner(owner), index))

    def _owner(self, name: str) -> int:
        return self._numbered(lib.vmm_range_owner, name)

    def port_read(self, device: int, port: int, size: int) -> int:
        target = self._ports[device]
        self._called.add(id(target))
        width = target.port_width
        if size <= width:
            return target.port_read(port, size)
        parts = (target.port_read(port + offset, width) << 8 * offset for offset in range(0, size, width))
        return sum(parts)

    def port_write(self, device: int, port: int, size: int, value: int) -> None:
        target = self._ports[device]
        self._called.add(id(target))
        width = target.port_width
        if size <= width:
            target.port_write(port, size, value)
            return
        mask = (1 << 8 * width) - 1
        for offset in range(0, size, width):
            target.port_write(port + offset, width, value >> 8 * offset & mask)

    def mmio_read(self, device: int, address: int, size: int) -> int:
        target = self._memory[device]
        self._called.add(id(target))
        return target.mmio_read(address, size)

    def mmio_write(self, device: int, address: int, size: int, value: int) -> None:
        target = self._memory[device]
        self._called.add(id(target))
        target.mmio_write(address, size, value)
