"""A worker: it is told of an exploration, keeps a machine at its window, and tries the ranges that it is given."""

from __future__ import annotations

import ctypes
import json
import os
import signal
import struct
import threading
from dataclasses import asdict
from hashlib import sha256
from typing import Any, BinaryIO

from vmm.errors import VmmError
from vmm.placements.order import Missing, Ordered
from vmm.placements.ranges import Range, Standing

LENGTH = struct.Struct("<Q")
PR_SET_PDEATHSIG = 1
MOST_KEPT = 2
"""Machines of explorations, in one process."""

_kept: dict[str, list[Standing]] = {}
"""Those that nobody uses now, by their order, the last used last: threads of one process have one each."""
_lock = threading.Lock()


def try_range(order: str, part: dict[str, Any], files: dict[str, bytes]) -> dict[str, Any]:
    """What came of it: a `Done`, what is missing, or a user's error, as plain data. `order` is JSON."""
    name = sha256(order.encode()).hexdigest()
    try:
        standing = _taken(name) or Ordered(json.loads(order), files).standing().__enter__()
        done = standing.tried(Range(**part)).plain()
    except Missing as error:
        return {"missing": error.sums}
    except VmmError as error:
        return {"error": str(error)}
    _put(name, standing)
    return {"done": done}


def _taken(name: str) -> Standing | None:
    with _lock:
        there = _kept.get(name)
        return there.pop() if there else None


def _put(name: str, standing: Standing) -> None:
    with _lock:
        _kept[name] = [*_kept.pop(name, []), standing]
        old = list(_kept)[:-MOST_KEPT]
        gone = [each for name in old for each in _kept.pop(name)]
    for each in gone:
        each.__exit__(None, None, None)


# ---- a process of our own ----


def send(file: BinaryIO, message: dict[str, Any]) -> None:
    """A line of JSON, with its length before it."""
    data = json.dumps(message).encode()
    file.write(LENGTH.pack(len(data)) + data)
    file.flush()


def receive(file: BinaryIO) -> dict[str, Any] | None:
    """None: nothing more will come."""
    head = file.read(LENGTH.size)
    if len(head) < LENGTH.size:
        return None
    length = LENGTH.unpack(head)[0]
    data = file.read(length)
    if len(data) < length:  # who sends died meanwhile
        return None
    message: dict[str, Any] = json.loads(data)
    return message


def main(asked: int, answers: int, parent: int) -> None:
    """Answer what comes by the one pipe through the other, as long as the process `parent` lives."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        return
    order = ""
    with os.fdopen(asked, "rb") as questions, os.fdopen(answers, "wb") as told:
        while message := receive(questions):
            order = message.get("order", order)
            send(told, try_range(order, asdict(Range(**message["range"])), {}))


__all__ = ["main", "receive", "send", "try_range"]
