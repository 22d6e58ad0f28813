/* What a vCPU's architecture provides to the files that know none. */
#ifndef VMM_ARCH_H
#define VMM_ARCH_H

#include "core/base.h"

struct vmm_registers; /* core/compare.h */

struct vmm_arch {
    bool (*boundary)(vmm_vcpu *v);         /* false: the next instruction must not begin */
    bool (*wakes)(vmm_vcpu *v);            /* something ends its halt */
    bool (*can_wake)(vmm_vcpu *v);         /* something could: not all is masked */
    void (*returned)(vmm_vcpu *v);         /* Unicorn came back though nobody had told it to */
    void (*turn)(vmm_vcpu *v);             /* its turn among several vCPUs begins */
    bool (*monitors)(vmm_vcpu *v);         /* it is between an exclusive load and its store; NULL: never */
    uint64_t (*start_address)(vmm_vcpu *v);/* what Unicorn is started at */
    uint64_t (*pc)(vmm_vcpu *v);           /* linear */
    uint64_t (*stack)(vmm_vcpu *v, uint32_t *bank); /* its stack pointer, linear, and which of those it has that is */
    uint64_t (*reg)(vmm_vcpu *v, int uc_register); /* by Unicorn's public number */
    uint64_t (*look)(vmm_vcpu *v, uint64_t linear, void *buffer, uint64_t size); /* as a debugger: bytes read */
    uint64_t (*physical)(vmm_vcpu *v, uint64_t linear); /* of the page at that address; all ones: not mapped; without a trace */
    void (*interrupts_changed)(vmm_vcpu *v);
    /* An access nobody decodes: raises what the architecture has for it and does not return. NULL: the run ends. */
    void (*bus_error)(vmm_vcpu *v, uint64_t physical, int access);
    void (*accesses)(vmm_vcpu *v); /* it is about to reach a device; NULL: no controller must know anything of it then */
    /* Unicorn has restored the vCPU's state in the middle of an instruction, to call back, and it goes on. NULL: as well. */
    void (*goes_on)(vmm_vcpu *v);
    /* Fast gear: the instruction that is left by translated code at `host_pc` does what makes a look due behind it. NULL: there
       is none. Does not return where it must run alone first. */
    void (*settles)(vmm_vcpu *v, uintptr_t host_pc);
    /* Registers private to the vCPU (a local APIC): false where the address is not theirs. NULL: there are none. */
    bool (*local_read)(vmm_vcpu *v, uint64_t physical, uint32_t size, uint64_t *value);
    bool (*local_write)(vmm_vcpu *v, uint64_t physical, uint32_t size, uint64_t value);
    void (*timer_expired)(vmm_vcpu *v, uint32_t which); /* one of the vCPU's own */
    void (*reached)(vmm_vcpu *v, uint64_t physical, uint64_t size, bool write); /* by others than vCPUs, at once; or NULL */
    int (*shadow)(vmm_vcpu *v); /* enum vmm_shadow at this boundary; NULL: there are none */
    void (*keep)(vmm_vcpu *v, struct vmm_registers *out); /* those that a handler should leave as it found them, */
    struct vmm_vectors (*vectors)(const vmm_vcpu *v);     /* and these */
    void (*watch_masks)(vmm_vcpu *v);                   /* somebody records from now on, or nobody */
    const void *processor; /* what the interrupt controller that it is made for asks of it, in that one's terms */
    size_t state_bytes;    /* of v->state, */
    size_t dynamic_bytes;  /* and how many of them, from the first on, are the guest's: what a snapshot keeps */
    /* Unicorn's state of the vCPU, as far as a guest can see it: its size in bytes, a copy of it, and that copy back, with
       breakpoints and hooks as it wants them. */
    size_t (*state_size)(const vmm_vcpu *v);
    void (*save)(const vmm_vcpu *v, void *state);
    void (*restore)(vmm_vcpu *v, const void *state);
    /* Its state is as what save() gave and the first dynamic_bytes of v->state were then, as far as a guest can see it. */
    bool (*alike)(vmm_vcpu *v, const void *state, const void *saved);
    /* Registers that are written where an exception is taken, and mostly used by nothing but its return, are left out
       there: one bit for each that differs. NULL: there are none. */
    uint64_t (*leftover)(vmm_vcpu *v, const void *saved);
    /* From now on m->register_accessed is told of them, or no more. */
    int (*watch_leftover)(vmm_vcpu *v, bool on);
    uint64_t (*aftermath)(vmm_vcpu *v); /* what the last instruction leaves to this boundary; 0: nothing */
    void (*resumes)(vmm_vcpu *v); /* Unicorn is about to execute it; NULL: nothing */
    void (*leaves)(vmm_vcpu *v);  /* fast gear: translated code, for good, now or behind the instruction; NULL: there is none */
    void (*rests)(vmm_vcpu *v);   /* Unicorn has returned; NULL: nothing */
    /* Does what cannot be done while Unicorn executes; true: look whose turn it is again. NULL: there is nothing. */
    bool (*outside)(vmm_vcpu *v);
};

#endif
