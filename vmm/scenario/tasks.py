"""Scenarios that run beside a guest: coroutines, each waiting for a trigger, resumed while the machine stands.

What two scenarios do at one boundary happens in the order they were started in.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Coroutine, Generator
from typing import Any

from vmm.errors import VmmError
from vmm.scenario.trigger import Context, Trigger, Wait


class Task:
    """A scenario under way. Await it to get what it returns."""

    def __init__(self, name: str, coroutine: Coroutine[Any, Any, Any]) -> None:
        self.name = name
        self.coroutine = coroutine
        self.wait: Wait | None = None
        self.finished = False
        self.result: Any = None

    def __await__(self) -> Generator[Task, Any, Any]:
        return (yield self)

    def story(self) -> str:
        """What it waits for, in words."""
        return f"{self.name} waits for {self.wait.story()}" if self.wait else self.name


class TaskWait(Wait):
    """For another task's end."""

    def __init__(self, task: Task) -> None:
        self._task = task

    def done(self) -> bool:
        self.result = self._task.result
        return self._task.finished

    def cancel(self) -> None:
        """It goes on without us."""

    def story(self) -> str:
        return f"the end of {self._task.name}"


class Tasks:
    """All scenarios of a machine."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._tasks: list[Task] = []
        self.running: Task | None = None
        """The one whose code runs now."""

    def start(self, scenario: Callable[..., Any] | Coroutine[Any, Any, Any], machine: Any) -> Task:
        """Begin `scenario`, an async function of the machine or a coroutine; it runs up to its first await. VmmError
        for what is neither.
        """
        coroutine = scenario(machine) if callable(scenario) else scenario
        if not inspect.iscoroutine(coroutine):
            raise VmmError(f"{_name(scenario)} is not an async function: write `async def`, and await triggers in it")
        task = Task(_name(scenario), coroutine)
        self._tasks.append(task)
        self._resume(task, None)
        return task

    def step(self) -> None:
        """Resume everybody whose wait is over, until nobody's is."""
        moved = True
        while moved:
            moved = False
            for task in list(self._tasks):
                if task.wait is not None and task.wait.done():
                    self._resume(task, task.wait.result)
                    moved = True

    def waiting(self) -> list[str]:
        """Who still waits, and for what, in words."""
        return [task.story() for task in self._tasks if not task.finished]

    def close(self) -> None:
        """Give all of them up; their `finally` blocks run."""
        for task in self._tasks:
            if task.wait:
                task.wait.cancel()
            task.coroutine.close()
        self._tasks.clear()

    def _resume(self, task: Task, value: object) -> None:
        before, self.running = self.running, task
        task.wait = None
        try:
            awaited = task.coroutine.send(value)
            while True:
                try:
                    task.wait = self._wait_for(awaited)
                    break
                except VmmError as error:  # the script's own: it may catch it, and its line is in the traceback
                    awaited = task.coroutine.throw(error)
        except StopIteration as end:
            task.finished, task.result = True, end.value
            self._tasks.remove(task)
        except BaseException:
            task.finished = True
            self._tasks.remove(task)
            raise
        finally:
            self.running = before

    def _wait_for(self, awaited: object) -> Wait:
        if isinstance(awaited, Task):
            return TaskWait(awaited)
        if not isinstance(awaited, Trigger):
            raise VmmError(f"a scenario cannot await {awaited!r}: only triggers and tasks of vmm's")
        return awaited.prime(self._context)


def _name(scenario: object) -> str:
    return str(getattr(scenario, "__qualname__", repr(scenario)))
