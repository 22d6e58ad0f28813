"""The manual: a Markdown file a topic beside this one, which `vmm help TOPIC` and GitHub show alike.

README.md is its contents: the topics in their order, each with the line that `vmm help` gives it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from vmm.errors import VmmError, unknown

MOST_TELLING = 4
"""Pages that are named for a word."""
_HERE = Path(__file__).parent
_ENTRY = re.compile(r"^\* \[(?P<topic>[\w-]+)\]\((?P=topic)\.md\): (?P<line>.+)$", re.MULTILINE)


def topics() -> dict[str, str]:
    """Each topic and what its page tells, in a line of words."""
    contents = (_HERE / "README.md").read_text(encoding="utf-8")
    return {entry["topic"]: entry["line"] for entry in _ENTRY.finditer(contents)}


def page(topic: str, others: Iterable[str] = ()) -> str:
    """The Markdown of a topic's page, capitals or not. VmmError where there is none, with the pages that have the word,
    or with the nearest topic or one of `others`.
    """
    known, others = topics(), list(others)
    if topic.lower() in known:
        return _text(topic.lower())
    if topic.lower() not in others and (telling := _telling(topic)):
        raise VmmError(f"no topic {topic!r}; it is told of in {', '.join(telling)}")
    raise unknown("topic", topic, [*known, *others])


def _text(topic: str) -> str:
    return (_HERE / f"{topic}.md").read_text(encoding="utf-8")


def _telling(word: str) -> list[str]:
    """The topics whose pages have the word, capitals or not; those where it is most often first."""
    whole = re.compile(rf"(?<!\w){re.escape(word)}(?!\w)", re.IGNORECASE)
    counts = {topic: len(whole.findall(_text(topic))) for topic in topics()}
    return sorted(filter(counts.get, counts), key=lambda topic: -counts[topic])[:MOST_TELLING]
