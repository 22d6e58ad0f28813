/* How many placements there are, how many of them fail, and the least of those: fewest interrupts, then earliest. */
#ifndef VMM_TALLY_H
#define VMM_TALLY_H

#include "api/vmm_explore.h"

typedef struct {
    uint64_t placements;
    uint64_t failing;
    vmm_place least[VMM_MAX_DEPTH];
    uint32_t least_count;
    uint32_t least_outcome;
} tally;

void tally_one(tally *t, uint32_t outcome); /* nothing more happens, and it comes to that */
/* All of `others`, each with `first` before it, unless that is NULL. */
void tally_add(tally *t, const vmm_place *first, const tally *others);

#endif
