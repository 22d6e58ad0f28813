"""Making ARM vCPUs from what the user calls the CPU."""

from __future__ import annotations

from typing import Any

from vmm.arch.architecture import Processor
from vmm.arch.arm import models
from vmm.arch.arm.vcpu import Arm
from vmm.core.native import check, lib, vcpu_of
from vmm.errors import VmmError


def choose(text: str, default: str) -> Processor:
    """A model, of either execution state; its `add` raises VmmError for a level that ARMv7-A has not here."""
    model = models.parse(text, default)
    aarch64 = model.architecture == "arm64"

    def add(native: Any, *, el2: bool, el3: bool) -> Arm:
        if (el2 or el3) and not aarch64:
            raise VmmError("--board: virtualization and secure need an AArch64 CPU")
        check(native, lib.vmm_add_arm(native, aarch64, model.number, el2, el3))
        return Arm(vcpu_of(native, native.vcpu_count - 1))

    return Processor(model.architecture, model.compatible, add)
