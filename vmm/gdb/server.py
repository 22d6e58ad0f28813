"""One debugger at a time, and a guest that runs on when it goes."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from vmm.core.stops import Stop
from vmm.debug.past import SLICE, Past
from vmm.debug.target import Exited, Halt, Target
from vmm.errors import VmmError
from vmm.gdb import Killed
from vmm.gdb.link import Address, Link, Listener, ready
from vmm.gdb.packets import BreakIn, Packet
from vmm.gdb.protocol import OK, Go, Leave, Told, answer, error_of, stopped

if TYPE_CHECKING:
    from vmm.debug.console import Once
    from vmm.debug.course import Course

MOST_WAITING = 64
"""Packets that came while the guest runs; a client that sends more does not wait for replies."""


def tell(text: str) -> None:
    """A line for who started the server."""
    print(f"vmm: {text}", file=sys.stderr, flush=True)


class Server:
    """Listens from the beginning on. `waits`: the guest does not run before a debugger comes."""

    def __init__(self, address: Address, waits: bool) -> None:
        self._listener = Listener(address)
        self._waits = waits
        self._link: Link | None = None

    @property
    def port(self) -> int:
        """Where it listens."""
        return self._listener.port

    def close(self) -> None:
        """Nobody is attached any more, nor can be."""
        if self._link:
            self._link.close()
        self._listener.close()

    # ---- for protocol.py, a session ----

    target: Target
    halt: Halt | Exited

    acknowledges = True

    # ---- the run ----

    def run(self, course: Course, console: Once) -> Stop:
        """To its end; Killed where the debugger ends it."""
        past = Past(course, console)
        self.target = Target(course, past)
        self._stand(Halt(self.target.machine.position.vcpu))
        self._tell_where()
        while True:
            if self._link is None:
                if stop := self._alone():
                    return stop
            elif exited := self._attached(self._link):
                return exited.stop

    def _tell_where(self) -> None:
        host, port = self._listener.host, self._listener.port
        tell(f"gdb attaches by: target remote {f'[{host}]' if ':' in host else host}:{port}")
        if not self._listener.is_loopback:
            tell("--gdb: not only this host can attach, and whoever does may change the guest")
        machine = self.target.machine
        symbols = machine.loaded and machine.loaded.symbols
        if machine.source and symbols and symbols.names():
            tell(f"its symbols are had by: file {machine.source.image}")

    def _alone(self) -> Stop | None:
        """Nobody is attached: a part of the run, and a look whether somebody comes."""
        if ready(self._listener, wait=self._waits):
            self._link = self._listener.accept()
            if self._link:
                self._waits, self.acknowledges = False, True
                self._stand(Halt(self.target.machine.position.vcpu))
            return None
        came = self.target.course.forward([], SLICE)
        self.target.past.went_on()
        return came.stop

    def _attached(self, link: Link) -> Exited | None:
        """Somebody is, and the machine stands: until it moves, or somebody goes."""
        while not link.waiting and link.open:
            self._listen(link, wait=True)
        packet = link.waiting.pop(0) if link.waiting else BreakIn()
        exited = None if isinstance(packet, BreakIn) else self._answer(link, packet)  # it stands, and has said so
        if not link.open:
            self._gone()
        return exited

    def _complain(self, link: Link, packet: Packet) -> None:
        tell(f"gdb sent {packet.problem}")
        if not link.acknowledges:
            link.send(error_of(packet.problem))

    def _answer(self, link: Link, packet: Packet) -> Exited | None:
        if packet.problem:
            self._complain(link, packet)
            return None
        reply = answer(self, packet.data)
        if isinstance(reply, Leave):
            link.send(reply.reply)
            if reply.kills:
                raise Killed
            link.close()
        elif isinstance(reply, Told):
            link.tell(reply.text)
            link.send(OK)
        elif isinstance(reply, Go):
            return self._go(link, reply)
        else:
            link.send(reply)
            link.acknowledges = self.acknowledges  # the reply that says so is still acknowledged
        return None

    def _stand(self, halt: Halt | Exited) -> None:
        """gdb takes the thread that a stop is about for chosen, and does not choose it."""
        self.halt = halt
        if isinstance(halt, Halt):
            self.target.chosen = self.target.general = halt.cpu

    def _go(self, link: Link, go: Go) -> Exited | None:
        try:
            self._stand(go.move(lambda: self._wants_in(link)))
        except VmmError as error:
            link.send(error_of(str(error)))
            return None
        if isinstance(self.halt, Halt) and self.halt.told:
            link.tell(f"vmm: {self.halt.told}\n")
        self._tell_of_view(link)
        link.send(stopped(self.target, self.halt))
        return self.halt if isinstance(self.halt, Exited) else None

    def _tell_of_view(self, link: Link) -> None:
        if view := self.target.changed_view():
            link.tell(f"vmm: this is code of another width ({view}): unset tdesc filename shows its registers\n")

    def _wants_in(self, link: Link) -> bool:
        """Ctrl-C came while the guest runs, or the debugger has gone; what else came waits until it stands."""
        self._listen(link, wait=False)
        wants = [each for each in link.waiting if isinstance(each, BreakIn)]
        for each in wants:
            link.waiting.remove(each)
        return bool(wants) or not link.open or len(link.waiting) > MOST_WAITING

    def _listen(self, link: Link, *, wait: bool) -> None:
        """To the debugger; who else comes is sent away."""
        found = ready(self._listener, link, wait=wait)
        if self._listener in found and (other := self._listener.accept()):
            other.close()
            tell("a second gdb came, and was sent away: one is attached")
        if link in found:
            link.read()

    def _gone(self) -> None:
        """The guest runs on without breakpoints."""
        self._link = None
        self.target.let_go()
        tell("gdb has gone; the guest runs on")
