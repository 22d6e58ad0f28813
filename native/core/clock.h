/* Virtual time, and the timers that it expires. */
#ifndef VMM_CLOCK_H
#define VMM_CLOCK_H

#include "core/base.h"

static inline uint64_t machine_insns(const vmm_machine *m) /* begun on all vCPUs */
{
    return m->current->count + m->elsewhere;
}

static inline uint64_t insns_so_far(const vmm_machine *m) /* the same; 0 before there is a vCPU */
{
    return m->current ? machine_insns(m) : 0;
}

static inline uint64_t vcpu_now(const vmm_vcpu *v)
{
    return v->count * v->machine->insn_ns + v->skew;
}

enum { TIMERS_PER_VCPU = VMM_NATIVE_TIMERS / VMM_MAX_VCPUS };

static inline uint32_t vcpu_timer(const vmm_vcpu *v, uint32_t which) /* the number of one of the vCPU's own timers */
{
    return VMM_MAX_TIMERS - 1 - (v->index * TIMERS_PER_VCPU + which);
}

void timer_native(vmm_machine *m, uint32_t timer, uint64_t deadline); /* arch->timer_expired at ns; VMM_NEVER cancels */
void clock_expire(vmm_machine *m);    /* fire every timer, then every stimulus, that is due */
void vcpu_rearm(vmm_vcpu *v);         /* recompute v->attention_at */
bool wave_level(const vmm_timer *t, uint64_t now); /* what VMM_TIMER_WAVE would have made of the level by then */
bool clock_skip(vmm_vcpu *v);         /* jump to the next deadline; false when there is none */

#endif
