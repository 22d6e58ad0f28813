"""The machines of one test: built from what the test, its markers and the command line say, closed when it ends."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from vmm.coverage.coverage import Coverage
from vmm.diagnoses.diagnosed import Diagnoses
from vmm.errors import VmmError
from vmm.inputs.console import taker
from vmm.inputs.recorder import Recorder
from vmm.inputs.tape import modules_of
from vmm.machine.config import Config
from vmm.machine.machine import Machine, boot
from vmm.machine.options import Options, takes_options
from vmm.machine.snapshot import Snapshot
from vmm.testing.images import Images

if TYPE_CHECKING:
    from typing_extensions import Unpack

MOST = 100_000_000
"""Instructions a machine runs unless its test sets another limit: one that never ends fails, and hangs nobody."""
SEEDS = 1 << 64
QUIET = Config(console=None)
"""Else output of tests that pass would be in the way."""


class Then(NamedTuple):
    """A machine at a boundary."""

    snapshot: Snapshot
    written: int
    """Bytes that the guest had written to the console."""


@dataclass(frozen=True)
class Tested:
    """A machine of a test and what is known of it besides."""

    name: str
    """As the test named its image, with a number where there are several."""
    machine: Machine
    console: bytearray
    """What the guest has written so far."""
    recorder: Recorder
    """What can be saved for `vmm replay`."""
    diagnoses: Diagnoses | None = None
    """What is looked for, where its test asks."""

    def then(self) -> Then:
        """It as it is."""
        return Then(self.machine.snapshot(), len(self.console))

    def back(self, then: Then) -> None:
        """It is as it was then."""
        self.machine.restore(then.snapshot)
        del self.console[then.written :]


class Machines:
    """A factory: calling it makes a machine with an image loaded."""

    def __init__(
        self, images: Images, directory: Path, defaults: Options, *, trace: bool = False,
        coverage: Coverage | None = None, diagnose: Sequence[str] = (),
    ) -> None:  # fmt: skip
        """`directory` is where the test lies, `defaults` are for options that a call leaves out; `trace`: every event
        is kept for the report; `coverage` collects what they run; `diagnose`: what is looked for in it.
        """
        self._images, self._directory = images, directory
        self._defaults, self._trace, self.coverage = defaults, trace, coverage
        self._diagnose = diagnose
        self._lent: list[Tested] = []
        self.tested: list[Tested] = []

    @takes_options(QUIET)
    def __call__(
        self,
        image: str | Path,
        *,
        initrd: Sequence[str] = (),
        load_address: int | None = None,
        prepare: Callable[[Machine], Any] | None = None,
        **options: Unpack[Options],
    ) -> Machine:
        """A machine with `image` loaded; `options` are those of `Options`, and what is left out is as the image wants
        it. What the guest writes is in the report of a test that fails, and goes to `console`, if one is given.

        `prepare` is called with the machine before anybody else has it: to attach devices, set traps, start scenarios.
        VmmError for an unknown option, and for an image that is not there, does not assemble or does not fit.
        """
        options = self._with_defaults(options)
        console, listener = bytearray(), taker(options.pop("console", None))

        def write(data: bytes) -> None:
            console.extend(data)
            listener(data)

        options["console"] = write
        path, modules = self._files(image, initrd)
        machine = boot(path, initrd=modules, load_address=load_address, **options)
        recorder = machine.recording()
        recorder.shared = True
        machine.limit(insns=MOST)
        if self._trace:
            machine.trace.record()
        if self.coverage:
            self.coverage.watch(machine)
        diagnoses = machine.diagnose(*self._diagnose) if self._diagnose else None
        self.tested.append(Tested(self._name(str(image)), machine, console, recorder, diagnoses))
        if prepare:
            prepare(machine)
        return machine

    def lend(self, tested: Tested) -> Machine:
        """One of others, which does not end with these."""
        self._lent.append(tested)
        self.tested.append(tested)
        return tested.machine

    def wanted(self, image: str | Path, options: dict[str, Any]) -> tuple[Path, dict[str, Any]]:
        """What somebody else would boot a machine with, to make the same one: a call's image and `options`."""
        path, modules = self._files(image, options.get("initrd", ()))
        whole = cast(dict[str, Any], self._with_defaults(cast(Options, options)))
        return path, whole | ({"initrd": modules} if modules else {})

    def _with_defaults(self, options: Options) -> Options:
        options = self._defaults | options
        _check_seed(options.get("seed", 0))
        return options

    def _files(self, image: str | Path, initrd: Sequence[str]) -> tuple[Path, list[str]]:
        """An image and its modules, where they lie."""
        return self._images.find(image, self._directory), [
            str(self._directory / module) for module in modules_of(initrd)
        ]

    def _name(self, image: str) -> str:
        same = sum(tested.name.partition(" ")[0] == image for tested in self.tested)
        return f"{image} ({same + 1})" if same else image

    def check(self) -> None:
        """VmmError where a diagnosis is certain of something in one of them."""
        for tested in self.tested:
            if tested.diagnoses:
                tested.diagnoses.check()

    def close(self) -> None:
        """End all of them, though a scenario of one fails at that."""
        with ExitStack() as last:
            if self.coverage:
                last.callback(self.coverage.collect)
            for tested in (each for each in self.tested if each not in self._lent):
                last.callback(tested.machine.close)


def _check_seed(seed: Any) -> None:
    if not isinstance(seed, int) or not 0 <= seed < SEEDS:
        raise VmmError(f"seed {seed!r} is not a number from 0 to 2^64-1")
