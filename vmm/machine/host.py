"""What the native core calls while a run is under way. Users never see it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from vmm.arch.vcpu import Vcpu
from vmm.boards.board import Board
from vmm.core.bus import Bus
from vmm.core.clock import NativeClock
from vmm.core.native import connect, ffi, lib
from vmm.inputs.decisions import OBSERVERS, Callbacks
from vmm.inputs.trap_handlers import TrapHandlers
from vmm.trace import Trace

if TYPE_CHECKING:
    from vmm._native import CValue, vmm_machine, vmm_trap


class MachineHost:
    """A `vmm.core.native.Host` of one machine; `cpus` as its board has them."""

    def __init__(
        self,
        native: vmm_machine,
        *,
        bus: Bus,
        clock: NativeClock,
        cpus: Sequence[Vcpu],
        board: Board,
        traps: TrapHandlers,
        trace: Trace,
        callbacks: Callbacks,
        written: Callable[[bytes], None],
    ) -> None:
        self._native, self._bus, self._clock, self._cpus, self._board = native, bus, clock, cpus, board
        self._traps, self._trace, self._callbacks, self._written = traps, trace, callbacks, written
        self._error: BaseException | None = None
        self._handle = connect(native, self)

    def port_read(self, device: int, port: int, size: int) -> int:
        return self._bus.port_read(device, port, size)

    def port_write(self, device: int, port: int, size: int, value: int) -> None:
        self._bus.port_write(device, port, size, value)

    def mmio_read(self, device: int, address: int, size: int) -> int:
        return self._bus.mmio_read(device, address, size)

    def mmio_write(self, device: int, address: int, size: int, value: int) -> None:
        self._bus.mmio_write(device, address, size, value)

    def timer(self, slot: int) -> None:
        self._clock.fire(slot)

    def drain(self) -> None:
        self._callbacks.ask(OBSERVERS, self._trace.drain)

    def console(self, data: CValue, count: int) -> None:
        self._written(bytes(ffi.buffer(data, count)))

    def trap(self, vcpu: int, raw: vmm_trap) -> int:
        if raw.kind in (lib.VMM_TRAP_FIRMWARE, lib.VMM_TRAP_SEMIHOSTING):
            return self._called(self._cpus[vcpu], raw.kind)
        return self._traps.answer(vcpu, raw)

    def _called(self, cpu: Any, kind: int) -> int:
        """A vCPU calls firmware or host by an instruction that looks like an exception."""
        callee = self._board.firmware if kind == lib.VMM_TRAP_FIRMWARE else self._board.host_call
        if callee is None:
            return int(lib.VMM_TRAP_DELIVER)
        result = callee(cpu)
        if result is not None:
            cpu.answer(result)
        return int(lib.VMM_TRAP_DONE)

    def failed(self, error: BaseException) -> None:
        self._error = self._error or error
        self._callbacks.cut |= not isinstance(error, Exception)
        lib.vmm_request_stop(self._native, lib.VMM_STOP_USER, 0)

    def raise_if_failed(self) -> None:
        """The first error since the last call, if there was one."""
        error, self._error = self._error, None
        if error is not None:
            raise error
