/* Handlers under way, as deliveries and returns tell of them. */
#ifndef VMM_NEST_H
#define VMM_NEST_H

#include "core/base.h"

void nest_enter(vmm_vcpu *v, const vmm_handler *handler); /* `count` is filled in */
void nest_leave(vmm_vcpu *v, uint64_t pc, uint64_t sp, uint64_t flags); /* a return from a handler, to there */

#endif
