/* Whose turn it is. */
#ifndef VMM_SCHEDULE_H
#define VMM_SCHEDULE_H

#include "core/base.h"

vmm_vcpu *next_to_run(vmm_machine *m); /* awake, and current from now on; NULL with m->stop where nothing can go on */
void new_turn(vmm_vcpu *v);
bool turn_is_over(vmm_vcpu *v);
void turn_settle(vmm_machine *m); /* its end is where it will be, for who looks at it, and before another vCPU may be awake */
void turn_give_up(vmm_vcpu *v);   /* what is left of it, with the instruction that is under way */

#endif
