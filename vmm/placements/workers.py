"""Workers in other processes: of our own, or of any `concurrent.futures.Executor`, a cluster's too."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, wait
from contextlib import suppress
from dataclasses import asdict
from typing import Any

from vmm.errors import VmmError
from vmm.placements.conduct import Died
from vmm.placements.order import files_of
from vmm.placements.ranges import Done, Range
from vmm.placements.worker import receive, send, try_range

CODE = """import sys; sys.path[:] = {path!r}
from vmm.placements.worker import main
main({asked}, {answers}, {parent})"""
MOST_JOBS = 256


def _answer(raw: dict[str, Any]) -> Done:
    if "error" in raw:
        raise VmmError(raw["error"])
    return Done.of(raw["done"])


class _Process:
    """One worker."""

    def __init__(self) -> None:
        asked, self._questions = os.pipe()
        self._answers, answers = os.pipe()
        code = CODE.format(path=sys.path, asked=asked, answers=answers, parent=os.getpid())
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-c", code], stdin=subprocess.DEVNULL, pass_fds=(asked, answers),
                start_new_session=True,
            )  # fmt: skip
        finally:
            os.close(asked)
            os.close(answers)
        self._to, self._of = os.fdopen(self._questions, "wb"), os.fdopen(self._answers, "rb")
        self.told = False
        self.ticket: int | None = None

    def fileno(self) -> int:
        return self._answers

    def ask(self, message: dict[str, Any]) -> None:
        """Nothing, where it has died: `answer` says so."""
        with suppress(BrokenPipeError):
            send(self._to, message)

    def answer(self) -> dict[str, Any] | Died:
        """Waited for."""
        raw = receive(self._of)
        if raw is not None:
            return raw
        status = self._process.wait()
        return Died(f"signal {signal.Signals(-status).name}" if status < 0 else f"exit status {status}")

    def end(self) -> None:
        """Now."""
        self._process.kill()
        self._process.wait()
        self._of.close()
        with suppress(BrokenPipeError):
            self._to.close()


class Processes:
    """As many of our own, on this machine, which end with this process, however it ends."""

    def __init__(self, count: int) -> None:
        if not 1 <= count <= MOST_JOBS:
            raise VmmError(f"jobs {count}: there are 1 to {MOST_JOBS}")
        self.count = count
        self._workers: list[_Process] = []
        self._order: str = ""
        self._waiting: deque[tuple[int, Range]] = deque()
        self._tickets = 0

    def __enter__(self) -> Processes:
        try:
            while len(self._workers) < self.count:
                self._workers.append(_Process())
        except OSError as error:
            self.__exit__()
            raise VmmError(f"jobs {self.count}: cannot start a process: {error.strerror}") from error
        return self

    def __exit__(self, *error: object) -> None:
        while self._workers:
            self._workers.pop().end()

    def begin(self, order: dict[str, Any]) -> None:
        """What all of them are to try ranges of."""
        self._order = json.dumps(order)

    def submit(self, part: Range) -> int:
        """Now, or when one is free."""
        self._tickets += 1
        self._waiting.append((self._tickets, part))
        self._give()
        return self._tickets

    def _give(self) -> None:
        for worker in self._workers:
            if worker.ticket is None and self._waiting:
                worker.ticket, part = self._waiting.popleft()
                order = {} if worker.told else {"order": self._order}
                worker.told = True
                worker.ask({"range": asdict(part), **order})

    def done(self, seconds: float | None) -> Iterator[tuple[int, Done | Died]]:
        """A worker that has died is replaced."""
        busy = [each for each in self._workers if each.ticket is not None]
        ready, _, _ = select.select(busy, [], [], seconds)
        for worker in ready:
            raw, ticket = worker.answer(), worker.ticket
            assert ticket is not None
            worker.ticket = None
            if isinstance(raw, Died):
                self._workers.remove(worker)
                worker.end()
                self._workers.append(_Process())
            self._give()
            yield ticket, raw if isinstance(raw, Died) else _answer(raw)


class Borrowed:
    """An executor's: what it has is not ours to end."""

    def __init__(self, executor: Executor, count: int) -> None:
        self._executor, self.count = executor, count
        self._order, self._told = "", dict[str, Any]()
        self._out: dict[Future[dict[str, Any]], tuple[int, Range]] = {}
        self._tickets = 0

    def __enter__(self) -> Borrowed:
        return self

    def __exit__(self, *error: object) -> None:
        for each in self._out:
            each.cancel()
        self._out.clear()

    def begin(self, order: dict[str, Any]) -> None:
        """What all of them are to try ranges of."""
        self._order, self._told = json.dumps(order), order

    def submit(self, part: Range) -> int:
        """It goes to whom the executor gives it."""
        self._tickets += 1
        self._send(self._tickets, part, {})
        return self._tickets

    def _send(self, ticket: int, part: Range, files: dict[str, bytes]) -> None:
        try:
            self._out[self._executor.submit(try_range, self._order, asdict(part), files)] = ticket, part
        except (BrokenExecutor, RuntimeError) as error:
            raise VmmError(f"the executor takes nothing more: {error}") from error

    def done(self, seconds: float | None) -> Iterable[tuple[int, Done | Died]]:
        """Where one has not the files of an exploration, they are sent with its range."""
        for future in wait(self._out, seconds, FIRST_COMPLETED).done:
            ticket, part = self._out.pop(future)
            try:
                raw = future.result()
            except BrokenExecutor as error:
                raise VmmError(f"a worker has died, and with it the executor: {error}") from error
            except Exception as error:  # whatever an executor says of a worker that is not there any more
                yield ticket, Died(f"{type(error).__name__}: {error}".partition("\n")[0])
                continue
            if "missing" in raw:
                here = files_of(self._told)
                self._send(ticket, part, {total: here[total].read_bytes() for total in raw["missing"]})
            else:
                yield ticket, _answer(raw)
