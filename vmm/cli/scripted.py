"""`--scenario FILE`: the script's scenarios, and its errors as its author sees them."""

from __future__ import annotations

import inspect
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from vmm.errors import VmmError
from vmm.scenario.tasks import NoScenario

if TYPE_CHECKING:
    from vmm.machine.machine import Machine
    from vmm.plots.curves import Panel

HOUSE = Path(__file__).parents[1]
"""What lies below it is ours."""
MODULE = "__scenario__"
BOM = "\ufeff"
"""What some editors put before UTF-8."""


class Script:
    """A file of scenarios, compiled."""

    def __init__(self, path: Path, code: Any) -> None:
        self.path = str(path)
        """As its code objects have it."""
        self._code = code
        self._module: ModuleType | None = None

    def module(self, name: str) -> ModuleType:
        """What it makes when it is executed, called `name`."""
        module = ModuleType(name)
        module.__file__ = self.path
        sys.modules[name] = module
        sys.path.insert(0, str(Path(self.path).parent))
        exec(self._code, module.__dict__)
        return module

    def start(self, machine: Machine) -> None:
        """Begin every scenario, in the order they are written in; VmmError where there is none."""
        module = self._module = self.module(MODULE)
        scenarios = [item for name, item in vars(module).items() if name.startswith("scenario") and _own(item)]
        if not any(map(inspect.iscoroutinefunction, scenarios)):
            plain = f"; {scenarios[0].__name__} is a plain function" if scenarios else ""
            raise VmmError(f"{self.path}: no scenario in it{plain}: write `async def scenario(m)`")
        for scenario in filter(inspect.iscoroutinefunction, scenarios):
            machine.start(scenario)

    def figures(self, machine: Machine) -> dict[str, str]:
        """What its `def figures(m) -> dict[str, str]` makes of the run that is over; empty where it has none."""
        made = getattr(self._module, "figures", None)
        return made(machine) if made else {}

    def curves(self, boot: Callable[[], Machine]) -> Sequence[Panel]:
        """What its `def curves(boot)` measures in runs of its own, each of a machine that `boot` makes."""
        made: Sequence[Panel] = self.module(MODULE).__dict__["curves"](boot)
        return made

    def story(self, error: BaseException) -> list[str]:
        """What `error` is and the lines of the script it came through, ours left out; empty where it did not."""
        if isinstance(error, NoScenario):
            return [f"the scenario failed: {error}"]
        frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not _is_ours(frame.filename)]
        if not any(frame.filename == self.path for frame in frames):
            return []
        said = traceback.format_exception_only(type(error), error)[-1].strip().replace("vmm.errors.", "")
        places = (f"  {frame.filename}:{frame.lineno} in {frame.name}: {frame.line}" for frame in frames)
        return [f"the scenario failed: {said}", *places]


def load(path: Path, option: str = "--scenario") -> Script:
    """VmmError for a file that cannot be read or is no Python, with its line."""
    try:
        return Script(path, compile(path.read_bytes(), str(path), "exec"))  # in the encoding that it says, as Python
    except OSError as error:
        raise VmmError(f"{option} {path}: {error.strerror}") from error
    except SyntaxError as error:
        source = f": {error.text.lstrip(BOM).strip()}" if error.text else ""
        line = f":{error.lineno}" if error.lineno else ""
        raise VmmError(f"{path}{line}: {error.msg}{source}") from error
    except ValueError as error:
        raise VmmError(f"{path}: {error}") from error


def _own(item: Callable[..., Any] | Any) -> bool:
    return inspect.isfunction(item) and item.__module__ == MODULE


def _is_ours(file: str) -> bool:
    return HOUSE in Path(file).parents
