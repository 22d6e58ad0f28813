/* What ends a run or a turn at a boundary, as the architectures see it. */
#ifndef VMM_BOUNDARY_H
#define VMM_BOUNDARY_H

#include "core/base.h"

bool must_stop(vmm_vcpu *v);  /* a stop is due before the next instruction; notes why */
bool keeps_turn(vmm_vcpu *v); /* false: the next turn is another's, Unicorn is to return; a halted vCPU sleeps here */
void vcpu_leave(vmm_vcpu *v); /* tell Unicorn to return */

#endif
