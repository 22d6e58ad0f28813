/* How far a stack has grown: bytes below where its pointer was at the window's first boundary. */
#ifndef VMM_STACK_H
#define VMM_STACK_H

#include "core/arch.h"

typedef struct {
    vmm_machine *machine; /* NULL: nobody asks */
    uint32_t vcpu, bank;  /* whose it is */
    uint64_t top;         /* the pointer then, */
    uint64_t at;          /* and the last that was of this stack */
    uint64_t step;        /* a pointer so much further down than that is another stack's */
    uint64_t since;       /* the furthest since that was last made 0 */
    uint64_t *into;       /* and since it goes there; NULL: nowhere */
} stack_watch;

/* Of the current vCPU's, which `limit` bytes are allowed: looked at before each instruction from now on. */
int stack_begin(stack_watch *s, vmm_machine *m, uint64_t limit); /* 0, or -1 with m->error */
void stack_end(stack_watch *s);

uint64_t stack_look(stack_watch *s); /* where the machine stands: how far it has grown there; 0 on another, and where nobody asks */
void stack_into(stack_watch *s, uint64_t *into); /* with where it stands now, of who had it and of who gets it */

#endif
