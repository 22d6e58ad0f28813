"""The first serial port, to and from the world outside."""

from __future__ import annotations

import codecs
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol

from vmm.core.device_state import DeviceState
from vmm.core.native import lib
from vmm.errors import VmmError, within
from vmm.inputs.decisions import Inputs

if TYPE_CHECKING:
    from vmm._native import vmm_machine

Taker = Callable[[bytes], Any] | Literal["stdout"] | None
"""Who takes what the guest writes: a function; "stdout": it is printed; None: nobody."""


HEARD = {"nothing": lib.VMM_HEARD_BY_NOBODY, "later": lib.VMM_HEARD_LATER, "at once": lib.VMM_HEARD_AT_ONCE}
"""By what a taker's `HEARS` says."""


class StandardOutput:
    """Prints on `sys.stdout`, whichever that is by then: a terminal, a notebook's cell, what it was redirected to."""

    HEARS: ClassVar = "later"

    def __init__(self) -> None:
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode

    def __call__(self, data: bytes) -> None:
        text, stream = self._decode(data), sys.stdout
        if not text or stream is None:
            return
        try:
            stream.write(text)
        except UnicodeEncodeError:
            stream.write(text.encode(stream.encoding, "replace").decode(stream.encoding))


class Nobody:
    """Takes it, and that is all."""

    HEARS: ClassVar = "nothing"

    def __call__(self, data: bytes) -> None:
        """It is gone."""


def taker(given: Taker) -> Callable[[bytes], Any]:
    """The function that `given` means; VmmError for what is none."""
    if given is None:
        return Nobody()
    if given == "stdout":
        return StandardOutput()
    if not callable(given):
        raise VmmError(f'console={given!r}: it is a function that takes bytes, "stdout" or None')
    return given


class SerialPort(Protocol):
    """A device that takes what is typed."""

    def receive(self, data: bytes) -> None: ...

    def arrive(self, byte: int) -> None: ...


class ConsoleOutput:
    """What the guest writes: for who took it when the machine was built, and for who listens meanwhile.

    A function may look at the machine, and do something to it: it is called within the instruction, byte by byte, and
    so is who listens, for a recording or a trigger. A taker that only passes on what it is given says so: `HEARS`.
    """

    def __init__(self, native: vmm_machine, inputs: Inputs, taker: Callable[[bytes], Any]) -> None:
        self._native, self._callbacks, self._taker = native, inputs.callbacks, taker
        inputs.listen = self.listen
        self._listeners: list[Callable[[bytes], None]] = []
        self._settle()

    def _settle(self) -> None:
        hears = "at once" if self._listeners else getattr(self._taker, "HEARS", "at once")
        self._native.console.heard = HEARD[hears]

    def written(self, data: bytes) -> None:
        """The port has sent this."""
        self._callbacks.ask("console", lambda: self._take(data))
        for listener in list(self._listeners):
            listener(data)

    def _take(self, data: bytes) -> None:
        self._taker(data)

    def listen(self, listener: Callable[[bytes], None]) -> Callable[[], None]:
        """Tell `listener`, until what is given back is called."""
        self._listeners.append(listener)
        self._settle()

        def deaf() -> None:
            if listener in self._listeners:
                self._listeners.remove(listener)
            self._settle()

        return deaf


class ConsoleInput:
    """What is typed."""

    def __init__(self, inputs: Inputs, state: DeviceState, port: SerialPort) -> None:
        self._inputs, self._state, self._port = inputs, state, port
        inputs.register({"input": self._receive, "byte": self._arrive})

    def type(self, text: str | bytes) -> None:
        """Send `text` to the guest's first serial port, at the port's speed."""
        self._inputs.decide("input", text.encode() if isinstance(text, str) else bytes(text))

    def byte(self, value: int | str | bytes) -> None:
        """Let one byte arrive at the guest's first serial port now, at this boundary, past what is still on its way: a
        number (0-255), or a text or bytes of one byte. Where the receiver is full, it is an overrun. VmmError for all
        else.
        """
        if isinstance(value, str | bytes | bytearray):
            data = value.encode() if isinstance(value, str) else value
            if len(data) != 1:
                raise VmmError(f"{value!r} is not one byte; type() sends several")
            value = data[0]
        within("byte", value, 256)
        self._inputs.decide("byte", value)

    def _arrive(self, value: int) -> None:
        self._state.called.add(id(self._port))
        self._port.arrive(value)

    def _receive(self, data: bytes) -> None:
        self._state.called.add(id(self._port))
        self._port.receive(data)
