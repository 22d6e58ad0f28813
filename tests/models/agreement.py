"""How a product and its model are compared: random sequences of a state machine's rules, the same in every run."""

from __future__ import annotations

from unittest import TestCase

from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine


def checked(machine: type[RuleBasedStateMachine], *, examples: int, steps: int = 50) -> type[TestCase]:
    """The test that tries `examples` sequences of at most `steps` rules."""
    case: type[TestCase] = machine.TestCase
    case.settings = settings(  # type: ignore[attr-defined]
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        report_multiple_bugs=False,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
    )
    return case
