"""All diagnoses by name; here one is added."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib import import_module

from vmm.diagnoses.diagnosis import Budget, Diagnosis
from vmm.errors import VmmError, unknown

ALL = "all"
NAMES = (
    "missing_eoi",
    "lost_edge",
    "shared_line",
    "storm",
    "unquelled",
    "reentry",
    "early_eoi",
    "spurious",
    "foreign_vector",
    "masked_hang",
    "unanswered_ipi",
    "frame",
    "vector_state",
    "registers",
    "deadlock",
    "lost_wakeup",
    "livelock",
    "stack",
    "circular_wait",
    "latency",
    "late_service",
    "handler_time",
    "jitter",
    "timing_leak",
    "step_leak",
    "starvation",
)
"""A module each, whose class is `Rule`, in the order they are told."""


def diagnosis(name: str) -> type[Diagnosis]:
    """VmmError, with the nearest right name, for one there is not."""
    if name not in NAMES:
        raise unknown("diagnosis", name, [ALL, *NAMES])
    found: type[Diagnosis] = import_module(f"vmm.diagnoses.{name}").Rule
    return found


def chosen(words: Sequence[str]) -> dict[str, Budget | None]:
    """What "all", a name, or "NAME=BUDGET" each of `words` ask for, by name; a later budget replaces an earlier one.
    VmmError for what is neither, a budget that is no number with a unit, one of a diagnosis that takes none, and for
    the name of one that says nothing without, and has none.
    """
    asked: dict[str, Budget | None] = {}
    for name, budget in map(_parsed, words):
        for each in NAMES if name == ALL else (name,):
            asked[each] = budget or asked.get(each)
    for name in named(words):
        if diagnosis(name).NEEDED and asked[name] is None:
            raise VmmError(f"{name} needs a budget: {name}={diagnosis(name).BUDGET}")
    return {name: asked[name] for name in NAMES if name in asked}


def named(words: Sequence[str]) -> list[str]:
    """Those of `words` that are not "all", without their budgets."""
    return [name for name in dict.fromkeys(_parsed(word)[0] for word in words) if name != ALL]


def _parsed(word: str) -> tuple[str, Budget | None]:
    name, equals, text = word.strip().partition("=")
    if name != ALL:
        takes = diagnosis(name).BUDGET
    elif equals:
        raise VmmError(f"{word!r}: a budget is of one diagnosis: {', '.join(_with_budget())} take one")
    if not equals:
        return name, None
    if not takes:
        raise VmmError(f"{word!r}: {name} takes no budget: {', '.join(_with_budget()) or 'none'} do")
    if takes and text and diagnosis(name).SYMBOL:
        return name, Budget(text=text)
    return name, budget(text, word)


def budget(text: str, word: str) -> Budget:
    """ "80us" of virtual time, "100insns"; VmmError, which names `word`, for what is neither."""
    from argparse import ArgumentTypeError

    from vmm.quantities import count, duration

    for unit in ("insns", "insn"):
        if text.endswith(unit):
            try:
                return Budget(insns=count(text.removesuffix(unit)), text=text)
            except ArgumentTypeError:
                break
    try:
        return Budget(ns=duration(text), text=text)
    except ArgumentTypeError:
        raise VmmError(f"{word!r}: a budget is a number with its unit, such as 80us, 1ms or 100insns") from None


def _with_budget() -> Iterator[str]:
    return (name for name in NAMES if diagnosis(name).BUDGET)
