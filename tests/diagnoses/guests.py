"""What a diagnosis says of a guest's whole run."""

from __future__ import annotations

import vmm
from vmm.diagnoses.diagnosis import Verdict


def said(m: vmm.Machine, name: str, **limits: int) -> list[Verdict]:
    """What the diagnosis `name` says when the run is over."""
    with m.diagnose(name) as diagnoses:
        m.run(**limits)
        return diagnoses.verdicts()


def certain(m: vmm.Machine, name: str, **limits: int) -> list[Verdict]:
    """Of that, what it is certain of."""
    return [verdict for verdict in said(m, name, **limits) if verdict.certain]
