/*
 * What handlers interrupted, kept while somebody compares, so that what they return to can be held against it. A record
 * only; nothing a guest sees.
 */
#ifndef VMM_COMPARE_H
#define VMM_COMPARE_H

#include "core/base.h"

enum { COMPARE_GENERAL = 32, COMPARE_VECTORS = 32, COMPARE_VECTOR = 16, COMPARE_FRAME = 80 };

typedef struct vmm_registers { /* of a vCPU, as its architecture fills it in */
    uint64_t space; /* the root of its page tables */
    uint64_t flags;
    uint64_t general[COMPARE_GENERAL]; /* without the stack pointer */
    bool are_frame; /* a return leads to where registers say: there is no frame in memory */
} vmm_registers;

typedef struct vmm_vectors { /* registers too, where Unicorn has them: there are too many to be copied for a look */
    const uint8_t *first;  /* NULL: their use traps, they are not the running code's */
    uint32_t count, apart; /* of COMPARE_VECTOR bytes each; bytes from one to the next */
    bool are_pairs;        /* of registers of half that size */
} vmm_vectors;

typedef struct { /* on a stack; size 0: in registers, and `at`, unless 0, is where the handler's stack begins */
    uint64_t at; /* linear, of its lowest byte */
    uint8_t size, width; /* bytes; of one slot */
    bool has_error; /* its lowest slot is an error code */
    uint8_t bytes[COMPARE_FRAME];
} vmm_frame;

void compare_interrupted(vmm_vcpu *v);                     /* about to be delivered to; nothing unless somebody compares */
void compare_pushed(vmm_vcpu *v, const vmm_frame *frame);  /* its delivery's frame */
void compare_entered(vmm_vcpu *v);                         /* the handler is the last of v->nest */
void compare_returns(vmm_vcpu *v, uint64_t sp);            /* about to return through the frame at linear sp */
void compare_leads(vmm_vcpu *v, uint64_t code, uint64_t sp, uint64_t pc, uint64_t flags); /* about to return, registers say where to */
void compare_returned(vmm_vcpu *v, uint64_t pc, uint64_t sp, uint64_t flags); /* the last of v->nest, to there */

/* What is known of the handlers under way, for a snapshot: `*saved` NULL where that is nothing; false: no memory. */
bool compare_save(const vmm_machine *m, void **saved);
void compare_restore(vmm_machine *m, const void *saved); /* the vCPUs are as they were then */

static inline bool compares(const vmm_vcpu *v)
{
    return v->machine->compared != NULL;
}

#endif
