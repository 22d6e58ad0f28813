"""Functions of the machine that say whether a run went well: what they answer, and what is no answer."""

from __future__ import annotations

import dis
import inspect
import signal
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vmm.errors import VmmError, said, words

if TYPE_CHECKING:
    from vmm.machine.machine import Machine

HOUSE = Path(__file__).parents[1]
"""What lies below it is ours."""


PATIENCE = 60.0
"""Seconds that an answer may take."""


class Late(BaseException):
    """A check has used up its time: no `except Exception` of its own holds this up."""


class NoAnswer(VmmError):
    """A check that raises, gives nothing or not in time, or something else when asked again: no proof."""


class Function:
    """One check. It is asked twice, for an answer that hangs on anything but the machine proves nothing."""

    def __init__(self, function: Callable[[Machine], Any]) -> None:
        self.name = getattr(function, "__name__", "the check")
        self.function = function
        self._asserts = _asserts(function)
        if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
            raise VmmError(f"the check {self.name} is async: a check looks at a machine that stands, write `def`")
        if inspect.isgeneratorfunction(function):
            raise VmmError(f"the check {self.name} yields: what it is to say whether all is well, it returns")

    def identity(self) -> str:
        """Its name, and the SHA-256 of the file it is from: another's has another."""
        code = getattr(self.function, "__code__", None)
        file = Path(code.co_filename) if code else None
        data = file.read_bytes() if file and file.is_file() else code.co_code if code else b""
        return f"{self.name} {sha256(data).hexdigest()}"

    def wrong(self, machine: Machine) -> str | None:
        """Why it does not hold, None where it does; NoAnswer."""
        first, again = self._asked(machine), self._asked(machine)
        if (first is None) != (again is None):
            words = ["does not hold" if each else "holds" for each in (first, again)]
            raise NoAnswer(
                f"the check {self.name} {words[0]}, and asked again, of the same machine, it {words[1]}: "
                "its answer must hang on the machine alone"
            )
        return first

    def _asked(self, machine: Machine) -> str | None:
        try:
            with in_time():
                answer = self.function(machine)
                holds = bool(answer)
        except AssertionError as error:
            text = said(error)
            return f"{self.name}: {text}" if text else f"{self.name} does not hold{came_from(error)}"
        except KeyboardInterrupt:
            raise
        except Late as error:
            raise NoAnswer(f"the check {self.name} gave no answer within {PATIENCE:g} s{came_from(error)}") from error
        except BaseException as error:  # sys.exit(), too, is no answer
            raise NoAnswer(f"the check {self.name} raised {words(error)}{came_from(error)}") from error
        if answer is None and not self._asserts:
            raise NoAnswer(f"the check {self.name} returned None: it is to return whether all is well, or to assert it")
        return None if holds or answer is None else f"{self.name} does not hold"


@contextmanager
def in_time() -> Iterator[None]:
    """`Late` in what takes longer than PATIENCE: in the main thread alone, and where nobody else has the alarm."""
    ours = threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGALRM) is signal.SIG_DFL
    if not ours:
        yield
        return
    signal.signal(signal.SIGALRM, _late)
    signal.setitimer(signal.ITIMER_REAL, PATIENCE, PATIENCE)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, signal.SIG_DFL)


def _late(number: int, frame: object) -> None:
    raise Late


def _asserts(function: Callable[..., Any]) -> bool:
    """It has assertions of its own: to get to its end is an answer. Of any other `return` was forgotten."""
    code = getattr(function, "__code__", None)
    steps = dis.get_instructions(code) if code else ()
    return any(
        step.opname == "LOAD_ASSERTION_ERROR" or step.argval in ("AssertionError", AssertionError) for step in steps
    )


def came_from(error: BaseException) -> str:
    """Where in the user's own code it came from."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if HOUSE not in Path(frame.filename).parents]
    return f" ({Path(own[-1].filename).name}:{own[-1].lineno})" if own else ""
