/* vCPUs, as their architectures make and stop them. */
#ifndef VMM_VCPU_H
#define VMM_VCPU_H

#include "core/arch.h"
#include "core/block.h"

vmm_vcpu *vcpu_new(vmm_machine *m, const struct vmm_arch *arch); /* NULL with m->error */
int vcpu_ready(vmm_vcpu *v);
bool vcpu_owns(vmm_vcpu *v, void *memory); /* free it with the vCPU; false, with m->error, where there is no room */
void vcpu_request_stop(vmm_vcpu *v, uint8_t reason, uint32_t code, uint64_t address);

static inline uint64_t vcpu_here(const vmm_vcpu *v) /* linear address of the instruction that began last */
{
    return v->block ? v->block->last : v->recent[(v->count - 1) & (VMM_RECENT - 1)];
}

static inline void vcpu_begin(vmm_vcpu *v, uint64_t pc) /* the instruction at pc counts from here */
{
    v->recent[v->count++ & (VMM_RECENT - 1)] = pc;
}

#endif
