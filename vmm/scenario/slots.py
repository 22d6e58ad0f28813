"""The core's trigger slots: which of them are taken, and what fired."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vmm.core.native import lib
from vmm.errors import VmmError

if TYPE_CHECKING:
    from vmm._native import vmm_machine

ANY = lib.VMM_ANY


class Slots:
    """Over `vmm_machine.triggers`."""

    def __init__(self, native: vmm_machine) -> None:
        self._native = native
        self._raw = native.triggers

    def take(self, kind: int, **fields: int) -> int:
        """Arm a free slot; its number. VmmError when none is free."""
        number = next((n for n in range(self._raw.count) if self._raw.slot[n].kind == lib.VMM_TRIGGER_FREE), None)
        if number is None:
            number = self._raw.count
            if number == lib.VMM_MAX_TRIGGERS:
                raise VmmError(f"more than {number} triggers are waited for at a time")
        slot = self._raw.slot[number]
        slot.event, slot.fired = fields.get("event", 0), 0
        slot.at = fields.get("at", 0)
        for name in ("vcpu", "number", "value", "source"):
            setattr(slot, name, fields.get(name, ANY))
        slot.kind, self._raw.count = kind, max(number + 1, self._raw.count)  # last: a field may refuse its number
        try:
            lib.vmm_triggers_changed(self._native)
        except VmmError:  # it is another thread's
            slot.kind = lib.VMM_TRIGGER_FREE
            raise
        return number

    def free(self, number: int) -> None:
        """Give a slot back."""
        self._raw.slot[number].kind = lib.VMM_TRIGGER_FREE
        while self._raw.count and self._raw.slot[self._raw.count - 1].kind == lib.VMM_TRIGGER_FREE:
            self._raw.count -= 1
        lib.vmm_triggers_changed(self._native)

    def fired(self, number: int) -> bool:
        return bool(self._raw.slot[number].fired)

    def seen(self, number: int) -> int:
        """The number in the trace of the event that fired the slot; of an access, its physical address."""
        return self._raw.slot[number].seen

    def source(self, number: int) -> int:
        """Which it was of those that the slot waited for."""
        return self._raw.slot[number].source
