/* A counter that guests read while it runs, at an offset of its device's memory. State and calls. */
#ifndef VMM_COUNTER_H
#define VMM_COUNTER_H

#include "api/vmm.h"

typedef struct {
    uint64_t count; /* when it was started */
    uint64_t since; /* ns */
    uint64_t period; /* ns; 0: it stands */
    uint64_t offset; /* configuration: of its register, 64 bits wide */
} vmm_counter;

vmm_counter *vmm_counter_of(vmm_machine *m);  /* its state, which exists from then on; NULL with m->error */
uint64_t vmm_counter_passed(vmm_machine *m);  /* ticks since it was started */

#endif
