"""A folder of sources stands aside for the package that was built from them and is installed.

A clone is first on the path of `python -m vmm` or a script that are run from it, and has no extension of C: without
this nothing would work there after `pip install .`, and everything would one folder up.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import module_from_spec
from pathlib import Path

PACKAGE = "vmm"
EXTENSION = "vmm._native"


def is_built(folder: Sequence[str] | None) -> bool:
    """Whether the package in `folder`, its `__path__`, has its extension."""
    return PathFinder.find_spec(EXTENSION, folder) is not None


def stand_aside(sources: Path) -> None:
    """Make the package that is built be `vmm`, for whoever is importing the one in the folder `sources`. Where there is
    none all stays as it is: who needs the extension says that it is missing.
    """
    spec = _elsewhere(sources)
    if spec is None or spec.loader is None:
        return
    del sys.modules[f"{PACKAGE}.built"]  # it has its own
    sys.modules[PACKAGE] = package = module_from_spec(spec)
    spec.loader.exec_module(package)


def _elsewhere(sources: Path) -> ModuleSpec | None:
    """In the order in which modules are found, but for the folder that `sources` lies in."""
    path = [entry for entry in sys.path if Path(entry).resolve() != sources.parent]
    found = (finder.find_spec(PACKAGE, path) for finder in sys.meta_path)
    return next((spec for spec in found if spec and is_built(spec.submodule_search_locations)), None)
