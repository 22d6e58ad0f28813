"""A key and a byte at a boundary. Scan codes by hand from IBM's PS/2 Technical Reference, scan code set 1."""

from __future__ import annotations

import pytest

import vmm
from vmm import Delivered
from vmm.errors import VmmError
from vmm.loaders.image import MIB
from vmm.machine.config import Config
from vmm.machine.machine import Machine

DATA, STATUS = 0x60, 0x64
RBR, LSR = 0x3F8, 0x3FD
DR = 0x09000000


def pc(**options) -> Machine:
    return Machine(Config(memory=MIB, board="pc,pit=off", **options))


def codes(m: Machine) -> bytes:
    """What the guest reads until the controller has nothing."""
    keyboard, got = m.board.devices["keyboard"], bytearray()
    while keyboard.port_read(STATUS, 1) & 1:
        got.append(keyboard.port_read(DATA, 1))
    return bytes(got)


@pytest.mark.parametrize(
    ("key", "sent"),
    [
        ("a", "1e9e"), ("z", "2cac"), ("1", "0282"), ("0", "0b8b"), ("=", "0d8d"), ("]", "1b9b"), ("'", "28a8"),
        ("`", "29a9"), ("\\", "2bab"), ("/", "35b5"), ("enter", "1c9c"), ("\n", "1c9c"), (" ", "39b9"),
        ("esc", "0181"), ("f1", "3bbb"), ("f10", "44c4"), ("f11", "57d7"), ("F12", "58d8"), ("ctrl", "1d9d"),
        ("alt", "38b8"), ("A", "2a1e9eaa"), ("!", "2a0282aa"), ("?", "2a35b5aa"), ("{", "2a1a9aaa"), ('"', "2a28a8aa"),
        ("~", "2a29a9aa"),
        ("up", "e048e0c8"), ("delete", "e053e0d3"), ("rctrl", "e01de09d"), (0x1E, "1e"), (0xE1, "e1"),
    ],
)  # fmt: skip
def test_a_key_sends_its_codes(key, sent):
    m = pc()
    m.key(key)
    assert codes(m).hex() == sent


def test_a_key_can_be_held():
    m = pc()
    m.key("ctrl", "press")
    m.key("c")
    m.key("ctrl", "release")
    assert codes(m).hex() == "1d2eae9d"


def test_a_key_interrupts_where_the_machine_stands():
    m = vmm.boot("x86/first_isr")
    m.run(until="handler")
    m.key("a")
    line = m.trace.last(2)[0]
    assert (line.kind, line.number, line.value, line.linear) == ("line", 1, 1, m.address("handler"))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda m: m.key("entre"), "unknown key 'entre'; did you mean 'enter'?"),
        (lambda m: m.key(""), "unknown key ''"),
        (lambda m: m.key("a", "hold"), "unknown stroke of a key 'hold'"),
        (lambda m: m.key(0x100), "scan code 0x100 is not a byte"),
        (lambda m: m.byte(256), "byte 0x100 is outside 0-0xff"),
        (lambda m: m.byte(-1), "byte -0x1 is outside 0-0xff"),
        (lambda m: m.byte("ab"), r"'ab' is not one byte; type\(\) sends several"),
        (lambda m: m.byte("é"), "'é' is not one byte"),
        (lambda m: m.board.devices["com1"].arrive(300), "byte 0x12c is outside 0-0xff"),
    ],
)
def test_what_is_no_key_or_byte_is_refused(wrong, said):
    with pytest.raises(VmmError, match=said):
        wrong(pc())


def test_a_virt_board_has_no_keyboard():
    m = Machine(Config(memory=MIB, board="virt", cpu="cortex-a57"))
    with pytest.raises(VmmError, match=r"board virt has no keyboard: m\.type\(text\) and m\.byte\(value\) go to its"):
        m.key("a")


@pytest.mark.parametrize("value", [0x41, "A", b"A"])
def test_a_byte_is_there_at_once(value):
    m = pc()
    com1 = m.board.devices["com1"]
    m.type("later")
    m.byte(value)
    assert (com1.port_read(LSR, 1) & 1, com1.port_read(RBR, 1), com1.port_read(LSR, 1) & 1) == (1, 0x41, 0)
    assert m.now_ns == 0


def test_a_byte_too_many_is_an_overrun():
    m = pc()  # FIFOs off: one byte of room
    m.byte(1)
    m.byte(2)
    com1 = m.board.devices["com1"]
    assert (com1.port_read(LSR, 1) & 2, com1.port_read(RBR, 1)) == (2, 2)


def test_a_byte_at_a_pl011_raises_its_line():
    m = Machine(Config(memory=MIB, board="virt", cpu="cortex-a57"))
    uart = m.board.devices["uart"]
    uart.mmio_write(0x09000038, 4, 0x10)  # UARTIMSC.RXIM; the FIFO is off, one character is the trigger
    m.byte(0x7F)
    assert m.trace.last(2)[0].kind == "line" and m.trace.last(2)[0].number == 1
    assert uart.mmio_read(DR, 4) == 0x7F


def test_both_are_recorded(tmp_path):
    m = vmm.boot("x86/pit_ticks")

    async def scenario(m):
        await Delivered(0x20)
        m.key("A")
        m.byte("x")
        m.board.devices["com2"].arrive(0x41)

    with m.recording(tmp_path / "keys.vmmrec"):
        m.start(scenario)
        m.run()
    again = vmm.replay(tmp_path / "keys.vmmrec")
    again.run()
    assert again.verified and again.machine.board.devices["keyboard"].data == 0x2A
