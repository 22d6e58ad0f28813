"""A handler that uses vector registers and does not save them."""

from __future__ import annotations

from vmm.diagnoses.leaves import Leaves


class Rule(Leaves):
    """A kernel may own them only where it says so, and its handlers use them elsewhere: what nobody reads is fine."""

    RULE = (
        "vector registers are not at an interrupt handler's return what they were at its delivery, though it returns "
        "to where it came from; certain where the code that it interrupted reads one of them next"
    )
    KIND = "vectors changed"
    WANTS = (KIND,)
    VECTOR = True
    WHAT = "vector"

    def is_certain(self, linear: int) -> bool:
        return True
