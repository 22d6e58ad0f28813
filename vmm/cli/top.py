"""`vmm top`: a live table of a guest's interrupts, while it runs."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vmm.cli import DIFFERS, SCRIPT_FAILED, interrupts, run, session
from vmm.cli.parser import Parser
from vmm.cli.terminal import Terminal
from vmm.errors import printable

if TYPE_CHECKING:
    from vmm.cli.run_loop import Typed
    from vmm.core.stops import Stop
    from vmm.machine.machine import Machine
    from vmm.report.rates import Rates

KEYS = """\
keys: n, v, h, l, m, i sort; p or the space bar pauses; q ends
  n  delivered                l  latency, the longest
  v  rate per virtual second  m  latency, the median
  h  rate per host second     i  vCPU and number"""
EVERY = 0.5
"""Seconds of the host's from one table to the next."""
LOOK, LEAST, MOST = 0.05, 20_000, 20_000_000
"""Seconds that a slice of the run is to take about, and the instructions that it may have."""
ENDS, PAUSES = "q", "p "


def parser() -> Parser:
    parser = Parser(
        "vmm top",
        "Run IMAGE, or a recording, and show its interrupts while it runs: how many, how often in a second of virtual\n"
        "time and of the host's, latencies in instructions, how deep handlers are nested. What the guest writes is\n"
        "not shown. Where standard output is no terminal, the table is printed once, at the end. The exit status is\n"
        "the run's, and 0 where q ends it.\n\n" + KEYS,
        [
            "vmm top x86/isr_bench",
            "vmm top kernel.elf --append quiet --smp 4 --sort l",
            "vmm top late_edge.vmmrec",
            "vmm top my_isr.S --max-time 5s > table.txt",
        ],
        answer=run.of_others,
    )
    run.add_machine(parser)
    run.add_gear(parser)
    run.add_limits(parser)
    parser.add_argument("--sort", choices="nvhlmi", default="n", help="as the key does (%(default)s)")
    parser.add_argument("--quiet", action="store_true", help="no line that says why the run ended")
    return parser


def main(options: argparse.Namespace) -> int:
    watched = _recorded(options) or _live(options)
    with ExitStack() as stack:
        screen = stack.enter_context(Screen(options)) if sys.stdout.isatty() else None
        stop, status, cut = run.until_end(watched.machine, watched.script, None, lambda: watched.go(screen))
        if not run.close(watched.machine, watched.script):
            status = SCRIPT_FAILED
    sys.stdout.write(watched.rates.text(watched.rates.rows(whole=True), screen.order if screen else options.sort))
    if not options.quiet:
        print(f"vmm: {stop.reason}: {printable(stop.detail)}", file=sys.stderr)
    if watched.different:
        print(f"vmm: {printable(watched.different)}", file=sys.stderr)
        return DIFFERS
    return watched.status if watched.status is not None and not cut else status


class Watched:
    """A machine that goes on by slices."""

    def __init__(
        self, machine: Machine, name: str, on: Callable[[int], tuple[Stop, bool]], typed: Typed | None
    ) -> None:
        from vmm.report.rates import Rates

        self.machine, self.rates, self._on, self._typed = machine, Rates(machine, name), on, typed
        self.script: Any = None
        self.status: int | None = None
        """Of the recorded run, where it is one."""
        self.different: str | None = None
        """What differs from the recorded run."""

    def go(self, screen: Screen | None) -> Stop:
        """To its end."""
        insns = LEAST
        due = 0.0
        while True:
            interrupts.check()
            if self._typed:
                self._typed.send(self.machine)
            before = time.perf_counter()
            stop, over = self._on(insns)
            now = time.perf_counter()
            self.rates.host += now - before
            self.rates.look()
            if over:
                return stop
            insns = min(max(int(insns * LOOK / max(now - before, LOOK / 8)), LEAST), MOST)
            if screen and (screen.asked(self.rates) or now >= due):
                screen.draw(self.rates)
                due = time.perf_counter() + EVERY


def _live(options: argparse.Namespace) -> Watched:
    typed = run.typed_of(options.input)
    image = run.fitted(options)
    machine = run.built(options, image, None)
    script = run.script_of(options.scenario)
    machine.load(image, initrd=options.initrd, load_address=options.load_address)
    machine.limit(insns=options.max_insns, virtual_ns=options.max_time)

    def on(insns: int) -> tuple[Stop, bool]:
        stop = machine.run(insns=insns)
        return stop, stop.reason != "count" and not (stop.reason == "idle" and typed is not None and typed.wait())

    watched = Watched(machine, options.image, on, typed)
    watched.script = script
    return watched


def _recorded(options: argparse.Namespace) -> Watched | None:
    """None: it is an image."""
    from vmm.inputs.tape import is_recording

    path = Path(options.image)
    if not is_recording(path):
        return None
    run.refuse_of_images(options)
    from vmm.replayer.player import Diverged, Replay

    replay = Replay(path, None, None)

    def on(insns: int) -> tuple[Stop, bool]:
        try:
            stop = replay.run(insn=replay.machine.instructions + insns)
        except Diverged as error:
            watched.different = str(error)
            return session.cut(replay.machine, "no longer the recorded run"), True
        watched.different = replay.different
        return stop, replay.finished

    watched = Watched(replay.machine, options.image, on, None)
    watched.status = replay.tape.end.status
    return watched


class Screen:
    """A terminal on which the table is drawn over and over, and the keys that are typed at it."""

    def __init__(self, options: argparse.Namespace) -> None:
        from rich.console import Console
        from rich.live import Live

        self.order = options.sort
        self._paused = False
        self._rows: list[Any] = []
        self._console = Console(file=sys.stdout, highlight=False, markup=False, emoji=False)
        self._live = Live(console=self._console, screen=True, auto_refresh=False)
        screen = None if self._console.is_dumb_terminal else sys.stdout.fileno()
        self._keys = Terminal(sys.stdin.fileno(), signals=True, screen=screen) if sys.stdin.isatty() else None

    def __enter__(self) -> Screen:
        if self._keys:
            self._keys.__enter__()
        self._live.__enter__()
        return self

    def __exit__(self, *how: Any) -> None:
        try:
            self._live.__exit__(*how)
        finally:
            if self._keys:
                self._keys.__exit__(*how)

    def draw(self, rates: Rates) -> None:
        """What is known now."""
        self._rows = rates.rows(whole=False)
        self._show(rates)

    def _show(self, rates: Rates) -> None:
        from rich.text import Text

        from vmm.report.rates import ORDERS

        size = self._console.size
        text = rates.text(self._rows, self.order, size.width, size.height - HEAD - rates.vcpus)
        state = "paused" if self._paused else "q ends, p pauses"
        self._live.update(Text(f"{text}\nby {ORDERS[self.order].does}; {state}; sort: n v h l m i"), refresh=True)

    def asked(self, rates: Rates) -> bool:
        """Do what keys ask for; whether there was any. While it pauses, the guest stands."""
        keys = self._keys.read(wait=False) if self._keys else None
        asked = bool(keys)
        while keys:
            self._do(keys)
            if not self._paused:
                return True
            self._show(rates)
            assert self._keys is not None
            keys = self._keys.read(wait=True)
        return asked

    def _do(self, keys: bytes) -> None:
        from vmm.report.rates import ORDERS

        for key in map(chr, keys):
            if key in ENDS:
                raise session.Left
            if key in PAUSES:
                self._paused = not self._paused
            self.order = key if key in ORDERS else self.order


HEAD = 8
"""Lines of the screen besides rows of the table and a line for each vCPU."""
