"""A walk on a terminal, or drawn as a picture."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from textual.keys import Keys

from vmm.errors import unknown
from vmm.stepper.app import Stepper
from vmm.stepper.walk import Walk


def on_terminal(walk: Walk) -> None:
    """Until somebody leaves it."""
    Stepper(walk).run()


def as_picture(walk: Walk, keys: Sequence[str], size: tuple[int, int]) -> str:
    """An SVG of what is shown once the keys have been pressed; columns and lines.
    VmmError for a key that there is not.
    """
    return asyncio.run(_drawn(Stepper(walk), _checked(keys), size))


async def _drawn(app: Stepper, keys: Sequence[str], size: tuple[int, int]) -> str:
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        for key in keys:
            await pilot.press(key)
            await app.workers.wait_for_complete()
        await pilot.pause()
        drawn = app.export_screenshot(title=app.title)
        return "".join(f"{line.rstrip()}\n" for line in drawn.splitlines())


def _checked(keys: Sequence[str]) -> Sequence[str]:
    """Characters, and names such as "enter"."""
    names = {str(key.value) for key in Keys}
    for key in keys:
        if len(key) > 1 and key not in names:
            raise unknown("key", key, sorted(names))
    return keys
