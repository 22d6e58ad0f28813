"""A gear is a policy: a random guest's run in the precise gear, and the same run in the fast one, whole, in slices and
with snapshots, are one.
"""

from __future__ import annotations

import io
from typing import TextIO

import fuzz_x86
from fuzz_cases import Outcome
from fuzz_looking import WAYS, Advance, Case, compare, whole

from vmm.errors import VmmError

FAST: dict[str, Advance] = {
    "fast": whole,
    **{f"fast, {name}": WAYS[name] for name in ("in slices", "with snapshots", "looked at")},
}


def run(seed: int, number: int, report: TextIO | None = None) -> Outcome:
    """Run case `number` in both gears, and write the ways into `report`; Difference where two differ."""
    case = Case(seed, number)
    try:
        first = case.run(whole, gear="precise")
    except VmmError:
        if case.kind.prepare is not fuzz_x86.image_with_noise:
            raise
        return Outcome(number, case.kind.name, "refused", "")
    for name, advance in FAST.items():
        print(name, file=report or io.StringIO(), flush=True)
        compare(first, case.run(advance, gear="fast"), name)
    return Outcome(number, case.kind.name, first["stop"].reason, str(first["fingerprint"]))  # type: ignore[attr-defined]
