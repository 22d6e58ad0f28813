"""A request that nobody takes, and why; those that something in service holds back are told of with that."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from vmm.findings.finding import Finding
from vmm.findings.standing import Controller, Request, Standing, some


def find(at: Standing, controllers: Sequence[Controller]) -> Iterator[Finding]:
    """One each; of those that the guest does not want one for each reason. Of what firmware left, only where it might
    have woken somebody.
    """
    first = 0 if at.native.asleep else 1
    barred: dict[str, list[Request]] = {}
    for controller in controllers:
        for request in controller.requests(at):
            if request.since is not None and request.since < first:
                continue
            if request.barred:
                barred.setdefault(request.why, []).append(request)
            elif not request.behind:
                yield _finding([request])
    yield from map(_finding, barred.values())


def _finding(requests: Sequence[Request]) -> Finding:
    names = some([request.name for request in requests])
    if len(requests) == 1:
        since = requests[0].since
        names += " is requested" + ("" if since is None else f" since insn {since}")
    else:
        names += " are requested"
    return Finding("waiting", f"{names} and not taken: {requests[0].why}", False)
