"""A coverage map as one page that needs no other file: functions boundary by boundary, and the source line by line.

Everything that a guest, its image or a file's name says is escaped. What a line is, a mark says, and its colour.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from hashlib import sha256
from html import escape
from pathlib import Path

from vmm.coverage.image import ImageCoverage, SourceFile
from vmm.coverage.style import STYLE
from vmm.coverage.summary import (
    INTERRUPTED,
    MASKED,
    NEVER,
    NOT_EXECUTED,
    Boundary,
    Function,
    Summary,
    Tally,
    times_told,
    told,
)

PARTLY = "partly interrupted"
MARKS = {INTERRUPTED: "●", PARTLY: "◐", NEVER: "○", MASKED: "▪", NOT_EXECUTED: "✕"}
MEANINGS = {
    INTERRUPTED: "an interrupt came before every instruction of it that could be interrupted",
    PARTLY: "before some, and not before others",
    NEVER: "none came, though a maskable one could have",
    MASKED: "executed with interrupts off, or in a shadow, alone",
    NOT_EXECUTED: "there is code, and it did not run",
}
CLASSES = {INTERRUPTED: "hit", PARTLY: "part", NEVER: "open", MASKED: "mask", NOT_EXECUTED: "dead"}
MOST_CELLS = 400
"""Boundaries of a function that are drawn."""
GAP, AROUND = 8, 2
"""So many lines without code are left out, but for those around what has some."""
MOST_BYTES = 4 << 20
"""Of a source file that is shown."""


def page(summaries: Sequence[Summary]) -> str:
    """The whole of it."""
    return "".join(_page(summaries))


def _page(summaries: Sequence[Summary]) -> Iterator[str]:
    yield (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>Coverage of interrupts</title>\n<style>{STYLE}</style></head>\n<body>\n"
        "<header><h1>Coverage of interrupts</h1>\n"
        "<p>A boundary is the place before an instruction: which interrupts were delivered there, and where could one "
        "have been that never was?</p>\n<ul class=legend>"
    )
    for kind, mark in MARKS.items():
        yield f"<li>{_mark(kind, mark)} <b>{kind}</b> <span>{MEANINGS[kind]}</span></li>"
    yield "</ul>"
    if len(summaries) > 1:
        links = (f'<li><a href="#i{n}">{escape(each.image.name)}</a></li>' for n, each in enumerate(summaries))
        yield f"<nav><ul>{''.join(links)}</ul></nav>"
    yield "</header>\n<main>\n"
    for n, summary in enumerate(summaries):
        yield from _image(summary, f"i{n}")
    if not summaries:
        yield "<p>Nothing was executed.</p>"
    yield "</main>\n</body></html>\n"


def _mark(kind: str, mark: str) -> str:
    return f'<span class="mark {CLASSES[kind]}" aria-hidden="true">{mark}</span>'


# ---- an image ----


def _image(summary: Summary, anchor: str) -> Iterator[str]:
    image, total = summary.image, summary.total
    runs = f"{image.runs} run{'s' if image.runs != 1 else ''}"
    yield f'<section class=image id="{anchor}"><h2>{escape(image.name)}</h2>\n'
    yield f"<p class=facts>{escape(image.architecture)}, {runs}, SHA-256 <code>{escape(image.sha256[:16])}</code></p>\n"
    if not image.complete:
        yield "<p class=warning>More was executed or delivered than there is room for: this is not all of it.</p>\n"
    yield _bar(summary)
    if total.by:
        chips = (_chip(told(each, image.architecture), times) for each, times in sorted(total.by.items()))
        yield f"<p class=by>{''.join(chips)}</p>\n"
    anchors = {name: f"{anchor}f{n}" for n, name in enumerate(sorted(image.files))}
    yield "<h3>Functions</h3>\n<div class=functions>"
    for function in summary.functions:
        yield from _function(function, image, anchors)
    yield "</div>\n"
    lines = summary.lines()
    for name in sorted(image.files):
        tallies = {number: tally for (file, number), tally in lines.items() if file == name}
        yield from _file(name, image, tallies, anchors[name])
    yield "</section>\n"


def _bar(summary: Summary) -> str:
    parts = []
    for kind in (INTERRUPTED, NEVER, MASKED):
        count = summary.total.kinds[kind]
        if count:
            parts.append(f'<i class="{CLASSES[kind]}" style="flex-grow:{count}"></i>')
    counts = "".join(
        f"<li>{_mark(kind, MARKS[kind])} <b>{summary.total.kinds[kind]}</b> {kind}</li>"
        for kind in (INTERRUPTED, NEVER, MASKED)
    )
    dead = f"<li>{_mark(NOT_EXECUTED, MARKS[NOT_EXECUTED])} <b>{summary.not_executed}</b> lines not executed</li>"
    rest = dead if summary.image.lines else ""
    return f'<div class=bar aria-hidden="true">{"".join(parts)}</div>\n<ul class=counts>{counts}{rest}</ul>\n'


def _chip(name: str, times: int) -> str:
    return f"<span class=chip>{escape(name)} <b>×{times}</b></span>"


# ---- a function ----


def _function(function: Function, image: ImageCoverage, anchors: dict[str, str]) -> Iterator[str]:
    line = next((each for each in function.lines.values() if each.file in anchors), None)
    name = escape(str(function))
    if line:
        name = f'<a href="#{anchors[line.file]}l{line.number}">{name}</a>'
    tally = function.tally
    told_kinds = (f"{tally.kinds[kind]} {kind}" for kind in (INTERRUPTED, NEVER, MASKED) if tally.kinds[kind])
    facts = ", ".join(told_kinds) or NOT_EXECUTED
    yield f"<div class=function><div class=name>{_mark(*_kind(tally))} {name}</div><div class=facts>{facts}</div>"
    cells = "".join(_cell(each, image) for each in function.boundaries[:MOST_CELLS])
    more = len(function.boundaries) - MOST_CELLS
    left = f"<span>and {more} more</span>" if more > 0 else ""
    if cells:
        yield f"<div class=strip>{cells}{left}</div>"
    yield "</div>\n"


def _cell(boundary: Boundary, image: ImageCoverage) -> str:
    line = f" {boundary.where.file}:{boundary.where.line}" if boundary.where.file else ""
    by = times_told(boundary.by, image.architecture)
    words = escape(f"{boundary.name}{line}: {by or boundary.kind}")
    return f'<i class="{CLASSES[boundary.kind]}" title="{words}"></i>'


def _kind(tally: Tally) -> tuple[str, str]:
    partly = tally.kinds[INTERRUPTED] and tally.kinds[NEVER]
    kind = PARTLY if partly else tally.kind
    return kind, MARKS[kind]


# ---- a source file ----


def _file(name: str, image: ImageCoverage, tallies: dict[int, Tally], anchor: str) -> Iterator[str]:
    text, why = _source(image.files[name])
    yield f'<section class=file id="{anchor}"><h3>{escape(name)}</h3>\n'
    if why:
        yield f"<p class=warning>{why}</p>\n"
    yield "<ol class=code>"
    last = max([len(text), *tallies])
    near = {each for number in tallies for each in range(number - AROUND, number + AROUND + 1)}
    number = 1
    while number <= last:
        gap = 0
        while number + gap <= last and number + gap not in near:
            gap += 1
        if gap > GAP or (gap and not text):
            yield f"<li class=gap>{gap} lines without code</li>" if text else ""
            number += gap
            continue
        words = text[number - 1] if number <= len(text) else ""
        if text or number in tallies:
            yield _line(number, words, tallies.get(number), image, anchor)
        number += 1
    yield "</ol></section>\n"


def _line(number: int, words: str, tally: Tally | None, image: ImageCoverage, anchor: str) -> str:
    anchored = f'id="{anchor}l{number}"'
    source = f"<code>{escape(words) or ' '}</code>"
    if tally is None:
        return f"<li {anchored}><span class=mark></span><span class=number>{number}</span>{source}</li>\n"
    kind, mark = _kind(tally)
    chips = "".join(_chip(told(each, image.architecture), times) for each, times in sorted(tally.by.items()))
    could = tally.kinds[INTERRUPTED] + tally.kinds[NEVER]
    part = f"<small>{tally.kinds[INTERRUPTED]} of {could} boundaries</small>" if kind == PARTLY else ""
    return (
        f'<li {anchored} class="{CLASSES[kind]}" title="{kind}">{_mark(kind, mark)}<span class=number>{number}</span>'
        f"{source}<span class=by>{part}{chips}</span></li>\n"
    )


def _source(file: SourceFile) -> tuple[list[str], str]:
    """Its lines as they were, and what is said where they cannot be shown."""
    if not file.path:
        return [], "The source was not found where this was collected."
    path = Path(file.path)
    try:
        if not path.is_file() or path.stat().st_size > MOST_BYTES:
            raise OSError
        data = path.read_bytes()
    except (OSError, ValueError):
        return [], f"The source is not at <code>{escape(file.path)}</code> any more."
    if sha256(data).hexdigest() != file.sha256:
        return [], f"<code>{escape(file.path)}</code> has changed since, so only numbers of lines are shown."
    return data.decode(errors="replace").removesuffix("\n").split("\n"), ""
