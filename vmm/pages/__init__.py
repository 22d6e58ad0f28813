"""The manual: a Markdown file a topic beside this one, which `vmm help TOPIC` and GitHub show alike.

README.md is its contents: the topics in their order, each with the line that `vmm help` gives it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from vmm.errors import unknown

_HERE = Path(__file__).parent
_ENTRY = re.compile(r"^\* \[(?P<topic>[\w-]+)\]\((?P=topic)\.md\): (?P<line>.+)$", re.MULTILINE)


def topics() -> dict[str, str]:
    """Each topic and what its page tells, in a line of words."""
    contents = (_HERE / "README.md").read_text(encoding="utf-8")
    return {entry["topic"]: entry["line"] for entry in _ENTRY.finditer(contents)}


def page(topic: str, others: Iterable[str] = ()) -> str:
    """The Markdown of a topic's page; VmmError with the nearest topic, or one of `others`, where there is none."""
    known = topics()
    if topic not in known:
        raise unknown("topic", topic, [*known, *others])
    return (_HERE / f"{topic}.md").read_text(encoding="utf-8")
