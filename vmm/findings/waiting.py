"""A request that nobody takes, and why; those that something in service holds back are told of with that."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from vmm.findings.finding import Finding
from vmm.findings.standing import Controller, Standing


def find(at: Standing, controllers: Sequence[Controller]) -> Iterator[Finding]:
    for controller in controllers:
        for request in controller.requests(at):
            if not request.behind:
                text = f"{request.name} is requested since insn {request.since} and not taken: {request.why}"
                yield Finding("waiting", text, False)
