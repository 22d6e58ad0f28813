"""The stepper on a terminal, by textual: it lays panes out, and hands keys to a walk."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import ClassVar

from rich.text import Text
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.events import Event, Key
from textual.widgets import Input, Static

from vmm.arch import named
from vmm.catalog import name_of
from vmm.errors import VmmError, printable
from vmm.stepper.keys import KEYS, SHORT
from vmm.stepper.layout import FOLDED, Place, Size, laid_out
from vmm.stepper.panes import registers
from vmm.stepper.panes.pane import DIM, LIT, WARNING, Looks, View, line
from vmm.stepper.panes.table import PANES
from vmm.stepper.walk import Walk
from vmm.trace.words import interrupt

PATIENCE = 0.2
"""Seconds of a move after which it is told that one is under way."""
AT_ONCE = ("escape", "q", "ctrl+c")
"""Keys that wait for no move; the others are heard when it is over."""
WHILE_ASKED = ("escape", "fold")
"""What keys do while a line is asked for, whose the others are."""
ASKED = {
    "toggle": "breakpoint at", "go_to": "go to instruction", "search": "search events for",
    "line": "line NAME [raise|lower|pulse|edge|until-served]", "command": "monitor",
}  # fmt: skip


class Box(Static):
    """One pane."""

    can_focus = False


class Panes(Container):
    """All of them."""

    def __init__(self, resized: Callable[[], None]) -> None:
        super().__init__(id="panes")
        self._resized = resized

    def on_resize(self) -> None:
        self._resized()


class Stepper(App[None]):
    """Of one walk."""

    CSS = """
    Screen { layout: vertical; }
    #where { height: 1; background: $primary-background; }
    #panes { height: 1fr; }
    Box { position: absolute; border: round $primary; padding: 0 1; border-title-style: bold; }
    Static { text-wrap: nowrap; text-overflow: ellipsis; }
    #told { text-wrap: wrap; height: auto; max-height: 10; }
    #keys { height: 1; }
    #asked { display: none; height: 1; border: none; padding: 0; }
    #asked.open { display: block; }
    #help { display: none; layer: above; dock: right; width: auto; height: auto; border: heavy $accent; padding: 0 1;
            background: $surface; }
    #help.open { display: block; }
    """
    ENABLE_COMMAND_PALETTE = False
    AUTO_FOCUS = None
    TITLE = "vmm step"
    LAYERS: ClassVar = ("default", "above")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(key.keys, key.action, key.does, show=False, priority=True) for key in KEYS
    ]  # a key with priority is over when the next one is looked at

    def __init__(self, walk: Walk) -> None:
        super().__init__()
        self._walk = walk
        self._before: Looks = {}
        self._now: Looks = {}
        self._busy = False
        self._folded = 0
        self._laid_out: dict[str, Place] = {}
        self._asking = ""
        self._answered = False
        """A line was entered that has not arrived yet."""
        self._ahead: deque[Key] = deque()
        """What was typed ahead."""
        self._heeding = False
        self._searched = ""

    # ---- on the screen ----

    def compose(self) -> ComposeResult:
        yield Static(id="where")
        with Panes(self._lay_out):
            for name in PANES:
                box = Box(id=name)
                box.border_title = name
                yield box
        yield Static(id="told")
        yield Input(id="asked", compact=True)
        yield Static(self._short(), id="keys")
        yield Static(self._help(), id="help")

    def on_mount(self) -> None:
        self.theme = "textual-dark"

    def _lay_out(self) -> None:
        """Then draw, once the panes have their sizes."""
        if self._busy:
            return
        room = self.query_one("#panes").size
        places = laid_out(room.width, room.height, self._needed(), FOLDED[self._folded])
        self._laid_out = places
        for name in PANES:
            box = self.query_one(f"#{name}", Box)
            box.display = name in places
            if place := places.get(name):
                box.styles.offset = place.offset
                box.styles.width, box.styles.height = place.size
                folds = name in FOLDED and len(places) < len(PANES)
                box.border_subtitle = f"Tab: {FOLDED[(self._folded + 1) % len(FOLDED)]}" if folds else ""
        self.call_after_refresh(self._draw)

    def _needed(self) -> Size:
        """By registers, of which there are more in another mode."""
        dump = named(self._walk.machine.architecture).dump()
        return registers.needed(list(dump.values(self._walk.cpu)))

    def _draw(self) -> None:
        """All of it, of where the machine stands."""
        if self._busy:
            return
        room = self.query_one("#panes").size
        if self._laid_out != laid_out(room.width, room.height, self._needed(), FOLDED[self._folded]):
            self._lay_out()
            return
        for name, pane in PANES.items():
            box = self.query_one(f"#{name}", Box)
            size = box.content_size
            if not box.display or not size.width:
                continue
            view = View(self._walk, size.width, size.height, self._before, self._now)
            box.update(Text("\n", no_wrap=True, overflow="ellipsis").join(pane.draw(view)[: size.height]))
        self.query_one("#where", Static).update(self._where())
        self.query_one("#told", Static).update(self._told())

    def _told(self) -> Text:
        """What the last move came to, or what comes next."""
        walk, machine = self._walk, self._walk.machine
        if walk.told or walk.coming is None:
            return Text("\n".join(map(printable, walk.told.split("\n"))), style=WARNING)
        event, insns, place = walk.coming
        what = interrupt(event.number, event.source, machine)
        when = f"in {insns} instruction{'s' * (insns != 1)}" if insns else "now"
        return line((f" next: {what} {when}, before ", DIM), (machine.where(place), DIM))

    def _where(self) -> Text:
        walk, machine = self._walk, self._walk.machine
        at = machine.position
        name = printable(name_of(machine.source.image)) if machine.source else ""
        whole = f" of {walk.known.insns}" if walk.known else ""
        cpu = f"  vCPU {walk.cpu.index} of {len(machine.cpus)}" if len(machine.cpus) > 1 else ""
        return line(
            (f" {name}  ", LIT), f"insn {at.insns}{whole}  {at.ns} ns  event {at.hashed}{cpu}  ",
            (machine.where(walk.cpu.pc), LIT),
        )  # fmt: skip

    def _short(self) -> Text:
        parts: list[tuple[str, str]] = []
        for keys, does in SHORT.items():
            parts += [(f" {keys}", LIT), (f" {does} ", DIM)]
        return line(*parts)

    def _help(self) -> Text:
        return Text("\n").join(line((f"{key.label:5}", LIT), key.does) for key in KEYS)

    # ---- keys ----

    async def on_event(self, event: Event) -> None:
        """Keys in their order, whatever they must wait for."""
        if isinstance(event, Key) and not event.is_forwarded and self._waits(event.key):
            self._ahead.append(event)
            await self._heed()
        else:
            await super().on_event(event)

    def _waits(self, key: str) -> bool:
        """Its turn may be later; a q belongs to a line that is asked for, too."""
        return key not in AT_ONCE or (bool(self._asking) and key != "escape")

    async def _heed(self) -> None:
        """Keys that were typed ahead, until one of them takes long."""
        if self._heeding:
            return
        self._heeding = True
        try:
            while self._ahead and not (self._busy or self._answered):
                key = self._ahead.popleft()
                self._answered = bool(self._asking) and key.key == "enter"
                await super().on_event(key)
        finally:
            self._heeding = False

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return action in WHILE_ASKED or not self._asking

    async def _move(self, move: Callable[[], None]) -> None:
        """Let the machine move; where that takes long, Esc is heard meanwhile."""
        self._busy = True
        self._before, self._now = self._now, {}
        moving = asyncio.ensure_future(asyncio.to_thread(move))
        with self._ending():
            done, _ = await asyncio.wait([moving], timeout=PATIENCE)
        if not done:
            self.query_one("#told", Static).update(Text(" under way; Esc stops it", style=WARNING))
            self.run_worker(self._arrive(moving))
            return
        await self._arrive(moving)

    async def _arrive(self, moving: asyncio.Future[None]) -> None:
        with self._ending():
            await asyncio.wait([moving])
        self._busy = False
        self._draw()
        await moving
        await self._heed()

    @contextmanager
    def _ending(self) -> Iterator[None]:
        """Where a signal ends the process, a move that is under way ends, too, and nothing is drawn of it."""
        try:
            yield
        except asyncio.CancelledError:
            self._walk.wants_in = True
            raise

    async def action_forward(self) -> None:
        await self._move(self._walk.forward)

    async def action_back(self) -> None:
        await self._move(self._walk.back)

    async def action_next_delivery(self) -> None:
        await self._move(self._walk.next_delivery)

    async def action_last_delivery(self) -> None:
        await self._move(self._walk.last_delivery)

    async def action_finish(self) -> None:
        await self._move(self._walk.finish)

    async def action_go_on(self) -> None:
        await self._move(self._walk.go_on)

    async def action_go_back(self) -> None:
        await self._move(self._walk.go_back)

    async def action_nmi(self) -> None:
        await self._move(lambda: self._walk.command("nmi"))

    async def action_next_cpu(self) -> None:
        await self._move(lambda: self._walk.show(self._walk.cpu.index + 1))

    def action_fold(self) -> None:
        self._folded = (self._folded + 1) % len(FOLDED)
        self._lay_out()

    def action_help(self) -> None:
        self.query_one("#help").toggle_class("open")

    def action_escape(self) -> None:
        self._walk.wants_in = True
        self._ahead.clear()
        self.query_one("#help").remove_class("open")
        self._close()

    def action_leave(self) -> None:
        self._walk.wants_in = True
        self.exit()

    # ---- what is asked ----

    def action_ask(self, what: str) -> None:
        """Open the line in which the rest of a key is written."""
        self._asking = what
        asked = self.query_one("#asked", Input)
        asked.value, asked.placeholder = "", ASKED[what]
        asked.add_class("open")
        self.set_focus(asked)

    def _close(self) -> None:
        asked = self.query_one("#asked", Input)
        asked.remove_class("open")
        self.set_focus(None)
        self._asking, self._answered = "", False

    async def on_input_submitted(self, submitted: Input.Submitted) -> None:
        if not self._answered:
            return  # Esc was faster
        what, text = self._asking, submitted.value.strip()
        self._close()
        if what == "search":
            text = self._searched = text or self._searched
        if text:
            await self._move(lambda: self._answer(what, text))
        await self._heed()

    def _answer(self, what: str, text: str) -> None:
        walk = self._walk
        try:
            if what == "toggle":
                walk.toggle(text)
            elif what == "go_to":
                walk.go_to(_count(text))
            elif what == "search":
                walk.search(text)
            else:
                walk.command(f"line {text}" if what == "line" else text)
        except VmmError as error:
            walk.told = str(error)


def _count(text: str) -> int:
    try:
        return int(text, 0)
    except ValueError:
        raise VmmError(f"{text!r}: a count of instructions is a number") from None
