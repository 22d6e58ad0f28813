"""Intel 8042 keyboard controller of the PC/AT with a keyboard, at ports 60h and 64h; no pointing device.

Source: IBM PC/AT Technical Reference, "Keyboard Controller" and "Keyboard"; IBM PS/2 Keyboard and Auxiliary Device
Controller Technical Reference. Bytes from the keyboard are given as the guest reads them: scan code set 1, the result
of the translation that a PC's firmware leaves switched on.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from vmm.errors import VmmError
from vmm.protocols import Line

STATUS_PORT_BIT = 4  # tells 64h from 60h

STATUS_OUTPUT_FULL = 0x01
STATUS_SYSTEM = 0x04
STATUS_COMMAND = 0x08  # the last write went to 64h
STATUS_UNLOCKED = 0x10

MODE_INTERRUPT = 0x01
MODE_SYSTEM = 0x04
MODE_KEYBOARD_OFF = 0x10
MODE_TRANSLATE = 0x40

OUTPUT_NO_RESET = 0x01
OUTPUT_A20 = 0x02

READ_MODE = 0x20
WRITE_MODE = 0x60
SELF_TEST = 0xAA
TEST_KEYBOARD = 0xAB
KEYBOARD_OFF = 0xAD
KEYBOARD_ON = 0xAE
READ_INPUT_PORT = 0xC0
READ_OUTPUT_PORT = 0xD0
WRITE_OUTPUT_PORT = 0xD1
WRITE_KEYBOARD_BUFFER = 0xD2
WRITE_POINTER = 0xD4
A20_OFF = 0xDD
A20_ON = 0xDF
PULSE = 0xF0  # to FFh: bits 3-0 of the output port that stay high

TAKE_DATA = (WRITE_MODE, WRITE_OUTPUT_PORT, WRITE_KEYBOARD_BUFFER, WRITE_POINTER)
"""Commands whose parameter is the next byte at port 60h."""

SELF_TEST_PASSED = 0x55
KEYBOARD_PASSED = 0x00
INPUT_PORT = 0x80  # keyboard not locked

ACK = 0xFA
RESEND = 0xFE
KEYBOARD_ENABLE = 0xF4
KEYBOARD_DISABLE = 0xF5
KEYBOARD_RESET = 0xFF
KEYBOARD_REPLIES = {
    0xED: bytes([ACK]),  # set indicators
    0xEE: bytes([0xEE]),  # echo
    0xF0: bytes([ACK]),  # select scan code set
    0xF2: bytes([ACK, 0xAB, 0x41]),  # identify: AB 83, translated
    0xF3: bytes([ACK]),  # set typematic rate
    KEYBOARD_ENABLE: bytes([ACK]),
    KEYBOARD_DISABLE: bytes([ACK]),
    0xF6: bytes([ACK]),  # set defaults
    KEYBOARD_RESET: bytes([ACK, 0xAA]),
}
KEYBOARD_TAKES_DATA = (0xED, 0xF0, 0xF3)
"""Keyboard commands whose parameter follows, and is acknowledged too."""


class I8042:
    """The controller and its keyboard; `irq` is high while a byte waits and the guest wants to be told.

    `a20` is called with the level of the A20 gate whenever the guest sets it, `init` when it pulls the reset line,
    which chipsets lead to the CPU's INIT.
    """

    OUTSIDE: ClassVar = ("key",)

    PORTS: ClassVar[tuple[tuple[int, int], ...]] = ((0x60, 1), (0x64, 1))
    port_width = 1

    def __init__(self, *, irq: Line, init: Callable[[], None], a20: Callable[[bool], None]) -> None:
        self._irq = irq
        self._init = init
        self._a20 = a20
        self._replies: dict[int, Callable[[], int]] = {
            READ_MODE: lambda: self.mode,
            SELF_TEST: self._self_test,
            TEST_KEYBOARD: lambda: KEYBOARD_PASSED,
            READ_INPUT_PORT: lambda: INPUT_PORT,
            READ_OUTPUT_PORT: lambda: self.output_port,
        }
        self.reset()

    def reset(self) -> None:
        """As a PC's firmware leaves it: keyboard on with its interrupt, A20 open."""
        self.mode = MODE_INTERRUPT | MODE_SYSTEM | MODE_TRANSLATE
        self.output_port = OUTPUT_NO_RESET | OUTPUT_A20
        self.data = 0  # output buffer
        self.full = False
        self.replies = bytearray()  # the controller's own bytes go before the keyboard's
        self.keyboard = bytearray()
        self.scanning = True
        self.command: int | None = None  # waits for its parameter at port 60h
        self.keyboard_waits = False  # the keyboard waits for a parameter
        self.last_was_command = False
        self._fill()

    def key(self, scancode: int) -> None:
        """Let the keyboard send one byte; raises VmmError if it is none."""
        if not 0 <= scancode <= 0xFF:
            raise VmmError(f"scan code {scancode:#x} is not a byte; send a longer one byte by byte")
        if self.scanning:
            self.keyboard.append(scancode)
            self._fill()

    def port_read(self, port: int, size: int) -> int:
        if port & STATUS_PORT_BIT:
            return self._status()
        self.full = False
        self._irq.set(False)  # so that the next byte makes an edge of its own
        value = self.data
        self._fill()
        return value

    def port_write(self, port: int, size: int, value: int) -> None:
        self.last_was_command = bool(port & STATUS_PORT_BIT)
        if self.last_was_command:
            self._take_command(value)
        elif self.command is not None:
            command, self.command = self.command, None
            self._take_parameter(command, value)
        else:
            self.mode &= ~MODE_KEYBOARD_OFF
            self._tell_keyboard(value)
        self._fill()

    def _status(self) -> int:
        return (
            STATUS_UNLOCKED
            | (STATUS_OUTPUT_FULL if self.full else 0)
            | (STATUS_SYSTEM if self.mode & MODE_SYSTEM else 0)
            | (STATUS_COMMAND if self.last_was_command else 0)
        )

    def _take_command(self, command: int) -> None:
        self.command = command if command in TAKE_DATA else None
        if command in self._replies:
            self.replies.append(self._replies[command]())
        elif command == KEYBOARD_OFF:
            self.mode |= MODE_KEYBOARD_OFF
        elif command == KEYBOARD_ON:
            self.mode &= ~MODE_KEYBOARD_OFF
        elif command in (A20_OFF, A20_ON):
            kept = self.output_port & ~(OUTPUT_A20 | OUTPUT_NO_RESET)
            self._set_output_port(kept | command & (OUTPUT_A20 | OUTPUT_NO_RESET))
        elif command >= PULSE and not command & OUTPUT_NO_RESET:
            self._init()

    def _take_parameter(self, command: int, value: int) -> None:
        if command == WRITE_MODE:
            self.mode = value
        elif command == WRITE_OUTPUT_PORT:
            self._set_output_port(value)
        elif command == WRITE_KEYBOARD_BUFFER:
            self.replies.append(value)
        # The parameter of WRITE_POINTER goes to a pointing device, and there is none.

    def _self_test(self) -> int:
        self.mode |= MODE_SYSTEM
        return SELF_TEST_PASSED

    def _set_output_port(self, value: int) -> None:
        self.output_port = value
        self._a20(bool(value & OUTPUT_A20))
        if not value & OUTPUT_NO_RESET:
            self._init()

    def _tell_keyboard(self, value: int) -> None:
        if self.keyboard_waits:
            self.keyboard_waits = False
            self.keyboard.append(ACK)
            return
        self.keyboard_waits = value in KEYBOARD_TAKES_DATA
        if value in (KEYBOARD_ENABLE, KEYBOARD_DISABLE, KEYBOARD_RESET):
            self.scanning = value != KEYBOARD_DISABLE
        if value == KEYBOARD_RESET:
            self.keyboard.clear()
        self.keyboard += KEYBOARD_REPLIES.get(value, bytes([RESEND]))

    def _fill(self) -> None:
        """Move the next waiting byte into the output buffer if that is free, and drive the line."""
        source = self.replies or (bytearray() if self.mode & MODE_KEYBOARD_OFF else self.keyboard)
        if source and not self.full:
            self.data = source.pop(0)
            self.full = True
        self._irq.set(self.full and bool(self.mode & MODE_INTERRUPT))
