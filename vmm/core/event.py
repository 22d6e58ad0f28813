"""One event as the core recorded it."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Event"]

UNDEFINED, THUMB = 0x04, 1 << 5
LINKS = {UNDEFINED: 4, 0x0C: 4, 0x10: 8, 0x18: 4, 0x1C: 4}
"""By the vector of AArch32, how far LR is behind the instruction (DDI0406 table B1-7): in T32 the same, but of what is
undefined. Vectors of AArch64 are multiples of 80h.
"""


class Event(NamedTuple):
    """One event; `insns` counts instructions begun before it, on all vCPUs. `number` and `value` are by `kind`:

    line          the line; its level now. `source` is "stimulus" where one drove it, else ""
    held          the line, which stays high; a bit for each driver that holds it now
    ppi           INTID of a vCPU's own input of a GIC; its level now
    pending       8259A: pin; 0. Local APIC: vector; 1. GIC: INTID; the vCPU, 0 for SPIs
                  `flags`: bit 0, the request stays though its line falls
    acknowledged  8259A: vector; pin. Local APIC: vector; 1. GIC: INTID; the vCPU that sent the SGI
                  `flags`: bit 0, it still is requested; 8259A, too: bit 1, not in service, for it ended by itself,
                  bit 2, so on the master
    delivered     vector; latency in instructions, of a page fault CR2. ARM: INTID; latency; of an exception its class;
                  FAR. `source` is where it came from, `error` the error code or ESR
    ended         8259A: pin; 0. Local APIC: vector; 1. GIC: INTID; bit 0 priority dropped, bit 1 deactivated
    vain          of an end of interrupt that finds none in service at an 8259A: 0 master, 1 slave; 0
    returned      as of the delivery, `source`, too; instructions since then. `pc`, `sp`, `flags`: as they are now
    spurious      8259A: vector; pin. Local APIC: vector; 1. GIC: INTID 1022 or 1023; the vCPU
    masked        8259A: 0 master, 1 slave; the new mask. GIC: INTID; 1 disabled, 0 enabled
    cpu mask      x86: 1 where IF is 0; ARM: DAIF, bit 3 D to bit 0 F. The same before
    shadow        1 STI, 2 MOV SS; 0
    fault chain   the vector that could not be delivered; the vector that comes instead
    task switch   the selector of the new TSS; 0
    trapped       what is trapped (enum vmm_trap_kind); its number
    guest error   what was wrong (enum vmm_guest_error); what it is about: INTID, address, what was written
    stimulus      its serial; 1 requested, 0 spontaneous
    frame changed      while somebody diagnoses, before `returned`: which parts of the frame delivered are no longer so
                  (enum vmm_frame_part); the address that it leads to. `pc` and `sp`: what was interrupted
    registers changed  so of general registers, though the handler returns to what it interrupted: a bit each; what the
                  first of them holds now
    vectors changed    so of vector registers; the low half
    transaction   what it does (enum vmm_transaction); of an abort the status that EAX has
    work          of a device, while somebody records: its line; which work it has for its driver, below it two bits of
                  what of that (enum vmm_work)
    guard stored  while somebody diagnoses its stack: 0; the physical address that an instruction stores to
    state set     of a GIC, while somebody records: INTID; as software's write leaves it bit 0 pending, bit 1 active,
                  bit 2 pending though its line falls; `flags`: whose it is, below INTID 32. ICW1 of an 8259A: 0 master,
                  1 slave; what still is requested
    nmi mask      x86, while somebody records: 1 NMIs are blocked, 0 no more; the same before
    pin state     of an IOAPIC, while somebody records: the pin; as its entry reads now bit 0 masked, bit 1 remote IRR,
                  bit 2 send pending (enum vmm_pin_state)
    stop          the reason (enum vmm_stop_reason); its code
    """

    kind: str
    vcpu: int
    insns: int
    number: int
    value: int
    source: str
    pc: int
    """Of a delivery, where its frame returns to: RIP; ARM: ELR or LR. Else of the instruction that began last; of what
    a script does while the machine stands at a boundary, of the one that is about to begin.
    """
    cs: int
    """x86: in a delivery's frame."""
    ss: int
    """x86: of the handler."""
    sp: int
    """Of a delivery: below its frame."""
    flags: int
    """Of a delivery: RFLAGS in its frame; ARM: the SPSR. Of a request as `number` and `value` are."""
    cpl: int
    """x86: the privilege level that a delivery came from."""
    error: int | None
    target_el: int
    """ARM: the exception level that a delivery was taken to, 1-3; on ARMv7-A 1."""
    vector_offset: int
    """ARM: bytes from the start of the vector table."""
    ns: int
    """Virtual time, nanoseconds since power-on."""
    depth: int
    """Handlers under way on its vCPU."""
    base: int
    """x86: of CS in a delivery's frame."""
    code: int = 0
    """Linear. Of a delivery: the handler's first instruction; of a return, and of what a handler changed, the
    instruction that returned; of a request at a local APIC that another vCPU sent: where that one was; else 0.
    """

    @property
    def linear(self) -> int:
        """The linear address that `pc` is: of a delivery, where the frame returns to; else as `pc` says."""
        return self.pc + self.base & 0xFFFF_FFFF if self.base else self.pc

    @property
    def interrupted(self) -> int:
        """Of a delivery, the linear address of the instruction that it came before, or that raised it: an LR of ARMv7-A
        is behind that.
        """
        if self.vector_offset == UNDEFINED and self.flags & THUMB:
            return self.linear - 2
        return self.linear - LINKS.get(self.vector_offset, 0)
