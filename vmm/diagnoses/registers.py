"""A handler that uses general registers and does not save them."""

from __future__ import annotations

from vmm.diagnoses.leaves import Leaves

COMPILED = (".c", ".cc", ".cpp", ".cxx", ".rs", ".zig")


class Rule(Leaves):
    """Assembly may give a handler registers of its own; what a compiler made knows of none."""

    RULE = (
        "general registers are not at an interrupt handler's return what they were at its delivery, though it returns "
        "to where it came from; certain where a compiler made the code that it interrupted, and that reads one next"
    )
    KIND = "registers changed"
    WANTS = (KIND,)
    VECTOR = False
    WHAT = "general"

    def is_certain(self, linear: int) -> bool:
        line = self._patient.where(linear).rpartition(" ")[2]
        return line.rpartition(":")[0].endswith(COMPILED)
