"""A trigger of one's own is a class: it is run to, awaited and combined like the others, and no other file knows it."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

import vmm
from vmm.core.native import lib
from vmm.errors import VmmError
from vmm.scenario.trigger import Context, EventWait, SlotWait, Trigger, Wait


@dataclass(frozen=True)
class Masked(Trigger):
    """A chip's mask was written. Gives the event."""

    reason = "delivered"
    detail = "the mask was written at"

    chip: int | None = None

    def prime(self, context: Context) -> Wait:
        chip = lib.VMM_ANY if self.chip is None else self.chip
        return EventWait(context, self, lib.VMM_EV_MASKED, number=chip)


@dataclass(frozen=True)
class Here(Trigger):
    """At once."""

    def prime(self, context: Context) -> Wait:
        return SlotWait(context, self, lib.VMM_TRIGGER_INSNS, at=0)


def test_a_run_comes_to_it_with_its_own_reason_and_words():
    m = vmm.boot("x86/first_isr")
    stop = m.run(until=Masked(chip=0))
    assert (stop.reason, stop.result.kind, stop.result.number) == ("delivered", "masked", 0)
    assert stop.detail.startswith("the mask was written at 0x")
    assert stop.exit_status == 0
    assert m.pic.master.imr == stop.result.value


def test_a_scenario_awaits_it_alone_and_with_others():
    m = vmm.boot("x86/first_isr")
    seen = []

    async def scenario(m):
        seen.append((await Masked()).kind)
        fired = await vmm.First(vmm.Delivered(), Masked(chip=1))
        seen.append((str(fired.trigger), fired.result.kind))
        seen.append(await vmm.Then(Here(), vmm.Elapsed(insns=1)))

    task = m.start(scenario)
    assert m.waiting == ["test_a_scenario_awaits_it_alone_and_with_others.<locals>.scenario waits for Masked()"]
    m.run()
    assert task.finished
    assert seen == ["masked", ("Masked(chip=1)", "masked"), None]


def test_reasons_are_of_the_trigger_that_was_run_to():
    m = vmm.boot("x86/first_isr")
    assert m.run(until=vmm.Elapsed(insns=3)).reason == "elapsed"
    assert m.run(until=vmm.NextBoundary()).reason == "breakpoint"
    assert m.run(until=vmm.LineChanged()).reason == "event"
    assert m.run(until=vmm.First(vmm.Delivered())).reason == "event"
    assert m.run(until=vmm.Combine(vmm.Returned())).reason == "event"


@pytest.mark.parametrize("wrong", [3.5, Trigger(), b"tick"])
def test_what_is_no_trigger_is_refused_with_what_it_is(wrong):
    with pytest.raises(VmmError, match="is not a trigger; await one of vmm's, such as Reach"):
        vmm.boot("x86/first_isr").run(until=wrong)
