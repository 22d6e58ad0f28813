"""A client of the remote protocol, from the gdb manual's appendix E alone, and a machine served to it in a thread."""

from __future__ import annotations

import re
import socket
import xml.etree.ElementTree as ET
from threading import Thread

from vmm.debug.console import Once
from vmm.debug.course import Course, Live, Replayed
from vmm.gdb import Killed
from vmm.gdb.link import Address
from vmm.gdb.server import Server
from vmm.machine.machine import boot
from vmm.replayer.player import Replay

PATIENCE = 20


class Client:
    """One connection."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        self._came = b""
        self.acknowledges = True
        self.told: list[str] = []
        """What it was to show meanwhile."""

    def close(self) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        self.socket.sendall(b"$%b#%02x" % (data, sum(data) & 0xFF))

    def reply(self) -> bytes:
        """The next packet that is no text; b"" behind the end of the connection."""
        while True:
            found = re.match(rb"[+-]*\$([^#]*)#(..)", self._came, re.DOTALL)
            if not found:
                more = self.socket.recv(65536)
                if not more:
                    return b""
                self._came += more
                continue
            assert sum(found[1]) & 0xFF == int(found[2], 16)
            self._came = self._came[found.end() :]
            if self.acknowledges:
                self.socket.sendall(b"+")
            if found[1][:1] != b"O" or found[1] == b"OK":
                return found[1]
            self.told.append(bytes.fromhex(found[1][1:].decode()).decode())

    def ask(self, data: bytes | str) -> bytes:
        self.send(data.encode() if isinstance(data, str) else data)
        return self.reply()

    # ---- what a debugger would make of it ----

    def quiet(self) -> Client:
        """No acknowledgements from now on."""
        assert self.ask("QStartNoAckMode") == b"OK"
        self.acknowledges = False
        return self

    def registers(self) -> dict[str, int]:
        """All of the target description, by p packets."""
        return {name: self.register(n) for n, (name, _) in enumerate(self.description())}

    def description(self) -> list[tuple[str, int]]:
        """Names of registers and their bits, in their order."""
        text = b""
        while True:
            part = self.ask(f"qXfer:features:read:target.xml:{len(text):x},fff")
            text += part[1:]
            if part[:1] == b"l":
                break
        return [(reg.get("name"), int(reg.get("bitsize"))) for reg in ET.fromstring(text).iter("reg")]

    def register(self, number: int) -> int:
        told = self.ask(f"p{number:x}")
        return int.from_bytes(bytes.fromhex(told.replace(b"x", b"0").decode()), "little")

    def pc(self) -> int:
        """From the registers that come with a stop."""
        names = [name for name, _ in self.description()]
        number = next(n for n, name in enumerate(names) if name in ("pc", "eip", "rip"))
        told = re.search(rb";%x:([0-9a-f]+);" % number, self.ask("?"))
        assert told
        return int.from_bytes(bytes.fromhex(told[1].decode()), "little")

    def read(self, address: int, size: int) -> bytes:
        return bytes.fromhex(self.ask(f"m{address:x},{size:x}").decode())

    def monitor(self, text: str) -> str:
        self.told = []
        assert self.ask(b"qRcmd," + text.encode().hex().encode()) == b"OK"
        return "".join(self.told)


class Served:
    """A guest, run in a thread as `vmm run --gdb :0 -S` would; a context that ends when the run has."""

    def __init__(self, image, *, waits: bool = True, typed=None, **options) -> None:
        self.written = b""
        self.console = Once(self._take)
        self._course = self._course_of(image, typed, options)
        self.server = Server(Address(":0"), waits=waits)
        self._thread = Thread(target=self._run, daemon=True)
        self.stop = self.error = None
        self._clients: list[Client] = []

    def _course_of(self, image, typed, options) -> Course:
        self.machine = boot(image, console=self.console, **options)
        self.recorder = self.machine.recording()
        return Live(self.machine, self.recorder, typed)

    def _take(self, data: bytes) -> None:
        self.written += data

    def _run(self) -> None:
        try:
            self.stop = self.server.run(self._course, self.console)
        except Killed:
            self.stop = "killed"
        except BaseException as error:
            self.error = error
        finally:
            self.server.close()

    def __enter__(self) -> Served:
        self._thread.start()
        return self

    def __exit__(self, kind, value, trace) -> None:
        self.join() if kind is None else self.over()

    def join(self) -> None:
        """Until the run is over."""
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive()
        if self.error:
            raise self.error

    def over(self) -> None:
        """Whatever it is at: nothing is left of it, and nothing went wrong in it."""
        for client in self._clients:
            client.close()
        while self._thread.is_alive():
            try:
                self.attach().ask("k")
            except OSError:  # nobody listens any more, or the one before is still attached
                self._thread.join(0.01)
        self.join()

    def attach(self) -> Client:
        self._clients.append(Client(self.server.port))
        return self._clients[-1]


class ServedReplay(Served):
    """A recording, as `vmm replay --gdb :0 -S` would serve it."""

    def _course_of(self, image, typed, options) -> Course:
        self.replay = Replay(image, None, self.console)
        self.machine = self.replay.machine
        return Replayed(self.replay)
