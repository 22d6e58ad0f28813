"""An interrupt in service that was never ended, and what waits behind it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from vmm.findings.finding import Finding
from vmm.findings.standing import Controller, Standing, some


def find(at: Standing, controllers: Sequence[Controller]) -> Iterator[Finding]:
    """A fault where its handler is gone and others wait: nobody will end it any more, and they will never come. Nothing
    at all while its handler is at work and nobody waits.
    """
    asleep = bool(at.native.asleep)
    for controller in controllers:
        services = list(controller.services(at))
        behind = [request for request in controller.requests(at) if request.behind] if services else []
        for service in services:
            waiting = [request.name for request in behind if request.behind == service.name]
            if not (service.left or waiting or asleep):
                continue
            since = f" since {service.since}" if service.since else ""
            parts = [f"{service.name} is in service{since}, never ended: it is owed {service.owed}", service.handler]
            text = "; ".join(filter(None, [*parts, _behind(waiting)]))
            yield Finding("in service", text, service.left and bool(waiting), service.taken)


def _behind(waiting: Sequence[str]) -> str:
    if not waiting:
        return ""
    count = "1 request waits" if len(waiting) == 1 else f"{len(waiting)} requests wait"
    return f"{count} behind it: {some(waiting)}"
