/* What may happen at a boundary, of several kinds of which each has its own bound. */
#ifndef VMM_CHOICE_H
#define VMM_CHOICE_H

#include "explore/travel.h"

/* What a placement has of each kind so far. */
typedef struct {
    uint32_t happened; /* interrupts and turns */
    uint32_t found;    /* values */
} extent;

bool is_found(uint8_t kind); /* enum vmm_choice_kind: it is a value */
extent with_one(extent so_far, uint8_t kind); /* one more; kind: enum vmm_choice_kind */
bool more_may(const exploration *x, extent so_far);
bool all_in_ram(vmm_machine *m, const vmm_plan *plan); /* values to be found, each within a page */

void look_ahead(exploration *x, const piece *p, uint64_t i, footprint *seen); /* what the instruction at that boundary reads */
/* At that boundary, where the machine stands; `seen`: what its instruction reads, where choices are about that. */
bool can_happen(const exploration *x, const piece *p, uint64_t i, uint32_t choice, const footprint *seen);
void inject(exploration *x, uint32_t choice); /* now */

#endif
