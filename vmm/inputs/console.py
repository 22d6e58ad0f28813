"""The first serial port, to and from the world outside."""

from __future__ import annotations

import codecs
import sys
from collections.abc import Callable
from typing import Any, Literal, Protocol

from vmm.core.device_state import DeviceState
from vmm.errors import VmmError, within
from vmm.inputs.decisions import Inputs

Taker = Callable[[bytes], Any] | Literal["stdout"] | None
"""Who takes what the guest writes: a function; "stdout": it is printed; None: nobody."""


class StandardOutput:
    """Prints on `sys.stdout`, whichever that is by then: a terminal, a notebook's cell, what it was redirected to."""

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


def taker(given: Taker) -> Callable[[bytes], Any]:
    """The function that `given` means; VmmError for what is none."""
    if given is None:
        return lambda data: None
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
    """What the guest writes: for who took it when the machine was built, and for who listens meanwhile."""

    def __init__(self, inputs: Inputs, taker: Callable[[bytes], Any]) -> None:
        self._callbacks, self._taker = inputs.callbacks, taker
        inputs.listen = self.listen
        self._listeners: list[Callable[[bytes], None]] = []

    def written(self, data: bytes) -> None:
        """The port has sent this."""
        self._callbacks.ask("console", lambda: self._take(data))
        for listener in list(self._listeners):
            listener(data)

    def _take(self, data: bytes) -> None:
        self._taker(data)

    def listen(self, listener: Callable[[bytes], None]) -> Callable[[], None]:
        """Tell `listener`, until what is given back is called."""
        listeners = self._listeners
        listeners.append(listener)
        return lambda: listeners.remove(listener) if listener in listeners else None


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
