"""Arm semihosting. Source: Arm, "Semihosting for AArch32 and AArch64", chapter "Semihosting operations".

A guest gets a console, an exit and the time; there are no files, and nothing is ever read from the console.
"""

from __future__ import annotations

from collections.abc import Callable

from vmm.devices.pl031 import unix_time
from vmm.devices.rate import SECOND
from vmm.devices.rtc import DEFAULT_START
from vmm.errors import VmmError
from vmm.protocols import Clock, EndRun

SYS_OPEN = 0x01
SYS_CLOSE = 0x02
SYS_WRITEC = 0x03
SYS_WRITE0 = 0x04
SYS_WRITE = 0x05
SYS_ISTTY = 0x09
SYS_CLOCK = 0x10
SYS_TIME = 0x11
SYS_EXIT = 0x18
SYS_EXIT_EXTENDED = 0x20
SYS_ELAPSED = 0x30
SYS_TICKFREQ = 0x31

FAILED = -1
APPLICATION_EXIT = 0x20026
"""ADP_Stopped_ApplicationExit, the one reason that is not an error."""

CONSOLE_NAME = b":tt"
CONSOLE_WRITE_MODES = range(4, 12)  # "w" to "a+b": standard output and standard error
CONSOLE = 1
"""The handle of the console, whatever it was opened for."""

CENTISECOND = SECOND // 100
MOST_BYTES = 0x10000
"""Bytes taken by one operation: a longer string is cut, the rest of a longer write is reported as not written."""


class Semihosting:
    """Does a guest's semihosting calls.

    `read(address, size)` and `write(address, data)` reach the guest's virtual memory at any 64-bit address, and may
    raise VmmError. `output` gets what is written to the console. An exit calls `stop("exit", status)`.
    """

    def __init__(
        self,
        *,
        read: Callable[[int, int], bytes],
        write: Callable[[int, bytes], None],
        output: Callable[[bytes], None],
        stop: EndRun,
        clock: Clock,
    ) -> None:
        self._read = read
        self._write = write
        self._output = output
        self._stop = stop
        self._clock = clock
        self._operations: dict[int, Callable[[int, int], int]] = {
            SYS_OPEN: self._open,
            SYS_CLOSE: self._close,
            SYS_WRITEC: self._write_character,
            SYS_WRITE0: self._write_string,
            SYS_WRITE: self._write_handle,
            SYS_ISTTY: self._is_terminal,
            SYS_CLOCK: lambda parameter, width: self._clock.now() // CENTISECOND,
            SYS_TIME: lambda parameter, width: unix_time(DEFAULT_START) + self._clock.now() // SECOND,
            SYS_EXIT: self._exit,
            SYS_EXIT_EXTENDED: self._exit_extended,
            SYS_ELAPSED: self._elapsed,
            SYS_TICKFREQ: lambda parameter, width: SECOND,
        }

    def call(self, operation: int, parameter: int, aarch64: bool) -> int:
        """The result register of `operation`, unsigned: -1 for an unknown one and for memory that cannot be reached.

        `aarch64`: the call is AArch64's, and the fields of its parameter block have 64 bits instead of 32.
        """
        width = 8 if aarch64 else 4
        action = self._operations.get(operation)
        try:
            result = action(parameter, width) if action else FAILED
        except VmmError:
            result = FAILED
        return result & (1 << 8 * width) - 1

    def _fields(self, block: int, count: int, width: int) -> list[int]:
        data = self._read(block, count * width)
        return [int.from_bytes(data[start : start + width], "little") for start in range(0, len(data), width)]

    def _open(self, block: int, width: int) -> int:
        name, mode, length = self._fields(block, 3, width)
        if mode not in CONSOLE_WRITE_MODES or length != len(CONSOLE_NAME) or self._read(name, length) != CONSOLE_NAME:
            return FAILED
        return CONSOLE

    def _close(self, block: int, width: int) -> int:
        return 0 if self._fields(block, 1, width) == [CONSOLE] else FAILED

    def _is_terminal(self, block: int, width: int) -> int:
        return 1 if self._fields(block, 1, width) == [CONSOLE] else FAILED

    def _write_character(self, address: int, width: int) -> int:
        self._output(self._read(address, 1))
        return 0

    def _write_string(self, address: int, width: int) -> int:
        text = bytearray()
        last = (1 << 8 * width) - 1
        # One byte at a time: what follows the string may not be there.
        while len(text) < MOST_BYTES and (byte := self._read(address + len(text) & last, 1)) != b"\0":
            text += byte
        self._output(bytes(text))
        return 0

    def _write_handle(self, block: int, width: int) -> int:
        """The number of bytes that were not written; -1 for a handle that is not the console's."""
        handle, address, length = self._fields(block, 3, width)
        if handle != CONSOLE:
            return FAILED
        data = self._read(address, min(length, MOST_BYTES))
        self._output(data)
        return length - len(data)

    def _exit(self, parameter: int, width: int) -> int:
        """AArch32 passes the reason itself and has no status to give."""
        if width == 8:
            return self._exit_extended(parameter, width)
        return self._end(parameter, 0)

    def _exit_extended(self, block: int, width: int) -> int:
        reason, subcode = self._fields(block, 2, width)
        return self._end(reason, subcode)

    def _end(self, reason: int, status: int) -> int:
        self._stop("exit", status & 0xFFFFFFFF if reason == APPLICATION_EXIT else 1)
        return 0

    def _elapsed(self, address: int, width: int) -> int:
        """A 64-bit count of ticks, in AArch32 too; a tick is a virtual nanosecond."""
        self._write(address, self._clock.now().to_bytes(8, "little"))
        return 0
