"""What a worker in another process, or on another machine, is told of an exploration: plain data, and no machine.

Files go by path and SHA-256. A worker that does not have one says so, and is sent it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from functools import cached_property
from hashlib import sha256
from importlib import util
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vmm.catalog import name_of, resolve
from vmm.errors import VmmError, words
from vmm.inputs.tape import checksum, module_path
from vmm.placements.bounds import Bounds
from vmm.placements.checks import Function
from vmm.placements.deadline import deadline
from vmm.placements.diagnosing import Wanted
from vmm.placements.predicate import terms
from vmm.placements.ranges import Standing
from vmm.placements.sample import Sample
from vmm.placements.sources import of_machine, source
from vmm.placements.subject import Subject, Window
from vmm.scenario.trigger import Trigger
from vmm.scratch import until_exit
from vmm.version import described

if TYPE_CHECKING:
    from vmm.machine.machine import Machine
    from vmm.machine.options import Options

ANOTHER = "explore it in one process"


class Missing(Exception):
    """Files that a worker has not, by their SHA-256."""

    def __init__(self, sums: list[str]) -> None:
        super().__init__(*sums)
        self.sums = sums


def order(
    subject: Subject, machine: Machine, sources: Sequence[str], checks: Sequence[str],
    functions: Sequence[Callable[..., Any]], bounds: Bounds, patience: int, sample: Sample | None, *, collects: bool,
) -> dict[str, Any]:  # fmt: skip
    """It as JSON has it; VmmError for a function that is in no file."""
    window, found = subject.window, machine.source
    if isinstance(window.begin, Trigger):
        raise VmmError(f"between: other processes know no {window.begin}: begin at a location or insn:N, or {ANOTHER}")
    return {
        "vmm": described(), "image": [name_of(subject.path), str(subject.path.absolute()), checksum(subject.path)],
        "modules": [_module(each) for each in (found.modules if found else ())],
        "load address": subject.load_address, "config": machine.config.plain(),
        "window": [window.begin, window.end, window.until, window.hit],
        "sources": list(sources), "checks": list(checks), "functions": [_function(each) for each in functions],
        "prepare": subject.prepare and _function(subject.prepare), "patience": patience,
        "depth": bounds.depth, "reads": bounds.reads, "insns": bounds.insns, "reduction": bounds.reduction,
        "deadline": bounds.deadline and bounds.deadline.text, "stack": bounds.stack,
        "sample": sample and asdict(sample), "collects": collects, "diagnose": list(subject.diagnoses.words),
    }  # fmt: skip


def files_of(told: dict[str, Any]) -> dict[str, Path]:
    """Of an order, by their SHA-256, where they lie here."""
    functions = [*told["functions"], *([told["prepare"]] if told["prepare"] else [])]
    return {
        told["image"][2]: Path(told["image"][1]), **{total: Path(path) for path, _, total in told["modules"]},
        **{total: Path(file) for file, _, total in functions},
    }  # fmt: skip


def _module(text: str) -> list[str]:
    path = module_path(text)
    return [str(path), text[len(str(path)) :], checksum(path)]


def _function(function: Callable[..., Any]) -> list[str]:
    """Its file, its name there, and the file's SHA-256."""
    code = getattr(function, "__code__", None)
    name = getattr(function, "__qualname__", "")
    file = Path(code.co_filename).absolute() if code else None
    if file is None or not file.is_file() or not name.isidentifier():
        called = getattr(function, "__name__", repr(function))
        raise VmmError(
            f"{called}: other processes find a function by its file and name: define it with `def` at the top of a "
            f"file, or {ANOTHER}"
        )
    return [str(file), name, checksum(file)]


class Ordered:
    """An order, as a worker carries it out. `files`: what it was sent, by SHA-256."""

    def __init__(self, told: dict[str, Any], files: dict[str, bytes]) -> None:
        if told["vmm"] != described():
            raise VmmError(f"a worker has vmm {described()}, not {told['vmm']}: all of them need the same")
        self._told, self._files = told, files
        self._modules: dict[str, Any] = {}
        if missing := [total for total, path in files_of(told).items() if not self._have(path, total)]:
            raise Missing(missing)

    def _have(self, path: Path, total: str) -> bool:
        if total in self._files or _is(path, total):
            return True
        return total == self._told["image"][2] and self._named() is not None

    def _named(self) -> Path | None:
        """The image of that name here."""
        try:
            path = resolve(self._told["image"][0])
        except VmmError:
            return None
        return path if _is(path, self._told["image"][2]) else None

    @cached_property
    def _sent(self) -> Path:
        return until_exit()

    def _file(self, path: Path, total: str) -> Path:
        """Where it lies here."""
        if _is(path, total):
            return path
        if total not in self._files and (named := self._named()):
            return named
        folder = self._sent / total
        folder.mkdir(exist_ok=True)
        (folder / path.name).write_bytes(self._files[total])
        return folder / path.name

    def _called(self, raw: Sequence[str]) -> Callable[[Machine], Any]:
        """The function of that name; what its file raises is a line."""
        path, name, total = raw
        file = self._file(Path(path), total)
        if str(file) not in self._modules:
            self._modules[str(file)] = _imported(file, f"__vmm_{total[:16]}__")
        function: Callable[[Machine], Any] | None = getattr(self._modules[str(file)], name, None)
        if not callable(function):
            raise VmmError(f"{path}: {name} is no function at the top of it: a worker does not find it")
        return function

    def standing(self) -> Standing:
        """A machine of it, at the window's first boundary."""
        told = self._told
        begin, end, until, hit = told["window"]
        path, prepare = self._file(Path(told["image"][1]), told["image"][2]), told["prepare"]
        config: Options = told["config"]
        subject = Subject(
            str(path), config, Window(begin, end, until, hit), self._called(prepare) if prepare else None,
            [f"{self._file(Path(file), total)}{rest}" for file, rest, total in told["modules"]], told["load address"],
            Wanted.of(told["diagnose"]),
        )  # fmt: skip
        machine = subject.boot()
        subject.enter(machine)
        sources, checks = of_machine([source(each) for each in told["sources"]], machine), list(told["checks"])
        bounds = replace(Bounds(), **{name: told[name] for name in ("depth", "reads", "insns", "reduction", "stack")})
        if told["deadline"] is not None:
            bounds = replace(bounds, deadline=deadline(told["deadline"]))
        return Standing(
            machine, subject.window, sources, [term for each in checks for term in terms(each)],
            [Function(self._called(each)) for each in told["functions"]], bounds, told["patience"], subject.diagnoses,
            told["sample"] and Sample(**told["sample"]), collects=told["collects"],
        )  # fmt: skip


def _is(path: Path, total: str) -> bool:
    try:
        return sha256(path.read_bytes()).hexdigest() == total
    except OSError:
        return False


def _imported(file: Path, name: str) -> Any:
    sys.path.insert(0, str(file.parent))
    try:
        spec = util.spec_from_file_location(name, file)
        assert spec and spec.loader
        module = util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise VmmError(f"{file}: a worker cannot import it: {words(error)}") from error
    return module
