"""What a picture in a notebook is made of; all that is no `Html` is escaped, whoever wrote it.

A cell's value says how it looks: a truth value is a dot, None a dash, a set its members, a number stands right.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from html import escape

from vmm.shown.style import STYLE

NOTHING, DOT = "–", "●"
PICTURES = {code: 0x2400 + code for code in range(32) if chr(code) not in "\t\n"} | {0x7F: 0x2421}
"""Unicode's pictures of control characters, which a guest may well write."""
INVISIBLE = dict.fromkeys((*range(0x80, 0xA0), *range(0x202A, 0x202F), *range(0x2066, 0x206A)), 0xFFFD)
"""C1 controls, and what turns the direction of the text that follows."""


class Html(str):
    """Markup, made here."""


def words(value: object) -> Html:
    """Whatever it is, as text."""
    if isinstance(value, Html):
        return value
    if value is None:
        return Html(NOTHING)
    if isinstance(value, bool):
        return Html(f'<span title="yes">{DOT}</span>' if value else "")
    if isinstance(value, frozenset):
        return words(", ".join(map(str, sorted(value))) or None)
    return Html(escape(str(value).translate(PICTURES | INVISIBLE)))


def code(value: object) -> Html:
    """As a program has it."""
    return Html(f"<code>{words(value)}</code>")


def number(value: int, bits: int) -> Html:
    """Hexadecimal, so wide."""
    return code(f"{value:#0{bits // 4 + 2}x}")


def numbers(values: frozenset[int], bits: int) -> Html:
    """So, the smallest first."""
    return Html(", ".join(number(each, bits) for each in sorted(values))) or words(None)


def badge(text: str, kind: str) -> Html:
    """`kind` is "good", "bad" or "doubt"."""
    return Html(f'<span class="badge {kind}">{words(text)}</span>')


def paragraph(*values: object) -> Html:
    """One behind the other."""
    return Html(f"<p>{' '.join(map(words, values))}</p>")


def text(value: str) -> Html:
    """Lines as they are."""
    return Html(f"<pre>{words(value)}</pre>")


def name(value: str) -> Html:
    """Of the part that follows."""
    return Html(f'<div class="name">{words(value)}</div>')


def table(names: Sequence[str], rows: Iterable[Sequence[object]]) -> Html:
    """Under its columns' names; empty where there is no row."""
    body = [list(row) for row in rows]
    right = [all(_is_number(row[column]) for row in body) for column in range(len(names))]
    head = "".join(f"<th{_side(side)}>{words(each)}</th>" for each, side in zip(names, right, strict=True))
    lines = "".join(f"<tr>{''.join(_cells(row, right))}</tr>\n" for row in body)
    return Html(f"<table><thead><tr>{head}</tr></thead>\n<tbody>{lines}</tbody></table>" if body else "")


def facts(pairs: Iterable[tuple[str, object]]) -> Html:
    """A line each: what it is, and its value."""
    lines = "".join(f"<tr><th>{words(what)}</th><td>{words(value)}</td></tr>\n" for what, value in pairs)
    return Html(f"<table><tbody>{lines}</tbody></table>" if lines else "")


def picture(title: object, *parts: Html) -> str:
    """The whole of it, which needs nothing around it."""
    return f'<div class="vmm"><style>{STYLE}</style><div class="title">{words(title)}</div>\n{"".join(parts)}</div>'


def _is_number(value: object) -> bool:
    return value is None or (isinstance(value, int) and not isinstance(value, bool))


def _side(right: bool) -> str:
    return ' class="n"' if right else ""


def _cells(row: Sequence[object], right: Sequence[bool]) -> Iterator[str]:
    for value, side in zip(row, right, strict=True):
        yield f"<td{_side(side)}>{words(value)}</td>"
