"""A file that a run writes: opened before the run, so that a wrong path costs nobody a run.

What it will hold is written beside it, under no name where the file system can do that, and takes its place when it is
complete: so a run that is killed and a full disk leave what was there before. A stream, which others read meanwhile,
takes its place when the run begins, for a command may still be refused, and a full disk leaves whole lines of it.

Only a regular file is replaced, through symbolic links the one they lead to, and never a file that was read. A pipe, a
character device and a descriptor of the process (/dev/stdout, /dev/fd/N) are written into. The path is one of
where the process was when it was opened.
"""

from __future__ import annotations

import errno
import os
import re
import stat
import weakref
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from vmm.errors import VmmError

BUFFER = 8192
OWN_DESCRIPTOR = re.compile(r"/dev/fd/(\d+)|/proc/self/fd/(\d+)|/dev/std(in|out|err)")
STANDARD = {"in": 0, "out": 1, "err": 2}


class OutputFile:
    """Text or bytes for `option`'s file; VmmError names both for whatever goes wrong with it.

    As a context it ends complete if all of it could be written, whatever happened otherwise; where nothing was written,
    nothing is left. A stream is left where it has begun, empty or not, and where an error comes before that it is not.
    `inputs` are files that it must not be.
    """

    def __init__(self, option: str, path: Path | str, *, inputs: Iterable[Path] = (), stream: bool = False) -> None:
        self.what = f"{option} {path}"
        self._pending, self._stream = bytearray(), stream
        self._begun = self._written = self._failed = False
        try:
            self._sink = _sink(_absolute(path), list(map(_absolute, inputs)))
        except OSError as error:
            raise self._error(error) from error
        self._close = weakref.finalize(self, self._sink.close)

    @property
    def place(self) -> object:
        """What two outputs must not have in common; None: two may write there."""
        return self._sink.place

    def write(self, data: str | bytes) -> None:
        """After a failure that was raised once, nothing."""
        if self._failed:
            return
        self._written = True
        self._pending += data.encode(errors="surrogateescape") if isinstance(data, str) else data
        if len(self._pending) >= BUFFER:
            self._flush()

    def begin(self) -> None:
        """A stream takes its place, if it has not yet."""
        if not self._stream:
            return
        self._begun = True
        try:
            self._sink.complete()
        except OSError as error:
            raise self._error(error) from error

    def _flush(self) -> None:
        data = bytes(self._pending)
        self._pending.clear()
        self.begin()
        try:
            self._sink.write(data)
        except OSError as error:
            self._failed = True
            raise self._error(error) from error
        except BaseException:
            self._failed = True
            raise

    def __enter__(self) -> OutputFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        refused = self._stream and not self._begun and kind is not None
        try:
            if self._pending and not self._failed and not refused:
                self._flush()
            if (self._written or self._stream) and not self._failed and not refused:
                self._sink.complete()
        except OSError as error:
            raise self._error(error) from error
        finally:
            self._close()

    def _error(self, error: OSError) -> VmmError:
        return VmmError(f"{self.what}: cannot write: {error.strerror or error}")


class Outputs:
    """Of one command: none is one of its inputs, and none is another's."""

    def __init__(self, inputs: Iterable[Path]) -> None:
        self._inputs = list(inputs)
        self._opened: list[OutputFile] = []

    def open(self, option: str, path: Path | str, *, stream: bool = False) -> OutputFile:
        """As OutputFile; VmmError also where another output goes."""
        file = OutputFile(option, path, inputs=self._inputs, stream=stream)
        self.claim(file)
        return file

    def begin(self) -> None:
        """Nothing refuses the command any more: streams are there from now on, for who reads them meanwhile."""
        for file in self._opened:
            file.begin()

    def claim(self, file: OutputFile) -> None:
        """It is one of them, whoever opened it; VmmError where another goes to the same place."""
        for other in self._opened:
            if file.place is not None and other.place == file.place:
                with file:
                    raise VmmError(f"{file.what}: cannot write: {other.what} goes there, too")
        self._opened.append(file)


# ---- where it goes ----


class _Into:
    """What is there already, and is not a regular file, or is open: written into."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        status = os.fstat(descriptor)
        self.place = None if stat.S_ISCHR(status.st_mode) else (status.st_dev, status.st_ino)

    def write(self, data: bytes) -> None:
        _write(self._descriptor, data)

    def complete(self) -> None:
        """As it is."""

    def close(self) -> None:
        os.close(self._descriptor)


class _Beside:
    """A regular file, or none yet."""

    def __init__(self, target: str, inputs: list[str]) -> None:
        self._target, self._inputs = target, inputs
        directory, name = os.path.split(target)
        parent = os.stat(directory)  # noqa: PTH116
        self.place = (parent.st_dev, parent.st_ino, name)
        self._beside: str | None = None
        self._check()
        self._descriptor = self._create(directory)
        self._published = False
        try:
            if before := _status(target):
                os.fchmod(self._descriptor, stat.S_IMODE(before.st_mode))
        except BaseException:
            self.close()
            raise

    def _check(self) -> None:
        """Now and before it is replaced, for a run is long."""
        status = _status(self._target)
        if status is None:
            return
        _refuse(status, self._inputs)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EEXIST, "something else has taken its place")
        if not os.access(self._target, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    def _create(self, directory: str) -> int:
        """Without a name, if the file system can; else under one that nobody can foretell."""
        try:
            return os.open(directory, os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o666)
        except OSError as error:
            if error.errno not in (errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL):
                raise
        self._beside = _unforetold(directory)
        return os.open(self._beside, os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_RDWR | os.O_CLOEXEC, 0o666)

    def _publish(self) -> None:
        self._check()
        if self._beside is None:
            beside = _unforetold(os.path.dirname(self._target))  # noqa: PTH120
            os.link(f"/proc/self/fd/{self._descriptor}", beside, src_dir_fd=self._descriptor, follow_symlinks=True)
            self._beside = beside
        os.replace(self._beside, self._target)  # noqa: PTH105
        self._beside = None

    def write(self, data: bytes) -> None:
        begin = os.lseek(self._descriptor, 0, os.SEEK_CUR)
        try:
            _write(self._descriptor, data)
        except BaseException:
            written = data[: os.lseek(self._descriptor, 0, os.SEEK_CUR) - begin]
            os.ftruncate(self._descriptor, begin + written.rfind(b"\n") + 1)
            raise

    def complete(self) -> None:
        if not self._published:
            self._publish()
            self._published = True

    def close(self) -> None:
        if self._beside is not None:
            with suppress(FileNotFoundError):
                os.unlink(self._beside)  # noqa: PTH108
        os.close(self._descriptor)


def _absolute(path: Path | str) -> str:
    return os.path.abspath(path)  # noqa: PTH100, which would follow links


def _sink(path: str, inputs: list[str]) -> _Into | _Beside:
    if own := OWN_DESCRIPTOR.fullmatch(path):
        number, process, name = own.groups()
        return _into(os.dup(STANDARD[name] if name else int(number or process)), inputs)
    status = _status(path)
    if status is None or stat.S_ISREG(status.st_mode):
        return _Beside(os.path.realpath(path), inputs)
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if not (stat.S_ISFIFO(status.st_mode) or stat.S_ISCHR(status.st_mode)):
        raise OSError(errno.ENODEV, "it is a block device or a socket")
    return _into(os.open(path, os.O_WRONLY | os.O_NOCTTY | os.O_CLOEXEC), inputs)


def _into(descriptor: int, inputs: list[str]) -> _Into:
    try:
        _refuse(os.fstat(descriptor), inputs)
        return _Into(descriptor)
    except BaseException:
        os.close(descriptor)
        raise


def _status(path: str) -> os.stat_result | None:
    """Of what it leads to, if there is anything."""
    try:
        return os.stat(path)  # noqa: PTH116
    except FileNotFoundError:
        return None


def _refuse(status: os.stat_result, inputs: list[str]) -> None:
    """By what a name leads to: links of both kinds are seen through."""
    for each in inputs if stat.S_ISREG(status.st_mode) else ():
        found = _status(each)
        if found and os.path.samestat(found, status):
            raise OSError(errno.EEXIST, f"it is an input, {each}")


def _unforetold(directory: str) -> str:
    return os.path.join(directory, f".vmm-{os.urandom(8).hex()}")  # noqa: PTH118


def _write(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
