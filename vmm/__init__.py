"""vmm: a laboratory for interrupts. `import vmm` is cheap; names are loaded when first used."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from vmm.errors import VmmError

if TYPE_CHECKING:
    from vmm.machine import Machine, boot
    from vmm.traps import Exc, Hlt, Int, Msr, Port

__version__ = "0.1.0"
__all__ = ["Exc", "Hlt", "Int", "Machine", "Msr", "Port", "VmmError", "boot"]

_HOME = {
    "Machine": "vmm.machine",
    "boot": "vmm.machine",
    "Int": "vmm.traps",
    "Exc": "vmm.traps",
    "Hlt": "vmm.traps",
    "Msr": "vmm.traps",
    "Port": "vmm.traps",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'vmm' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)
