/* Accesses to memory that somebody waits for. */
#ifndef VMM_WATCH_H
#define VMM_WATCH_H

#include "core/base.h"

void watch_settle_hooks(vmm_machine *m);                            /* before a run: Unicorn tells of accesses, or no more */
void watch_written(vmm_machine *m, uint64_t physical, uint64_t size); /* by the core or a device, while somebody waits */

#endif
