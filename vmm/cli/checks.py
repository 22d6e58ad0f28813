"""`--check`: comparisons of values in memory, or a function of a Python file, FILE.py:NAME."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from vmm.cli import scripted
from vmm.errors import VmmError, unknown, words
from vmm.placements.checks import came_from

FUNCTION = re.compile(r"(?P<file>.+\.py)(?::(?P<name>\w*))?")
MODULE = "__check_{}__"
USUAL = "check"
"""The function of a file where nobody names one."""


def loaded(texts: Sequence[str]) -> tuple[list[str | Callable[..., Any]], list[Path]]:
    """The checks that `texts` name, and the files they are from; VmmError for a function that is not there."""
    modules: dict[str, ModuleType] = {}
    return [_check(text, modules) for text in texts], [Path(file) for file in modules]


def _check(text: str, modules: dict[str, ModuleType]) -> str | Callable[..., Any]:
    match = FUNCTION.fullmatch(text.strip())
    if not match:
        return text
    file = match["file"]
    if file not in modules:
        modules[file] = _module(file, len(modules))
    module = modules[file]
    own: dict[str, Callable[..., Any]] = {name: item for name, item in vars(module).items() if _own(item, module)}
    name = match["name"] or USUAL
    if name in own:
        return own[name]
    if not match["name"] or not own:
        there = f"there are {', '.join(own)}" if own else "there is none in it"
        raise VmmError(f"--check {text}: which function? Say {file}:NAME; {there}")
    raise unknown(f"function of {file}", name, own)


def _module(file: str, number: int) -> ModuleType:
    script = scripted.load(Path(file), "--check")
    try:
        return script.module(MODULE.format(number))
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # sys.exit(), too, is but an error of its
        raise VmmError(f"--check {file}: {words(error)}{came_from(error)}") from error


def _own(item: object, module: ModuleType) -> bool:
    return inspect.isfunction(item) and item.__module__ == module.__name__
