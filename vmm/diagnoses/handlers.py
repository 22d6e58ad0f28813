"""Handlers under way, as deliveries and returns tell of them."""

from __future__ import annotations

from vmm.core.event import Event

WANTS = ("delivered", "returned")
SYNCHRONOUS = ("exception", "software")
"""Sources of what the code itself brought about."""
A32_IRQ, A32_FIQ = 0x18, 0x1C
"""Vectors of AArch32; those of AArch64 are multiples of 80h."""
OTHERS = ("NMI", "SError")
"""Of what nothing masks."""


class Handler:
    """One, from its delivery on."""

    __slots__ = ("delivered", "number", "returned", "synchronous")

    def __init__(self, delivered: Event) -> None:
        self.delivered = delivered
        self.returned: Event | None = None
        self.number = delivered.number
        self.synchronous = delivered.source in SYNCHRONOUS
        """An exception's or a software interrupt's."""

    @property
    def of_the_kernel(self) -> bool:
        """A maskable interrupt's that came to code of the handler's own privilege, which nobody else answers for: what
        user code goes on with, and what a fault's handler leaves, is the kernel's business, and NMIs are debuggers'.
        """
        delivered = self.delivered
        return not self.synchronous and delivered.source not in OTHERS and delivered.cpl == delivered.target_el

    @property
    def interrupted(self) -> int:
        """The linear address of the instruction that was about to begin, or that raised it."""
        return self.delivered.interrupted

    @property
    def is_a32(self) -> bool:
        """An interrupt's in AArch32, which has a stack pointer of its own."""
        return self.delivered.vector_offset in (A32_IRQ, A32_FIQ)


class Handlers:
    """Of all vCPUs."""

    WANTS = WANTS

    def __init__(self) -> None:
        self._nest: dict[int, list[Handler]] = {}
        self.of: Handler | None = None
        """What the last event is of: it begins, or has returned; None for a return whose delivery was not seen."""

    def under_way(self, vcpu: int) -> list[Handler]:
        """From the outermost on."""
        return self._nest.setdefault(vcpu, [])

    def see(self, event: Event) -> None:
        nest = self._nest.get(event.vcpu)
        if nest is None:
            nest = self.under_way(event.vcpu)
        if event.kind == "delivered":
            del nest[max(event.depth - 1, 0) :]  # those that unwound their stack never return
            self.of = Handler(event)
            nest.append(self.of)
        elif nest:
            self.of = nest.pop()
            self.of.returned = event
        else:
            self.of = None
