"""What each packet asks for: a row a packet (gdb manual, appendix E).

A row's function is given the session and what follows the packet's name; it gives the reply, or how the machine is to
move: then the reply comes when it stands again. A packet without a row has an empty reply, which says so.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import NamedTuple, Protocol

from vmm.debug import monitor
from vmm.debug.past import Poll
from vmm.debug.target import Break, Exited, Halt, Target
from vmm.errors import VmmError, printable
from vmm.gdb import description
from vmm.gdb.packets import MOST, hexadecimal, unescaped

OK = b"OK"
FAULT = b"E14"
FEATURES = (
    f"PacketSize={MOST:x}", "qXfer:features:read+", "QStartNoAckMode+", "vContSupported+", "swbreak+", "hwbreak+",
    "ReverseStep+", "ReverseContinue+",
)  # fmt: skip


class Session(Protocol):
    """One client's."""

    target: Target
    acknowledges: bool
    halt: Halt | Exited
    """Why the machine stands."""


class Go(NamedTuple):
    """The machine moves."""

    move: Callable[[Poll], Halt | Exited]


class Leave(NamedTuple):
    """The client goes."""

    reply: bytes
    kills: bool


class Told(NamedTuple):
    """Text for who looks on, of any length; then the command is done."""

    text: str


Answer = bytes | Go | Leave | Told
Function = Callable[[Session, bytes], Answer]


class Malformed(VmmError):
    """A packet that makes no sense."""


# ---- numbers ----


def number(text: bytes) -> int:
    """Hexadecimal; Malformed for anything else, and for more than 64 bits."""
    if not re.fullmatch(rb"[0-9a-fA-F]{1,16}", text):
        raise Malformed(f"{printable(text[:20].decode('latin-1'))!r} is no number")
    return int(text, 16)


def numbers(text: bytes, count: int) -> list[int]:
    """So many, with commas between them."""
    parts = text.split(b",")
    if len(parts) != count:
        raise Malformed(f"{count} numbers are wanted")
    return [number(part) for part in parts]


def thread(text: bytes) -> int:
    """-1: all of them."""
    return -1 if text == b"-1" else number(text)


def data(text: bytes) -> bytes:
    """Hexadecimal bytes."""
    try:
        return bytes.fromhex(text.decode("ascii"))
    except ValueError:
        raise Malformed("these are no hexadecimal bytes") from None


# ---- what is told ----


def stopped(target: Target, halt: Halt | Exited) -> bytes:
    """The reply that says why the machine stands."""
    if isinstance(halt, Exited):
        return b"W%02x" % (halt.stop.exit_status & 0xFF)
    cpu, view = target.machine.cpus[halt.cpu], target.view
    registers = view.registers
    told = [
        f"{n:x}:{description.shown(registers[n], cpu).decode()};"
        for n in range(view.usual) if registers[n].name in view.stop
    ]  # fmt: skip
    why = f"{halt.word}:{halt.value};" if halt.word else ""
    return f"T{halt.signal:02x}thread:{halt.cpu + 1:x};{''.join(told)}{why}".encode()


def _why(session: Session, rest: bytes) -> Answer:
    return stopped(session.target, session.halt)


def _supported(session: Session, rest: bytes) -> Answer:
    return ";".join(FEATURES).encode()


def _no_acknowledgements(session: Session, rest: bytes) -> Answer:
    session.acknowledges = False
    return OK


def _features(session: Session, rest: bytes) -> Answer:
    name, _, part = rest.partition(b":")
    if name != b"target.xml":
        return b"E00"
    first, size = numbers(part, 2)
    if not first:
        session.target.fit()
    xml = description.target(session.target.view).encode()
    return (b"m" if first + size < len(xml) else b"l") + xml[first : first + min(size, MOST - 4)]


# ---- threads ----


def _choose(session: Session, rest: bytes) -> Answer:
    session.target.choose(rest[:1].decode("latin-1"), thread(rest[1:]))
    return OK


def _current(session: Session, rest: bytes) -> Answer:
    return b"QC%x" % (session.target.machine.position.vcpu + 1)


def _threads(session: Session, rest: bytes) -> Answer:
    return b"m" + b",".join(b"%x" % (cpu.index + 1) for cpu in session.target.machine.cpus)


def _no_more_threads(session: Session, rest: bytes) -> Answer:
    return b"l"


def _about_thread(session: Session, rest: bytes) -> Answer:
    cpu = session.target.machine.cpus[session.target.index(number(rest))]
    state = "off" if cpu.off else f"halted, {cpu.state}" if cpu.halted else cpu.state
    return hexadecimal(f"vCPU {cpu.index}: {state}".encode())


def _alive(session: Session, rest: bytes) -> Answer:
    session.target.index(number(rest))
    return OK


# ---- registers and memory ----


def _registers(session: Session, rest: bytes) -> Answer:
    cpu, view = session.target.cpu, session.target.view
    return b"".join(description.shown(register, cpu) for register in view.registers[: view.usual])


def _put_registers(session: Session, rest: bytes) -> Answer:
    values = data(rest)
    for register in session.target.view.registers:
        size = register.bits // 8
        value, values = values[:size], values[size:]
        if len(value) < size:
            break
        if register.write and value != bytes.fromhex(description.shown(register, session.target.cpu).decode()):
            session.target.put(register, value)
    return OK


def _register(session: Session, rest: bytes) -> Answer:
    return description.shown(session.target.register(number(rest)), session.target.cpu)


def _put_register(session: Session, rest: bytes) -> Answer:
    which, _, value = rest.partition(b"=")
    session.target.put(session.target.register(number(which)), data(value))
    return OK


def _read(session: Session, rest: bytes) -> Answer:
    address, size = numbers(rest, 2)
    try:
        return hexadecimal(session.target.read(address, min(size, MOST // 2)))
    except VmmError:  # here words are no error to gdb
        return FAULT


def _written(rest: bytes) -> tuple[int, int, bytes]:
    where, colon, value = rest.partition(b":")
    if not colon:
        raise Malformed("there is no ':'")
    address, size = numbers(where, 2)
    return address, size, value


def _write(session: Session, rest: bytes, decode: Callable[[bytes], bytes]) -> Answer:
    address, size, value = _written(rest)
    written = decode(value)
    if len(written) != size:
        raise Malformed(f"{size} bytes are told, and {len(written)} came")
    if written:
        session.target.write(address, written)
    return OK


# ---- breakpoints ----


def _break(rest: bytes) -> Break:
    kind, address, size = numbers(rest.partition(b";")[0], 3)
    return Break(kind, address, size)


def _set(session: Session, rest: bytes) -> Answer:
    wanted = _break(rest)
    if wanted.kind > LAST_KIND:
        return b""
    session.target.set(wanted)
    return OK


def _clear(session: Session, rest: bytes) -> Answer:
    session.target.clear(_break(rest))
    return OK


LAST_KIND = 4

# ---- moving ----


def _go(session: Session, rest: bytes) -> Answer:
    return Go(session.target.go)


def _step(session: Session, rest: bytes) -> Answer:
    return Go(session.target.step)


def _from(session: Session, rest: bytes, how: Function, signal: bool) -> Answer:
    """On from an address, if one is given; a signal means nothing to a machine."""
    address = rest.partition(b";")[2] if signal else rest
    if address:
        target = session.target
        pc = next(register for register in target.view.registers if register.name == target.view.stop[0])
        try:
            data = number(address).to_bytes(pc.bits // 8, "little")
        except OverflowError:
            raise VmmError(f"{pc.name} has {pc.bits} bits") from None
        target.put(pc, data)
    return how(session, b"")


def _actions(session: Session, rest: bytes) -> Answer:
    return b"vCont;c;C;s;S;r"


def _each(session: Session, rest: bytes) -> Answer:
    """Other vCPUs go on whenever it is their turn: a debugger changes none. So what counts is who is to step."""
    for action in rest.strip(b";").split(b";"):
        what, _, who = action.partition(b":")
        if what[:1] not in (b"s", b"S", b"r"):
            continue
        session.target.chosen = session.target.index(thread(who) if who else 0)
        if what[:1] != b"r":
            return Go(session.target.step)
        first, end = numbers(what[1:], 2)
        return Go(partial(session.target.step, inside=range(first, end)))
    if rest[1:2] not in (b"c", b"C"):
        raise Malformed("this is no action")
    return Go(session.target.go)


def _back(session: Session, rest: bytes) -> Answer:
    session.target.past.check()
    return Go(session.target.back)


def _step_back(session: Session, rest: bytes) -> Answer:
    session.target.past.check()
    return Go(session.target.step_back)


# ---- the rest ----


def _monitor(session: Session, rest: bytes) -> Answer:
    return Told(monitor.answer(session.target, data(rest).decode("utf-8", "replace")))


def _detach(session: Session, rest: bytes) -> Answer:
    return Leave(OK, kills=False)


def _kill(session: Session, rest: bytes) -> Answer:
    return Leave(OK if rest else b"", kills=True)


STEP_BITS = {"enabled": 1, "no interrupts": 2}


def _step_bits(session: Session, rest: bytes) -> Answer:
    """As QEMU has them for `maintenance packet`."""
    return b"ENABLE=1,NOIRQ=2,NOTIMER=4"


def _step_mode(session: Session, rest: bytes) -> Answer:
    return b"0x%x" % (STEP_BITS["enabled"] | STEP_BITS["no interrupts"] * session.target.held)


def _set_step_mode(session: Session, rest: bytes) -> Answer:
    session.target.held = bool(number(rest.removeprefix(b"0x")) & STEP_BITS["no interrupts"])
    return OK


ROWS: dict[bytes, Function] = {
    b"?": _why,
    b"qSupported": _supported,
    b"QStartNoAckMode": _no_acknowledgements,
    b"qXfer:features:read:": _features,
    b"qAttached": lambda session, rest: b"1",
    b"qSymbol:": lambda session, rest: OK,
    b"H": _choose,
    b"qC": _current,
    b"qfThreadInfo": _threads,
    b"qsThreadInfo": _no_more_threads,
    b"qThreadExtraInfo,": _about_thread,
    b"T": _alive,
    b"g": _registers,
    b"G": _put_registers,
    b"p": _register,
    b"P": _put_register,
    b"m": _read,
    b"M": partial(_write, decode=data),
    b"X": partial(_write, decode=unescaped),
    b"Z": _set,
    b"z": _clear,
    b"c": partial(_from, how=_go, signal=False),
    b"C": partial(_from, how=_go, signal=True),
    b"s": partial(_from, how=_step, signal=False),
    b"S": partial(_from, how=_step, signal=True),
    b"vCont?": _actions,
    b"vCont": _each,
    b"bc": _back,
    b"bs": _step_back,
    b"qRcmd,": _monitor,
    b"D": _detach,
    b"k": _kill,
    b"vKill": _kill,
    b"qqemu.sstepbits": _step_bits,
    b"qqemu.sstep": _step_mode,
    b"Qqemu.sstep=": _set_step_mode,
}
BY_LENGTH = sorted(ROWS, key=len, reverse=True)


def answer(session: Session, packet: bytes) -> Answer:
    """What a packet comes to: an error is a reply, too."""
    name = next((name for name in BY_LENGTH if packet.startswith(name)), None)
    if name is None or (packet[:1] in b"qQv" and packet[: len(name)] != packet and not _continues(packet, name)):
        return b""
    try:
        return ROWS[name](session, packet[len(name) :])
    except Malformed:
        return b"E01"
    except VmmError as error:
        return error_of(str(error))


def _continues(packet: bytes, name: bytes) -> bool:
    """A name is whole: another that begins alike is another."""
    return not name[-1:].isalnum() or not packet[len(name) : len(name) + 1].isalnum()


def error_of(text: str) -> bytes:
    """The reply of an error with words."""
    return b"E." + printable(text).encode("ascii", "replace")
