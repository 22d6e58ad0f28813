"""vmm: a laboratory for interrupts. `import vmm` is cheap; names are loaded when first used.

Its names are those in `__all__` of the modules in HOMES: there a new one is added.
"""

from importlib import import_module
from importlib.machinery import PathFinder
from importlib.util import find_spec
from typing import TYPE_CHECKING

if PathFinder.find_spec("vmm._native", __path__) is None:
    from pathlib import Path

    from vmm.built import stand_aside

    stand_aside(Path(__file__).resolve().parent)

from vmm.errors import VmmError as VmmError
from vmm.version import __version__ as __version__

HOMES = (
    "vmm.scenario.triggers",
    "vmm.scenario.combinators",
    "vmm.inputs.traps",
    "vmm.arch.x86.traps",
    "vmm.arch.arm.traps",
    "vmm.machine.machine",
    "vmm.scenario.stimuli",
    "vmm.replayer.player",
)
"""In the order they are searched: the later, the longer it takes to import."""

if TYPE_CHECKING:
    from vmm.arch.arm.traps import *
    from vmm.arch.x86.traps import *
    from vmm.inputs.traps import *
    from vmm.machine.machine import *
    from vmm.replayer.player import *
    from vmm.scenario.combinators import *
    from vmm.scenario.stimuli import *
    from vmm.scenario.triggers import *
else:

    def __getattr__(name):
        if name == "__all__":
            return ["VmmError", *(each for home in HOMES for each in import_module(home).__all__)]
        own = name.startswith("_") or find_spec(f"vmm.{name}")  # a module, which Python looks for here first
        for home in () if own else HOMES:
            if name in import_module(home).__all__:
                return getattr(import_module(home), name)
        raise AttributeError(f"module 'vmm' has no attribute {name!r}")
