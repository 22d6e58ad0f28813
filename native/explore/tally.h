/* How many placements there are, how many of them fail, and the least of those: fewest interrupts, then earliest; and the
   most that one of them takes. */
#ifndef VMM_TALLY_H
#define VMM_TALLY_H

#include "api/vmm_explore.h"

typedef struct {
    uint64_t placements;
    uint64_t failing;
    vmm_place least[VMM_MAX_DEPTH];
    uint32_t least_count;
    uint32_t least_outcome;
    vmm_worst worst[VMM_WORST_KINDS];
} tally;

void tally_one(tally *t, uint32_t outcome, const uint64_t *length); /* nothing more happens, and it comes to that; NULL: to no end */
/* All of `others`, each with `first` before it, unless that is NULL. */
void tally_add(tally *t, const vmm_place *first, const tally *others);
/* All of them have come by where the stack had grown so far; `outcome`: of its having grown too far there, or 0. */
void tally_deepen(tally *t, uint64_t grown, uint32_t outcome);
void worst_add(vmm_worst *w, const vmm_place *first, const vmm_worst *other); /* likewise, of one kind */

#endif
