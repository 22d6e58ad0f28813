"""Guests that are stepped through on a screen that nobody sees."""

import asyncio
from contextlib import ExitStack

import pytest

from vmm.cli import step
from vmm.stepper.app import Stepper

WIDE, NARROW = (160, 50), (80, 24)


class Screen:
    """What is shown, and the machine that is."""

    def __init__(self, app, pilot):
        self.app, self.pilot = app, pilot
        self.walk, self.machine = app._walk, app._walk.machine

    async def press(self, *keys):
        await self.pilot.press(*keys)
        await self.app.workers.wait_for_complete()
        await self.pilot.pause()

    async def answer(self, key, text):
        """A key that asks for something, and what is typed then."""
        await self.press(key)
        self.app.query_one("#asked").value = text
        await self.press("enter")

    def pane(self, name):
        """Its lines, without the frame."""
        box = self.app.query_one(f"#{name}")
        return [box.render_line(n).text.strip() for n in range(box.content_size.height)]

    def here(self):
        """Where in the code it stands, and the line above."""
        lines = self.pane("code")
        n = next(n for n, line in enumerate(lines) if "▶" in line)
        return lines[n - 1], lines[n].lstrip(" ▶●")

    def text(self, name):
        return "\n".join(self.pane(name))

    def shown(self):
        """The panes there are room for."""
        return {box.id for box in self.app.query("Box") if box.display}


@pytest.fixture
def stepping():
    """Run a coroutine function with a `Screen` of an image or a recording; gives what it gives."""

    def run(image, play, *options, size=WIDE):
        async def go():
            with ExitStack() as files:
                walk, _ = step.opened(step.parser().parse([str(image), *options]), files)
                app = Stepper(walk)
                async with app.run_test(size=size) as pilot:
                    await pilot.pause()
                    return await play(Screen(app, pilot))

        return asyncio.run(go())

    return run
