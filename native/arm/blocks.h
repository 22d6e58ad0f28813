/* The fast gear of an ARM vCPU. */
#ifndef VMM_ARM_BLOCKS_H
#define VMM_ARM_BLOCKS_H

#include "arm/arm.h"

const char *arm_watch_fast(void *library); /* once a process: the line that says why there is no fast gear, or NULL */
void arm_settles(vmm_vcpu *v, uintptr_t host_pc);
void arm_reaches_device(vmm_vcpu *v);
bool arm_settle_walk(vmm_vcpu *v); /* where a walk met nothing that answers; true: the state is that of its instruction, whole */
void arm_settle_exception(vmm_vcpu *v, bool fetch); /* an exception is under way, and PC as Unicorn tells of it */

/* block_end.c, of the instruction that has just been translated */
bool arm_ends_block(const vmm_vcpu *v, bool a64, bool thumb);
bool arm_is_conditional(const vmm_vcpu *v, uint32_t state); /* with ITSTATE */

#endif
