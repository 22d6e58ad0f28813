#include <stdbool.h>
#include <string.h>

#include "explore/tally.h"

void tally_one(tally *t, uint32_t outcome)
{
    tally_add(t, NULL, &(tally){.placements = 1, .failing = outcome != 0, .least_outcome = outcome});
}

static int order(const vmm_place *a, const vmm_place *b)
{
    if (a->insns != b->insns)
        return a->insns < b->insns ? -1 : 1;
    if (a->more != b->more)
        return a->more < b->more ? -1 : 1;
    return a->choice == b->choice ? 0 : a->choice < b->choice ? -1 : 1;
}

static bool is_less(const tally *a, const tally *b)
{
    if (a->least_count != b->least_count)
        return a->least_count < b->least_count;
    int ordered = 0;
    for (uint32_t i = 0; i < a->least_count && !ordered; i++)
        ordered = order(&a->least[i], &b->least[i]);
    return ordered < 0;
}

void tally_add(tally *t, const vmm_place *first, const tally *others)
{
    tally with = *others;
    if (first) {
        uint32_t behind = with.least_count < VMM_MAX_DEPTH - 1 ? with.least_count : VMM_MAX_DEPTH - 1;
        memmove(with.least + 1, with.least, behind * sizeof *with.least);
        with.least[0] = *first;
        with.least_count = behind + 1;
    }
    if (with.failing && (!t->failing || is_less(&with, t))) {
        memcpy(t->least, with.least, sizeof t->least);
        t->least_count = with.least_count;
        t->least_outcome = with.least_outcome;
    }
    t->placements += with.placements;
    t->failing += with.failing;
}
