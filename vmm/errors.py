"""The one error a user's input can cause: a line that says what and where, and for names the nearest right one."""

from __future__ import annotations

from collections.abc import Iterable


class VmmError(Exception):
    """Bad input or a machine that cannot do what was asked; the command line prints it and exits with 2."""


def within(what: str, value: int, limit: int) -> None:
    """VmmError unless `value` is one of 0 to `limit` - 1."""
    if not 0 <= value < limit:
        raise VmmError(f"{what} {value:#x} is outside 0-{limit - 1:#x}")


MOST_LISTED = 12


def unknown(what: str, name: str, known: Iterable[str]) -> VmmError:
    """The error for a name that is not among `known`, with the nearest one suggested."""
    names = sorted(known)
    near = nearest(name, names)
    listed = ", ".join(names[:MOST_LISTED]) + ("…" if len(names) > MOST_LISTED else "")
    hint = f"; did you mean {near!r}?" if near else f" (known: {listed})"
    return VmmError(f"unknown {what} {name!r}{hint}")


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Which of `known` is meant by `name`, if any can be."""
    import difflib  # only for who errs

    near = difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.5)
    return near[0] if near else None
