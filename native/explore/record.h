/* What is known of a state at a boundary, and whether the machine is in it again. */
#ifndef VMM_RECORD_H
#define VMM_RECORD_H

#include "explore/tally.h"
#include "explore/travel.h"

/* All that can follow. */
typedef struct record {
    instant state; /* native NULL: it is not kept */
    uint64_t aftermath[VMM_MAX_VCPUS];
    bool inside; /* the window's end is still to come */
    byte_set live;
    tally sum;
    uint32_t outcome; /* with nothing more */
    struct record *child[]; /* of each choice, as it stands when its handler has returned; NULL: it has none */
} record;

record *record_new(exploration *x); /* NULL: no memory, and the exploration has failed */
void record_free(const exploration *x, record *r); /* and those of its choices; NULL is none */
void record_state(exploration *x, record *r, bool inside); /* the machine is in it */
bool is_as(exploration *x, const record *r, bool inside); /* it is in a state that is the same, as far as anything that follows can tell */

#endif
