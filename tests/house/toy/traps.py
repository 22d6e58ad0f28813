"""One thing can be trapped: that it waits."""

from dataclasses import dataclass

from vmm.arch.traps import Key, Traps
from vmm.core.native import lib


@dataclass(frozen=True)
class Rest(Key):
    pass


def ask(vcpu, key):
    lib.vmm_x86_of(vcpu).traps.hlt = 1


TRAPS = Traps({"Rest": Rest}, {lib.VMM_TRAP_HLT: lambda number: Rest()}, ask, writes=lambda raw: False)
