/* Which instructions began, whether a maskable interrupt could have come before them, and which interrupts did. */
#ifndef VMM_API_COVERAGE_H
#define VMM_API_COVERAGE_H

#include "api/vmm.h"

#define VMM_COVERED_BYTES 4096

enum vmm_began {
    VMM_BEGAN_OPEN = 1,  /* at least once a maskable interrupt could have come before it (ARM: an IRQ) */
    VMM_BEGAN_MASKED = 2 /* at least once none could, at first */
};

typedef struct {
    uint64_t number; /* linear address / VMM_COVERED_BYTES */
    uint8_t began[VMM_COVERED_BYTES]; /* enum vmm_began of the instruction that has its first byte there; 0: none began */
} vmm_covered_page;

typedef struct {
    uint64_t linear; /* of the instruction before which it came */
    uint64_t count;
    uint32_t number; /* as in VMM_EV_DELIVERED */
    uint8_t source;  /* enum vmm_source; no exceptions, nor what instructions ask for */
    uint8_t pin;
} vmm_covered_delivery;

struct vmm_coverage {
    uint32_t page_count;
    uint32_t delivery_count; /* rows */
    uint8_t overflowed;      /* there were more of either than are kept */
    uint8_t held;            /* deliveries do not count now */
    vmm_covered_page **page;
    vmm_covered_delivery *delivery;
    vmm_covered_page *last;   /* that was looked at */
    vmm_covered_page *beyond; /* what is not kept goes there */
    uint32_t *page_slot;      /* by hash: 1 + index, 0: none */
    uint32_t *delivery_slot;
    uint32_t delivery_slots;
};

/* From the next run on; -1 with m->error. Nothing of it is in snapshots, or felt by a guest. */
int vmm_coverage_begin(vmm_machine *m);
void vmm_coverage_end(vmm_machine *m); /* what was collected is forgotten, as where the machine is freed */

#endif
