"""A board's devices as scripts have them: to be looked at, and what is done to them comes from outside."""

from __future__ import annotations

import enum
import types
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from vmm.core.device_state import DeviceState
from vmm.errors import VmmError, unknown, within
from vmm.inputs.decisions import Inputs

ACCESSES = {"port_read": (1, 2, 4), "port_write": (1, 2, 4), "mmio_read": (1, 2, 4, 8), "mmio_write": (1, 2, 4, 8)}
"""What a guest can do to a device, and how wide in bytes."""
VALUES = (int, float, str, bytes, type(None), enum.Enum, frozenset, range)


class DeviceHandle:
    """One device. Its registers are accessed as a guest does (`port_read`, `mmio_write`…), and what reaches it from the
    world (its OUTSIDE: keys, serial input) is called by its name. What else it has can be read.
    """

    __slots__ = ("_decide", "_device", "_name")

    def __init__(self, name: str, device: Any, decide: Callable[..., Any] | None) -> None:
        for slot, value in zip(("_name", "_device", "_decide"), (name, device, decide), strict=True):
            object.__setattr__(self, slot, value)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(f"{self!r} shows nothing of {name}")
        value = getattr(self._device, name)
        if isinstance(value, types.MethodType):
            return self._method(name, value)
        return shown(f"{self._name}.{name}", value)

    def _method(self, name: str, method: Callable[..., Any]) -> Callable[..., Any]:
        if self._decide is None or name not in offered(self._device):
            raise VmmError(f"{self._name}.{name}: a script cannot call it, for no replay would know of that")
        decide, device = self._decide, self._name
        return lambda *arguments: decide("device", device, name, *arguments)

    def __setattr__(self, name: str, value: object) -> None:
        raise VmmError(f"{self._name}.{name}: a script cannot set it, for no replay would know of that")

    def __repr__(self) -> str:
        plain = type(self._device).__repr__ is object.__repr__  # type: ignore[comparison-overlap]
        return f"<{self._name}: {type(self._device).__name__ if plain else repr(self._device)}>"

    def _repr_html_(self) -> str:
        from vmm.inputs.notebook import device

        return device(self, self._name)

    def __dir__(self) -> list[str]:
        """What a script can read of it, and call."""
        device, called = self._device, offered(self._device) if self._decide else ()
        methods = {name for name in dir(type(device)) if callable(getattr(type(device), name))}
        return sorted({*(name for name in dir(device) if not name.startswith("_") and name not in methods), *called})


def offered(device: Any) -> tuple[str, ...]:
    """The methods of a device that scripts can call."""
    outside: tuple[str, ...] = getattr(type(device), "OUTSIDE", ())
    return (*(name for name in ACCESSES if hasattr(device, name)), *outside)


def shown(name: str, value: Any) -> Any:
    """What a script sees of a value of a device's: nothing that it could change."""
    if isinstance(value, VALUES):
        return value
    if isinstance(value, bytearray | memoryview):
        return bytes(value)
    if isinstance(value, list | tuple | deque):
        return tuple(shown(f"{name}[{n}]", item) for n, item in enumerate(value))
    if isinstance(value, dict):
        return {key: shown(f"{name}[{key!r}]", item) for key, item in value.items()}
    if isinstance(value, set):
        return frozenset(value)
    if callable(value):
        raise VmmError(f"{name}: a script cannot call it, for no replay would know of that")
    return DeviceHandle(name, value, None)


class ScriptBoard:
    """Those of one machine, by their names."""

    def __init__(self, devices: Mapping[str, Any], inputs: Inputs, state: DeviceState) -> None:
        self._devices, self._state = devices, state
        self.handles = {name: DeviceHandle(name, device, inputs.decide) for name, device in devices.items()}
        inputs.register({"device": self._call})

    def _call(self, name: str, method: str, *arguments: Any) -> Any:
        """VmmError for a device that there is not, and for what none offers."""
        if name not in self._devices:
            raise unknown("device", name, self._devices)
        device = self._devices[name]
        if method not in offered(device):
            raise unknown(f"call of {name}", method, offered(device))
        if method in ACCESSES:
            check_access(method, *arguments)
        self._state.called.add(id(device))
        return shown(f"{name}.{method}", getattr(device, method)(*arguments))


def check_access(method: str, address: int, size: int, *value: int) -> None:
    """VmmError for what is no access."""
    widths = ACCESSES[method]
    within(f"{method}: address", address, 1 << (16 if method.startswith("port") else 64))
    if size not in widths:
        raise VmmError(f"{method}: {size} bytes: it is {', '.join(map(str, widths))}")
    for each in value:
        within(f"{method}: value", each, 1 << 8 * size)
