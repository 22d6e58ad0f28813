/* Lines as stimuli see them. */
#ifndef VMM_LINE_H
#define VMM_LINE_H

#include "core/controller.h"

bool line_unmasked(const vmm_machine *m, uint32_t line);
bool line_concerns(const vmm_machine *m, uint32_t line, const vmm_event *e); /* an event further down its interrupt's path */
void lines_event(vmm_machine *m, const vmm_event *e); /* it may be the acknowledge that a line waits for */
void lines_let_go(vmm_machine *m);                    /* at a boundary: of those that were served */
void lines_withdraw(vmm_machine *m);                  /* a vCPU takes an interrupt, and has not asked yet which */
bool line_leads_to(const vmm_machine *m, uint32_t line, const line_end *end);

#endif
