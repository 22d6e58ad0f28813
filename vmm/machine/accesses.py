"""What the steps of a run read and write of RAM: for who tells its story, in single steps and rarely."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, NamedTuple

from vmm.core.memory import PhysicalMemory
from vmm.core.native import ffi, lib
from vmm.errors import VmmError

if TYPE_CHECKING:
    from vmm._native import vmm_accesses, vmm_machine
    from vmm.arch.cpus import Cpu


DATA_AT_MOST = 8
"""Bytes that the core reads at once for a guest's load: what is more are instructions that it looks at."""


class Access(NamedTuple):
    """Of bytes of RAM by one step, as it found them and as it left them."""

    physical: int
    before: bytes
    after: bytes
    writes: bool
    """Else it reads."""
    by_core: bool
    """Not the guest's own load or store: what a delivery needs of tables, or a load in the guest's place."""

    @property
    def size(self) -> int:
        """In bytes."""
        return len(self.before)

    @property
    def end(self) -> int:
        """The physical address behind it."""
        return self.physical + len(self.before)

    @property
    def value(self) -> bytes:
        """What it read, or wrote."""
        return self.after if self.writes else self.before


class Accesses:
    """Of one machine, as long as this context lasts; VmmError inside another's."""

    def __init__(self, native: vmm_machine, memory: PhysicalMemory) -> None:
        self._native, self._memory = native, memory
        self._log: vmm_accesses | None = None

    def __enter__(self) -> Accesses:
        log = lib.vmm_accesses_begin(self._native)
        if log == ffi.NULL:
            raise VmmError(ffi.string(self._native.error).decode())
        self._log = log
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        log, self._log = self._log, None
        if log is not None:
            lib.vmm_accesses_end(log)

    def stack(self, allowed: int) -> int:
        """Bytes by which the stack has grown since this was first asked; `allowed`: as many."""
        assert self._log is not None
        return int(lib.vmm_accesses_stack(self._log, allowed))

    def clear(self) -> None:
        """What was before does not count."""
        assert self._log is not None
        self._log.count = self._log.missed = 0

    def take(self) -> tuple[Access, ...]:
        """Those since it was cleared, in order; the machine stands behind one step. What the core does in the guest's
        place counts as a write where it changes something.
        """
        assert self._log is not None
        rows = [self._log.row[n] for n in range(self._log.count)]
        found = [(int(row.physical), bytes(row.before[0 : row.size]), int(row.kind)) for row in rows]
        return tuple(
            access for each in found
            if not (access := self._access(*each)).by_core or access.writes or access.size <= DATA_AT_MOST
        )  # fmt: skip

    def _access(self, physical: int, before: bytes, kind: int) -> Access:
        after = self._memory.read(physical, len(before))
        by_core = kind == lib.VMM_TOUCH_CORE
        return Access(physical, before, after, kind == lib.VMM_TOUCH_WRITE or (by_core and before != after), by_core)

    def physical(self, cpu: Cpu, linear: int) -> int | None:
        """Where that vCPU maps a byte in RAM; None: nowhere."""
        assert self._log is not None
        self.clear()
        try:
            cpu.read(linear, 1)
        except VmmError:
            return None
        return int(self._log.row[self._log.count - 1].physical) if self._log.count else None

    def depth(self, vcpu: int) -> int:
        """Handlers under way there."""
        return int(self._native.vcpus[vcpu].depth)
