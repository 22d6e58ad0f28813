/* Stimuli as the clock, the triggers and the controllers see them. */
#ifndef VMM_STIMULUS_INTERNAL_H
#define VMM_STIMULUS_INTERNAL_H

#include "core/controller.h"

void stimuli_free(vmm_machine *m);
void stimuli_expire(vmm_machine *m);                      /* what is due at this boundary happens */
void stimuli_event(vmm_vcpu *v, const vmm_event *e);      /* what a storm may wait for */
void stimuli_reached(vmm_machine *m, uint64_t pc);        /* the boundary before pc, which may begin or end a window */
void stimuli_watch(const vmm_machine *m, vmm_triggers *triggers, uint64_t *filter); /* add what they must be told of */
bool stimuli_can_nmi(const vmm_vcpu *v);                  /* one may give it an NMI while it sleeps */
bool stimuli_can_drive(const vmm_machine *m, const line_end *end); /* one may raise such an input while all sleep */

#endif
