"""Guest memory by physical address, as scripts and their devices have it: what they write comes from outside."""

from __future__ import annotations

from vmm.core.memory import PhysicalMemory
from vmm.inputs.decisions import Inputs


class ScriptMemory:
    """A `vmm.protocols.Memory`: RAM, and flash where a board has some."""

    def __init__(self, physical: PhysicalMemory, inputs: Inputs) -> None:
        self._physical, self._inputs = physical, inputs
        self.base = physical.base
        """Of RAM."""
        self.size = physical.size
        """Of RAM, in bytes."""
        self.rom_size = physical.rom_size
        """Bytes of flash from physical address 0."""
        inputs.register({"memory": physical.write})

    def read(self, address: int, size: int) -> bytes:
        """VmmError outside RAM and flash."""
        return self._physical.read(address, size)

    def write(self, address: int, data: bytes) -> None:
        """VmmError outside RAM and flash."""
        self._physical.check(address, len(data))
        self._inputs.decide("memory", address, bytes(data))
