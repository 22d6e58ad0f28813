#ifndef VMM_ACCESSES_H
#define VMM_ACCESSES_H

#include "api/vmm_explore.h"

void accesses_note(vmm_accesses *a, const vmm_machine *m, uint64_t offset, uint64_t size, uint8_t how); /* about to be, in RAM */

#endif
