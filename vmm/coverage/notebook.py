"""A coverage map as a notebook shows it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from vmm.coverage.summary import INTERRUPTED, MASKED, NEVER, Summary, times_told
from vmm.shown.elements import Html, name, picture, table

if TYPE_CHECKING:
    from vmm.coverage.coverage import Coverage

FUNCTION = ("function", "boundaries", "interrupted", "never, though not masked", "masked", "by")


def coverage(of: Coverage) -> str:
    """An image after the other, by function."""
    images = [Summary(image) for image in of.images]
    watched = f"; {of.watched} watched: what they do is part of it when it is collected" if of.watched else ""
    return picture(f"coverage of {len(images)} image{'s' if len(images) != 1 else ''}{watched}", *_images(images))


def _images(summaries: list[Summary]) -> Iterator[Html]:
    for each in summaries:
        yield name(each.title())
        yield table(FUNCTION, _functions(each))


def _functions(of: Summary) -> Iterator[tuple[object, ...]]:
    for each in of.functions:
        tally = each.tally
        kinds = (tally.kinds[kind] for kind in (INTERRUPTED, NEVER, MASKED))
        yield each, tally.boundaries, *kinds, times_told(tally.by, of.image.architecture)
