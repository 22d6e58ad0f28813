/* Lines as stimuli see them. */
#ifndef VMM_LINE_H
#define VMM_LINE_H

#include "core/controller.h"

bool line_unmasked(const vmm_machine *m, uint32_t line);
bool line_concerns(const vmm_machine *m, uint32_t line, const vmm_event *e); /* an event further down its interrupt's path */
bool line_leads_to(const vmm_machine *m, uint32_t line, const line_end *end);

#endif
