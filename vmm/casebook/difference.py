"""What the preprocessor makes of a source for each variant, and where the two differ."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import unified_diff

from vmm.casebook.case import BROKEN, DEFINES, FIXED, Case

TAKES = {"#ifdef": True, "#ifndef": False}


def difference(case: Case, arch: str) -> str:
    """From the broken variant to the fixed one, as `diff -u` has it; its line numbers are without what chooses."""
    broken, fixed = (list(variant(case, arch, name)) for name in (BROKEN, FIXED))
    return "".join(unified_diff(broken, fixed, BROKEN, FIXED))


def variant(case: Case, arch: str, name: str) -> Iterator[str]:
    """The lines of one, without those that choose between the variants."""
    known = {each for names in DEFINES.values() for each in names}
    chosen: list[bool | None] = []  # of each condition that is open; None: it is another's
    for line in case.source(arch).read_text(encoding="utf-8").splitlines(keepends=True):
        words = line.split()
        own = False
        if words and words[0].startswith("#if"):
            own = words[0] in TAKES and words[1:2] != [] and words[1] in known
            chosen.append((words[1] in DEFINES[name]) == TAKES[words[0]] if own else None)
        elif words and words[0] == "#else" and chosen[-1] is not None:
            own, chosen[-1] = True, not chosen[-1]
        elif words and words[0] == "#endif":
            own = chosen.pop() is not None
        if not own and False not in chosen:
            yield line
