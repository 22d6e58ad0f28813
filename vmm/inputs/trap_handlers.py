"""Who sees what a guest does before it is done: a script's functions, by the key they asked for (traps.py)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from vmm.arch.architecture import Architecture
from vmm.core.native import lib
from vmm.errors import VmmError, unknown
from vmm.inputs.decisions import Inputs
from vmm.inputs.traps import DONE, Trap, unanswered

if TYPE_CHECKING:
    from vmm._native import vmm_machine, vmm_trap
    from vmm.arch.cpus import Cpu
    from vmm.arch.traps import Key

Handler = Callable[[Trap], Any]


class TrapHandlers:
    """Of one machine; `cpus` as scripts have them."""

    def __init__(self, native: vmm_machine, inputs: Inputs, cpus: Sequence[Cpu], architecture: Architecture) -> None:
        self._native, self._inputs, self._cpus, self._architecture = native, inputs, cpus, architecture
        self._handlers: dict[Key, Handler] = {}
        inputs.register({"trap": self._ask})

    def trap(self, key: Key) -> Callable[[Handler], Handler]:
        """Decorator: let a function see `key`, one of its architecture's, before the guest does; see
        vmm/inputs/traps.py. VmmError for what cannot happen on its vCPUs.
        """

        def register(handler: Handler) -> Handler:
            of = self._architecture
            if type(key) not in of.traps().keys.values():
                raise VmmError(f"{key} cannot happen on {of.article} {of.family} CPU")
            self._inputs.decide("trap", type(key).__name__, *vars(key).values())
            self._handlers[key] = handler
            return handler

        return register

    def _ask(self, name: str, *fields: Any) -> None:
        """Let the core ask about the key of this class (a name) and these fields; VmmError for one it cannot have."""
        traps = self._architecture.traps()
        if name not in traps.keys:
            raise unknown("trap", name, traps.keys)
        key = traps.keys[name](*fields)
        for cpu in range(self._native.vcpu_count):
            traps.ask(self._native.vcpus[cpu], key)
        self._handlers[key] = unanswered

    def answer(self, vcpu: int, raw: vmm_trap) -> int:
        """Whether the event of a `vmm_trap` is done, and its value: by `enum vmm_trap_answer`."""
        traps = self._architecture.traps()
        key = traps.asked[raw.kind](raw.number)
        handler = self._handlers.get(key)
        if handler is None:
            return lib.VMM_TRAP_DELIVER
        trap = Trap(key, self._cpus[vcpu], value=raw.value, size=raw.size, write=traps.writes(raw))
        done, raw.value = self._inputs.callbacks.ask("trap", lambda: _answer(handler, trap))
        return lib.VMM_TRAP_DONE if done else lib.VMM_TRAP_DELIVER


def _answer(handler: Handler, trap: Trap) -> list[int]:
    try:
        done = handler(trap)
    finally:
        value = trap.end()
    return [int(done == DONE), value]
