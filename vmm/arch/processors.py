"""Making a machine's vCPUs from what the user calls the CPU."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple

from vmm.arch.arm import models as arm_models
from vmm.arch.arm.vcpu import Arm
from vmm.arch.x86 import models as x86_models
from vmm.arch.x86.vcpu import X86
from vmm.core.native import check, lib
from vmm.errors import VmmError

if TYPE_CHECKING:
    from vmm._native import vmm_machine

Cpu = X86 | Arm
Architecture = Literal["x86", "arm", "arm64"]


class Processor(NamedTuple):
    """A CPU model that was found, ready to be added to a machine."""

    architecture: Architecture
    compatible: str
    """Its device tree name; empty on x86."""
    add: Callable[..., Cpu]
    """`add(native machine, el2=, el3=)` makes one more vCPU."""


def choose(text: str, architectures: Sequence[str]) -> Processor:
    """The processor `text` of a board that takes `architectures`; VmmError names what is off."""
    return _x86(text) if "x86" in architectures else _arm(text)


def _x86(text: str) -> Processor:
    model, features = x86_models.parse(text)

    def add(native: vmm_machine, *, el2: bool, el3: bool) -> X86:
        check(native, lib.vmm_add_x86(native, x86_models.MODELS[model]))
        vcpu = native.vcpus[native.vcpu_count - 1]
        x86_models.apply(vcpu, features)
        return X86(vcpu)

    return Processor("x86", "", add)


def _arm(text: str) -> Processor:
    model = arm_models.parse(text)
    wide = model.architecture == "arm64"

    def add(native: vmm_machine, *, el2: bool, el3: bool) -> Arm:
        if (el2 or el3) and not wide:
            raise VmmError("--board: virtualization and secure need an AArch64 CPU")
        check(native, lib.vmm_add_arm(native, wide, model.number, el2, el3))
        return Arm(native.vcpus[native.vcpu_count - 1])

    return Processor(model.architecture, model.compatible, add)
