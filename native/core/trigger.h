/* Triggers as the boundary and the trace see them. */
#ifndef VMM_TRIGGER_INTERNAL_H
#define VMM_TRIGGER_INTERNAL_H

#include "core/base.h"

static inline uint32_t reach_word(uint64_t pc)
{
    return pc >> 6 & (VMM_REACH_WORDS - 1);
}

static inline uint64_t reach_bit(uint64_t pc)
{
    return 1ull << (pc & 63);
}

/* Somebody may wait for this address: what the code hook asks before every instruction. */
static inline bool may_be_awaited(const vmm_vcpu *v, uint64_t pc)
{
    return v->reach[reach_word(pc)] & reach_bit(pc);
}

/* Or one that is skipped on the way to pc, without a look at it (ARM's IT blocks). */
static inline bool may_have_been_awaited(const vmm_vcpu *v, uint64_t pc)
{
    return v->reach_behind[reach_word(pc)] & reach_bit(pc);
}

void trigger_reached(vmm_vcpu *v, uint64_t pc); /* the boundary before pc, which may be awaited */
void trigger_event(vmm_vcpu *v, const vmm_event *e);
void trigger_time(vmm_vcpu *v);                 /* counts and times */
void trigger_accessed(vmm_vcpu *v, uint64_t physical, uint64_t size, bool write); /* RAM, while somebody waits for that */
void trigger_turn(vmm_vcpu *v);                 /* a turn of it begins */
bool trigger_awaits_turn(const vmm_machine *m);  /* of whomever */
void trigger_boundary(vmm_vcpu *v);             /* what is looked at every boundary */

#endif
