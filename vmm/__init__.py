"""vmm: a laboratory for interrupts. `import vmm` is cheap; names are loaded when first used."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from vmm.errors import VmmError

if TYPE_CHECKING:
    from vmm.machine import Machine, boot
    from vmm.traps import Brk, Exc, Hlt, Hvc, Int, Msr, Port, Smc, Svc, SysReg, Undefined

__version__ = "0.1.0"
__all__ = [
    "Brk", "Exc", "Hlt", "Hvc", "Int", "Machine", "Msr", "Port", "Smc", "Svc", "SysReg", "Undefined", "VmmError",
    "boot",
]  # fmt: skip

_HOME = {"Machine": "vmm.machine", "boot": "vmm.machine"} | dict.fromkeys(
    ("Brk", "Exc", "Hlt", "Hvc", "Int", "Msr", "Port", "Smc", "Svc", "SysReg", "Undefined"), "vmm.traps"
)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'vmm' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)
