"""Who writes a run's log to a tape: what `Machine.recording` gives."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType

from vmm import catalog
from vmm.core.native import unicorn_version
from vmm.inputs import tape
from vmm.inputs.run_log import RunLog
from vmm.inputs.tape import Header, module_path
from vmm.output import OutputFile
from vmm.version import __version__


class Recorder:
    """Of one machine, from before its first instruction. As a context it ends with the context, and writes `file`."""

    def __init__(self, log: RunLog, inputs: list[Path], *, part: bool = False) -> None:
        """`inputs` are not written over; `part`: the log is another's, too, and goes on when this one ends."""
        self.log = log
        self.file: OutputFile | None = None
        self._inputs, self._part = inputs, part
        self.shared = False
        """Somebody else may record the machine, too: what they get is a part of this."""

    def __repr__(self) -> str:
        return f"<Recorder{f': {self.file.what}' if self.file else ''}>"

    def save(self, path: Path | str) -> None:
        """Write what was recorded so far; VmmError where that cannot be written."""
        with OutputFile("recording", path, inputs=self._inputs) as file:
            tape.write(file, self.log.tape())

    def stop(self) -> None:
        """Record no more."""
        if not self._part:
            self.log.stop()

    def fail(self, error: BaseException) -> None:
        """The run ended with an error."""
        self.log.fail(error)

    def ended(self, status: int, why: str | None) -> None:
        """The exit status of the command that ran the machine, and what ended the run, if not the machine."""
        self.log.status, self.log.why = status, why

    def __enter__(self) -> Recorder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if value is not None:
            self.fail(value)
        try:
            if self.file:
                with self.file:
                    tape.write(self.file, self.log.tape())
        finally:
            self.stop()


def header(image: Path, modules: tuple[str, ...], load_address: int | None, config: dict[str, int | str]) -> Header:
    """What a machine was built from: its image, modules as `--initrd` names them, both whole paths, and plain values of
    its Config.
    """
    files = tuple((module, tape.checksum(module_path(module))) for module in modules)
    return Header(
        __version__, unicorn_version(), (catalog.name_of(image), tape.checksum(image)), files, load_address, config
    )
