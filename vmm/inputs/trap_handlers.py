"""Who sees what a guest does before it is done: a script's functions, by the key they asked for (traps.py)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from vmm.arch.processors import Architecture, Cpu
from vmm.core.native import lib
from vmm.inputs.decisions import Inputs
from vmm.inputs.traps import DONE, KEYS, Key, Trap, arm_arm, arm_x86, key_of, unanswered

if TYPE_CHECKING:
    from vmm._native import vmm_machine, vmm_trap

Handler = Callable[[Trap], Any]
WRITES = (lib.VMM_TRAP_WRMSR, lib.VMM_TRAP_OUT)


class TrapHandlers:
    """Of one machine; `cpus` as scripts have them."""

    def __init__(self, native: vmm_machine, inputs: Inputs, cpus: Sequence[Cpu], architecture: Architecture) -> None:
        self._native, self._inputs, self._cpus, self.architecture = native, inputs, cpus, architecture
        self._handlers: dict[Key, Handler] = {}
        inputs.register({"trap": self._arm_trap})

    def trap(self, key: Key) -> Callable[[Handler], Handler]:
        """Decorator: let a function see `key` before the guest does; see vmm/inputs/traps.py."""

        def register(handler: Handler) -> Handler:
            self._inputs.decide("trap", type(key).__name__, *vars(key).values())
            self._handlers[key] = handler
            return handler

        return register

    def _arm_trap(self, name: str, *fields: Any) -> None:
        """Let the core ask about the key of this class (a name) and these fields; VmmError for one it cannot have."""
        key = key_of(name, fields)
        for cpu in range(self._native.vcpu_count):
            vcpu = self._native.vcpus[cpu]
            if self.architecture == "x86":
                arm_x86(vcpu.x86, key)
            else:
                arm_arm(vcpu, key)
        self._handlers[key] = unanswered

    def answer(self, vcpu: int, raw: vmm_trap) -> int:
        """Whether the event of a `vmm_trap` is done, and its value: by `enum vmm_trap_answer`."""
        key = KEYS[raw.kind](raw.number)
        handler = self._handlers.get(key)
        if handler is None:
            return int(lib.VMM_TRAP_DELIVER)
        system_write = raw.kind == lib.VMM_TRAP_SYSREG and raw.size != 0
        trap = Trap(key, self._cpus[vcpu], raw, write=system_write or raw.kind in WRITES)
        done, trap.value = self._inputs.callbacks.ask("trap", lambda: [int(handler(trap) == DONE), trap.value])
        return int(lib.VMM_TRAP_DONE if done else lib.VMM_TRAP_DELIVER)
