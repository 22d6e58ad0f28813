#include <stdbool.h>
#include <string.h>

#include "explore/tally.h"

static int order(const vmm_place *a, const vmm_place *b)
{
    if (a->insns != b->insns)
        return a->insns < b->insns ? -1 : 1;
    if (a->more != b->more)
        return a->more < b->more ? -1 : 1;
    return a->choice == b->choice ? 0 : a->choice < b->choice ? -1 : 1;
}

static bool is_less(const vmm_place *a, uint32_t count, const vmm_place *b, uint32_t others)
{
    if (count != others)
        return count < others;
    int ordered = 0;
    for (uint32_t i = 0; i < count && !ordered; i++)
        ordered = order(&a[i], &b[i]);
    return ordered < 0;
}

static uint32_t with_first(vmm_place *places, uint32_t count, const vmm_place *first)
{
    uint32_t behind = count < VMM_MAX_DEPTH - 1 ? count : VMM_MAX_DEPTH - 1;
    memmove(places + 1, places, behind * sizeof *places);
    places[0] = *first;
    return behind + 1;
}

void worst_add(vmm_worst *w, const vmm_place *first, const vmm_worst *other)
{
    if (!other->known || (w->known && other->value < w->value))
        return;
    vmm_worst with = *other;
    if (first)
        with.count = (uint8_t)with_first(with.at, with.count, first);
    if (!w->known || with.value > w->value || is_less(with.at, with.count, w->at, w->count))
        *w = with;
}

void tally_one(tally *t, uint32_t outcome, const uint64_t *length)
{
    tally one = {.placements = 1, .failing = outcome != 0, .least_outcome = outcome};
    if (length)
        one.worst[VMM_WORST_LENGTH] = (vmm_worst){.value = *length, .known = 1};
    one.worst[VMM_WORST_STACK].known = 1;
    tally_add(t, NULL, &one);
}

void tally_add(tally *t, const vmm_place *first, const tally *others)
{
    for (unsigned i = 0; i < VMM_WORST_KINDS; i++)
        worst_add(&t->worst[i], first, &others->worst[i]);
    t->placements += others->placements;
    if (!others->failing)
        return;
    tally with = *others;
    if (first)
        with.least_count = with_first(with.least, with.least_count, first);
    if (!t->failing || is_less(with.least, with.least_count, t->least, t->least_count)) {
        memcpy(t->least, with.least, sizeof t->least);
        t->least_count = with.least_count;
        t->least_outcome = with.least_outcome;
    }
    t->failing += with.failing;
}

/* The one with nothing more is among them, and less than each of the others. */
void tally_deepen(tally *t, uint64_t grown, uint32_t outcome)
{
    vmm_worst *w = &t->worst[VMM_WORST_STACK];
    if (w->known && grown >= w->value)
        *w = (vmm_worst){.value = grown, .known = 1};
    if (!outcome)
        return;
    t->failing = t->placements;
    t->least_count = 0;
    t->least_outcome = outcome;
}
