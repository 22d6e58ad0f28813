"""The native core as Python sees it: the library opened once, its callbacks led to the machine they belong to."""

from __future__ import annotations

import importlib.util
import weakref
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from vmm.core.supported import unsupported
from vmm.errors import VmmError

if TYPE_CHECKING:
    from vmm._native import CValue, vmm_machine, vmm_trap, vmm_vcpu

if reason := unsupported():
    raise VmmError(reason)

try:
    from vmm._native import ffi, lib
except ImportError as error:  # a source tree that was never built
    raise VmmError(f"the C extension vmm._native is missing ({error}); run: pip install .") from None

__all__ = ["Host", "check", "ffi", "lib", "no_fast_gear", "open_unicorn"]

NEVER = 0xFFFF_FFFF_FFFF_FFFF
Part = TypeVar("Part", bound="CValue")


class Host(Protocol):
    """What the native core calls while a run is under way; an exception ends the run and is raised from it."""

    def port_read(self, device: int, port: int, size: int) -> int:
        """Of a Python device, by its number on the bus; so for the next three."""

    def port_write(self, device: int, port: int, size: int, value: int) -> None: ...

    def mmio_read(self, device: int, address: int, size: int) -> int: ...

    def mmio_write(self, device: int, address: int, size: int, value: int) -> None: ...

    def timer(self, slot: int) -> None:
        """The timer in this slot is due."""

    def trap(self, vcpu: int, raw: vmm_trap) -> int:
        """A vCPU is about to do what somebody traps, a `vmm_trap`; a `vmm_trap_answer`."""

    def drain(self) -> None:
        """The trace's ring is full."""

    def console(self, data: CValue, count: int) -> None:
        """The first serial port has sent these `count` bytes."""

    def failed(self, error: BaseException) -> None:
        """One of the above raised this."""


def unicorn_library() -> Path:
    """Where the `unicorn` package keeps its library, found without importing the package, which takes 100 ms; VmmError
    where there is none.
    """
    spec = importlib.util.find_spec("unicorn")
    if spec is None or not spec.submodule_search_locations:
        raise VmmError("the unicorn package is missing; run: pip install unicorn==2.1.4")
    return Path(spec.submodule_search_locations[0]) / "lib" / "libunicorn.so.2"


def open_unicorn() -> None:
    """Open libunicorn; VmmError when it is missing or not 2.1.4. Later calls do nothing."""
    problem = lib.vmm_unicorn_open(str(unicorn_library()).encode())
    if problem != ffi.NULL:
        raise VmmError(ffi.string(problem).decode(errors="replace"))


def no_fast_gear() -> str | None:
    """Why there is no fast gear with the Unicorn that is open; None: there is."""
    reason = lib.vmm_no_fast_gear()
    return None if reason == ffi.NULL else ffi.string(reason).decode(errors="replace")


def unicorn_version() -> str:
    """Of the library that is open: "2.1.4"."""
    version = lib.vmm_unicorn_version()
    return f"{version >> 24}.{version >> 16 & 0xFF}.{version >> 8 & 0xFF}"


def part_of(machine: vmm_machine, pointer: Part) -> Part:
    """`pointer`, which leads into the machine's memory: what is given back keeps that, and is to be kept instead."""
    return ffi.gc(pointer, lambda _: machine)


def vcpu_of(machine: vmm_machine, index: int) -> vmm_vcpu:
    """One of the machine's vCPUs, to be kept."""
    return part_of(machine, machine.vcpus[index])


def check_in_hand(machine: vmm_machine) -> None:
    """VmmError where another thread runs the machine: before anything of Python's is changed that goes with it."""
    lib.vmm_now(machine)


def vcpu_index(machine: vmm_machine, cpu: int) -> int:
    """`cpu`; VmmError for a vCPU that the machine has not."""
    if not 0 <= cpu < machine.vcpu_count:
        raise VmmError(f"vCPU {cpu} is not among 0-{machine.vcpu_count - 1}")
    return cpu


def check(machine: vmm_machine, result: int) -> None:
    """VmmError with the line the core left behind, unless `result` is 0."""
    if result != 0:
        raise VmmError(ffi.string(machine.error).decode())


ALL_ONES = 0xFFFFFFFF
FAILURES: dict[str, int | None] = {
    "port_read": ALL_ONES,
    "port_write": None,
    "mmio_read": ALL_ONES,
    "mmio_write": None,
    "timer": None,
    "trap": lib.VMM_TRAP_DELIVER,
    "drain": None,
    "console": None,
}
"""The core's callbacks (`vmm_host`), by the names of a Host's methods, and what one gives that fails."""


def _guard(name: str, failure: int | None) -> None:
    """Lead a callback to its host's method; an error stops the run and gives `failure`."""

    def call(handle: CValue, *arguments: Any) -> Any:
        host: Host = ffi.from_handle(handle)
        try:
            return getattr(host, name)(*arguments)
        except BaseException as error:
            host.failed(error)
            return failure

    def lost(kind: object, error: BaseException, traceback: TracebackType) -> None:
        """Raised before `call` could catch it, by what another thread asks this one to raise."""
        ffi.from_handle(traceback.tb_frame.f_locals["handle"]).failed(error)

    ffi.def_extern(name=f"vmm_py_{name}", error=failure, onerror=lost)(call)


EXPLORING: dict[str, int | None] = {"judge": 0, "act": None, "take": 0, "put": None}
"""The same of an exploration's (`vmm_plan`)."""

for _name, _failure in {**FAILURES, **EXPLORING}.items():
    _guard(_name, _failure)


def connect(machine: vmm_machine, host: Host) -> CValue:
    """Point the machine's callbacks at `host`, with which they end; it must keep the handle returned."""
    handle = ffi.new_handle(host)
    machine.host.handle = handle
    for name in FAILURES:
        setattr(machine.host, name, getattr(lib, f"vmm_py_{name}"))
    weakref.finalize(host, _disconnect, machine).atexit = False
    return handle


def _disconnect(machine: vmm_machine) -> None:
    """Who looks at what is left of a machine that nobody can run calls no host."""
    lib.vmm_trace_record(machine, ffi.NULL, 0)
    machine.host.handle = NOBODY


class _Nobody:
    """A host of machines that have none any more."""

    def __getattr__(self, name: str) -> Any:
        return lambda *arguments: FAILURES.get(name)


_nobody = _Nobody()
NOBODY = ffi.new_handle(_nobody)
