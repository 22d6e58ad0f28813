/* What may happen otherwise than devices and controllers by themselves have it, between runs. */
#ifndef VMM_OUTSIDE_H
#define VMM_OUTSIDE_H

#include "api/vmm.h"

/* ---- turns ---- */

int vmm_turn(vmm_machine *m, uint32_t vcpu); /* between runs: the turn is that vCPU's from here on, if it is awake */
int vmm_may_turn(const vmm_machine *m, uint32_t vcpu); /* it is another than the current one, and awake */

/* ---- time ---- */

uint64_t vmm_next_timer(const vmm_machine *m); /* ns at which the next one expires or rises; VMM_NEVER: none does */
int vmm_skip_to_timer(vmm_machine *m); /* between runs: time passes to then */
int vmm_delay_timer(vmm_machine *m, uint64_t insns); /* between runs: that one does so many instructions later */
int vmm_timer_is_next(const vmm_machine *m); /* the next instruction ends at or behind then, or the current vCPU sleeps up to it */

/* ---- requests that are gone before a controller is asked for them ---- */

/* High, until a vCPU takes an interrupt, or a controller acknowledges this one: it is low before a controller is asked. */
void vmm_line_until_taken(vmm_machine *m, uint32_t line, uint32_t driver);
/* The row of the controller of that name, which has such; -1 with m->error: this machine has none. */
int vmm_spurious_row(vmm_machine *m, const char *controller);
int vmm_may_be_spurious(vmm_machine *m, uint32_t row, uint32_t vcpu); /* the vCPU could be told of a request now */
void vmm_spurious(vmm_machine *m, uint32_t row, uint32_t vcpu);

#endif
