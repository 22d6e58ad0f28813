"""The vCPUs of machines whose architecture is not known before they are built, for type checkers and editors."""

from __future__ import annotations

from abc import ABC
from typing import TYPE_CHECKING

from vmm.arch.arm.vcpu import Arm
from vmm.arch.x86.vcpu import X86

__all__ = ["Cpu"]

if TYPE_CHECKING:

    class Cpu(X86, Arm):
        """With the names of all of them: what none has is found, and who knows which it is may say so."""

else:

    class Cpu(ABC):  # noqa: B024
        """A vCPU of any machine's: it is an `X86` or an `Arm`, which `isinstance` tells.

        Type checkers, which do not know which, let it have what either has; `cpu: vmm.Arm = m.cpu` is one they know.
        """

    Cpu.register(X86)
    Cpu.register(Arm)
