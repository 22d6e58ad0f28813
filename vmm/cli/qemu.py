"""QEMU's options for `vmm run`: those with a true equal become ours, those that are always so are dropped, and each of
the others has its answer.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from typing import NamedTuple

from vmm.cli.qemu_words import WORDS
from vmm.errors import VmmError

PROGRAM = "qemu-system-"
"""How the names of its programs begin."""


class Translation(NamedTuple):
    """A command line in our words."""

    words: list[str]
    always: list[str]
    """What was dropped, for it is always so."""

    def told(self, command: str) -> str:
        """In a line, to be pasted."""
        always = f" ({', '.join(self.always)}: always so)" if self.always else ""
        return f"in vmm's words: {shlex.join([*command.split(), *self.words])}{always}"


def word(text: str) -> str | None:
    """Which of WORDS it is: with one dash or two, as QEMU takes them."""
    bare = text.removeprefix("-").removeprefix("-")
    return bare if text != bare and bare in WORDS else None


def translated(arguments: Sequence[str], ours: Callable[[str], int | None]) -> Translation | None:
    """None where no word is QEMU's; VmmError for one that has no equal here. `ours` tells how many words follow an
    option of ours, None for what is none.
    """
    words: list[str] = []
    images: list[str] = []
    always: list[str] = []
    names: list[str] = []
    left = list(arguments)
    while left:
        text = left.pop(0)
        if text == "--":
            images += left
            break
        if (follow := ours(text)) is not None:
            words += [text, *left[:follow]]
            del left[:follow]
            continue
        option, equals, value = text.partition("=")
        name = word(option)
        if text.startswith(PROGRAM):
            names.append(text)
            continue
        if name is None or (equals and not WORDS[name].value):
            (words if text.startswith("-") else images).append(text)
            continue
        left[:0] = [value] if equals else []
        names.append(name)
        new = _of(name, option, left)
        always += [] if new else [option]
        (images if name == "kernel" else words).extend(new)
    if not names:
        return None
    dashed = any(image.startswith("-") for image in images)
    return Translation([*words, "--", *images] if dashed else [*images, *words], always)


def _of(name: str, text: str, left: list[str]) -> list[str]:
    """Ours for the word, and its value, which is taken from `left`."""
    row = WORDS[name]
    if isinstance(row.means, str):
        raise VmmError(f"{text}: {row.means}")
    if row.value and not left:
        raise VmmError(f"argument {text}: expected one argument")
    value = left.pop(0) if row.value else ""
    try:
        return row.means(value)
    except VmmError as error:
        raise VmmError(f"{text} {value}: {error}") from None
