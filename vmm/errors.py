"""The one error a user's input can cause: a line that says what and where, and for names the nearest right one."""

from __future__ import annotations

from collections.abc import Iterable


class VmmError(Exception):
    """Bad input or a machine that cannot do what was asked; the command line prints it and exits with 2."""


def printable(text: str) -> str:
    """With control characters, which would end the line or act on a terminal, and bytes that are no characters, as
    Python writes them.
    """
    return "".join(map(_printable, text))


def _printable(character: str) -> str:
    if "\udc80" <= character <= "\udcff":  # a byte of a file's name (PEP 383)
        return f"\\x{ord(character) & 0xFF:02x}"
    return repr(character)[1:-1] if character < " " or "\x7f" <= character < "\xa0" else character


def said(error: BaseException) -> str:
    """What it says, of which one of a script's own may be unable."""
    try:
        return str(error)
    except Exception:
        return ""


def words(error: BaseException) -> str:
    """Its type and what it says."""
    text = said(error)
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


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
    """Which of `known` is meant by `name`, if one clearly is: it begins so, or has most letters of it, or has all in
    another order.
    """
    import difflib  # only for who errs

    meant, names = _bare(name), {_bare(each): each for each in sorted(known, reverse=True)}
    begun = sorted((each for each in names if each.startswith(meant) and len(meant) >= TELLING), key=len)
    near = difflib.get_close_matches(meant, names, n=1, cutoff=ALIKE)
    swapped = [each for each in names if sorted(each) == sorted(meant) and len(each) > 1]
    return next((names[each] for each in (*begun, *near, *swapped)), None)


TELLING = 3
"""Letters of a beginning that tell what it is the beginning of."""
ALIKE = 0.65
"""Of difflib's ratio: below it, what is nearest is most often something else altogether."""


def _bare(name: str) -> str:
    """Dashes and capitals make no name another."""
    return name.lstrip("-").lower()
