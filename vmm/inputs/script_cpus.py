"""vCPUs as scripts have them: what they change comes from outside."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from vmm.arch.vcpu import Vcpu
from vmm.inputs.decisions import Inputs


def script_cpus(cpus: Sequence[Vcpu], inputs: Inputs) -> list[Vcpu]:
    """Of a machine's vCPUs."""

    def change(cpu: int, name: str, *arguments: Any) -> None:
        cpus[cpu].change(name, *arguments)

    inputs.register({"cpu": change})
    return [cpu.for_scripts(inputs.decide) for cpu in cpus]
