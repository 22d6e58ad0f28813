/* What is kept for coverage maps, as those see it who run instructions and deliver interrupts. */
#ifndef VMM_COVERAGE_H
#define VMM_COVERAGE_H

#include "api/vmm_coverage.h"
#include "core/base.h"

/*
 * In `watch` of a vCPU, and set in `masks`: no mask has this bit, so that each instruction asks for a look before it
 * begins, by the test that is made there anyway. Where nobody wants to know of each that costs nothing.
 */
#define EACH_INSTRUCTION (1ull << 63)

static inline uint64_t coverage_watch(const vmm_machine *m)
{
    return m->coverage || m->began ? EACH_INSTRUCTION : 0;
}

vmm_covered_page *coverage_page(vmm_coverage *c, uint64_t number);

/* enum vmm_began of the instruction there; for who changes it at once. */
static inline uint8_t *coverage_of(vmm_coverage *c, uint64_t linear)
{
    vmm_covered_page *page = c->last;
    if (unlikely(page->number != linear / VMM_COVERED_BYTES))
        page = coverage_page(c, linear / VMM_COVERED_BYTES);
    return &page->began[linear % VMM_COVERED_BYTES];
}

void coverage_delivered(vmm_coverage *c, const vmm_handler *handler);
void coverage_hold(vmm_machine *m, bool held); /* deliveries do not count, or do again; nothing where nobody collects */

#endif
