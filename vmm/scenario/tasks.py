"""Scenarios that run beside a guest: coroutines, each waiting for a trigger, resumed while the machine stands.

What two scenarios do at one boundary happens in the order they were started in. An error of one ends it, and comes out
of the run, unless others await it: then it is theirs.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Coroutine, Generator
from itertools import pairwise
from typing import Any, Generic, TypeVar

from vmm.core.native import check_in_hand
from vmm.errors import VmmError
from vmm.scenario.trigger import Context, Given, Trigger, Wait

__all__ = ["Task"]

T = TypeVar("T")


class NoScenario(VmmError):
    """What was started is none."""


MOST_AWAITS = 100
"""Of a scenario that is given up: each raises."""


class Task(Generic[Given]):
    """A scenario under way. Await it to get what it returns."""

    def __init__(self, name: str, coroutine: Coroutine[Any, Any, Given]) -> None:
        self.name = name
        self.coroutine = coroutine
        self.wait: Wait | None = None
        self.finished = False
        self.result: Any = None
        self.error: Exception | None = None
        """What ended it, if it did not come to its end."""

    def __repr__(self) -> str:
        ended = f"failed: {self.error!r}" if self.error else f"has ended and gave {self.result!r}"
        return f"<Task {self.name} {ended}>" if self.finished else f"<Task {self.story()}>"

    def __await__(self) -> Generator[Task[Any], Any, Given]:
        returned: Given = yield self
        return returned

    @property
    def for_time(self) -> bool:
        """It waits, and only for time to pass."""
        return self.wait is not None and self.wait.for_time

    def story(self) -> str:
        """What it waits for, in words."""
        return f"{self.name} waits for {self.wait.story()}" if self.wait else self.name


class TaskWait(Wait):
    """For another task's end."""

    def __init__(self, task: Task[Any]) -> None:
        self._task = task

    def done(self) -> bool:
        """Raises what ended it."""
        if self._task.error:
            raise self._task.error
        self.result = self._task.result
        return self._task.finished

    @property
    def for_time(self) -> bool:
        return self._task.for_time

    def is_for(self, task: Task[Any]) -> bool:
        return self._task is task

    def cancel(self) -> None:
        """It goes on without us."""

    def story(self) -> str:
        return f"the end of {self._task.name}"


class Tasks:
    """All scenarios of a machine."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._tasks: list[Task[Any]] = []
        self._closing = False
        self.started = 0
        """So many, ever."""
        self.running: Task[Any] | None = None
        """The one whose code runs now."""

    def start(self, scenario: Callable[..., Coroutine[Any, Any, T]] | Coroutine[Any, Any, T], machine: Any) -> Task[T]:
        """Begin `scenario`, an async function of the machine or a coroutine; it runs up to its first await. VmmError
        for what is neither.
        """
        check_in_hand(self._context.native)
        if self._closing:
            raise VmmError(f"{_name(scenario)} cannot be started: the machine's scenarios are being given up")
        if callable(scenario):
            _check_takes_one(scenario)
        coroutine = scenario(machine) if callable(scenario) else scenario
        if not inspect.iscoroutine(coroutine):
            raise NoScenario(f"{_name(scenario)} is not an async function: write `async def`, and await triggers in it")
        task = Task(_name(scenario), coroutine)
        self._tasks.append(task)
        self.started += 1
        self._resume(task, coroutine.send, None)
        return task

    def step(self) -> None:
        """Resume everybody whose wait is over, until nobody's is."""
        moved = True
        while moved:
            moved = False
            for task in list(self._tasks):
                moved |= self._step(task)

    def _step(self, task: Task[Any]) -> bool:
        """Whether its wait was over; what a wait raises is raised where it is awaited."""
        wait = task.wait
        if wait is None:
            return False
        try:
            if not wait.done():
                return False
        except Exception as error:
            wait.cancel()
            self._resume(task, task.coroutine.throw, error)
        else:
            self._resume(task, task.coroutine.send, wait.result)
        return True

    def waiting(self, *, but_for_time: bool = False) -> list[str]:
        """Who still waits, and for what, in words; all, or but for those who only let time pass."""
        tasks = (task for task in self._tasks if not (but_for_time and task.for_time))
        return [task.story() for task in tasks if not task.finished]

    def close(self) -> None:
        """Give all of them up: every `finally` block runs, whatever another's raises. The last error is raised, with
        the others as its context.
        """
        check_in_hand(self._context.native)
        if self.running:
            raise VmmError(f"close() inside scenario {self.running.name}: it cannot give itself up")
        tasks, self._tasks, self._closing = self._tasks, [], True
        errors: list[BaseException] = []
        for task in tasks:
            try:
                self._give_up(task)
            except BaseException as error:
                errors.append(error)
        self._closing = False
        if errors:
            raise _all_of(errors)

    def _give_up(self, task: Task[Any]) -> None:
        if task.wait:
            task.wait.cancel()
        task.wait, task.finished, self.running = None, True, task
        try:
            task.coroutine.throw(GeneratorExit)
            for _ in range(MOST_AWAITS):
                task.coroutine.throw(VmmError(f"scenario {task.name} is given up: it can await nothing more"))
            raise VmmError(f"scenario {task.name} is given up, and does not end: it awaits on and on")
        except (StopIteration, GeneratorExit):
            pass
        finally:
            self.running = None

    def _resume(self, task: Task[Any], go_on: Callable[[Any], Any], value: object) -> None:
        """`go_on` is the coroutine's `send` or `throw`."""
        before, self.running = self.running, task
        task.wait = None
        try:
            awaited = go_on(value)
            while True:
                try:
                    task.wait = self._wait_for(awaited)
                    break
                except Exception as error:  # the script's own: it may catch it, and its line is in the traceback
                    awaited = task.coroutine.throw(error)
        except StopIteration as end:
            task.result = end.value
            self._end(task)
        except Exception as error:
            task.error = error
            self._end(task)
            if not any(isinstance(other.wait, TaskWait) and other.wait.is_for(task) for other in self._tasks):
                raise
        except BaseException:
            self._end(task)
            raise
        finally:
            self.running = before

    def _end(self, task: Task[Any]) -> None:
        task.finished = True
        self._tasks.remove(task)

    def _wait_for(self, awaited: object) -> Wait:
        if isinstance(awaited, Task):
            if awaited is self.running:
                raise VmmError(f"scenario {awaited.name} awaits its own end")
            return TaskWait(awaited)
        if not isinstance(awaited, Trigger):
            raise VmmError(f"a scenario cannot await {awaited!r}: only triggers and tasks of vmm's")
        return awaited.prime(self._context)


def _check_takes_one(scenario: Callable[..., Any]) -> None:
    try:
        inspect.signature(scenario).bind(None)
    except TypeError as error:
        code = getattr(scenario, "__code__", None)
        place = f"{code.co_filename}:{code.co_firstlineno}: " if code else ""
        raise NoScenario(f"{place}{_name(scenario)} is called with the machine, and nothing else: {error}") from None
    except ValueError:  # some functions in C have no signature to read
        pass


def _all_of(errors: list[BaseException]) -> BaseException:
    """The last of them, or of those that nobody is to catch; the others come before it in its context."""
    errors.sort(key=lambda error: not isinstance(error, Exception))
    for earlier, later in pairwise(errors):
        end = later
        while end.__context__ is not None and end is not earlier:
            end = end.__context__
        if end is not earlier:
            end.__context__ = earlier
    return errors[-1]


def _name(scenario: object) -> str:
    return str(getattr(scenario, "__qualname__", repr(scenario)))
