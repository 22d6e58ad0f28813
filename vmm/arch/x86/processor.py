"""Making x86 vCPUs from what the user calls the CPU."""

from __future__ import annotations

from typing import Any

from vmm.arch.architecture import Processor
from vmm.arch.x86 import models
from vmm.arch.x86.vcpu import X86
from vmm.core.native import check, lib, vcpu_of

TRANSACTS = "--cpu +rtm: a transaction is looked at instruction by instruction"


def choose(text: str) -> Processor:
    """A model, and features to add and remove: `NAME[,+f,-f…]`."""
    model, features = models.parse(text)

    def add(native: Any) -> X86:
        check(native, lib.vmm_add_x86(native, models.MODELS[model]))
        vcpu = vcpu_of(native, native.vcpu_count - 1)
        models.apply(vcpu, features)
        return X86(vcpu)

    return Processor("x86", "", add, precise=TRANSACTS if features.get("rtm") else "")
