"""The socket that a debugger comes to, and the one debugger that is there."""

from __future__ import annotations

import ipaddress
import select
import socket

from vmm.errors import VmmError
from vmm.gdb.packets import BreakIn, Packet, Reader, framed, hexadecimal

LOOPBACK = "localhost"
BLOCK = 0x10000
TEXT = 2048
"""Bytes in a packet."""
PATIENCE = 10.0
"""Seconds of the host's that a client may leave what it is sent unread."""


class Address(tuple[str, int]):
    """Where to listen, from "[HOST]:PORT", with or without "tcp:" in front; VmmError for anything else."""

    def __new__(cls, text: str) -> Address:
        host, colon, port = text.removeprefix("tcp:").rpartition(":")
        if not colon or not port.isdecimal() or int(port) > 0xFFFF:
            raise VmmError(f"--gdb {text}: it is a [HOST]:PORT, such as :1234")
        return super().__new__(cls, (host.strip("[]") or LOOPBACK, int(port)))


class Link:
    """A client that came."""

    def __init__(self, client: socket.socket) -> None:
        self._client = client
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client.settimeout(PATIENCE)
        self._reader = Reader()
        self.acknowledges = True
        """Until the client says that it needs none."""
        self.open = True
        self.waiting: list[Packet | BreakIn] = []
        """To be answered, in this order."""

    def fileno(self) -> int:
        return self._client.fileno()

    def read(self) -> None:
        """What has come waits; where that is nothing the client has gone."""
        try:
            data = self._client.recv(BLOCK)
        except OSError:
            data = b""
        if not data:
            self.close()
        for each in self._reader.feed(data):
            self.waiting.append(each)
            if isinstance(each, Packet) and self.acknowledges:
                self._send(b"-" if each.problem else b"+")

    def send(self, data: bytes) -> None:
        """A packet."""
        self._send(framed(data))

    def tell(self, text: str) -> None:
        """Text for who looks on."""
        data = text.encode()
        for at in range(0, len(data), TEXT):
            self.send(b"O" + hexadecimal(data[at : at + TEXT]))

    def _send(self, data: bytes) -> None:
        try:
            self._client.sendall(data)
        except OSError:
            self.close()

    def close(self) -> None:
        """Again, it does nothing."""
        self.open = False
        self._client.close()


class Listener:
    """Where debuggers come to; VmmError where nobody can listen there."""

    def __init__(self, address: Address) -> None:
        host, port = address
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
            self._socket = socket.create_server(found[4][:2], family=found[0], backlog=4)
        except OSError as error:
            raise VmmError(f"--gdb {host}:{port}: {error.strerror or error}") from error
        self._socket.setblocking(False)
        host, port = self._socket.getsockname()[:2]
        self.host, self.port = str(host), int(port)

    @property
    def is_loopback(self) -> bool:
        """Nobody but this host can come."""
        return ipaddress.ip_address(self.host).is_loopback

    def fileno(self) -> int:
        return self._socket.fileno()

    def accept(self) -> Link | None:
        """Who waits, if somebody does."""
        try:
            return Link(self._socket.accept()[0])
        except OSError:  # it went again
            return None

    def close(self) -> None:
        """Nobody can come any more."""
        self._socket.close()


def ready(*sockets: Listener | Link, wait: bool) -> list[Listener | Link]:
    """Those on which something came; with `wait` there is one."""
    return select.select(sockets, [], [], None if wait else 0)[0]
