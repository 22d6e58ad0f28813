/* A machine that is explored: where it is in time, there and back, and pieces of its run. */
#ifndef VMM_TRAVEL_H
#define VMM_TRAVEL_H

#include "api/vmm_explore.h"
#include "explore/footprint.h"
#include "explore/stack.h"

enum { STRIDE = 64 }; /* boundaries from one snapshot to the next */
enum { SLOT_END, SLOT_UNTIL, SLOT_EVERY, SLOT_RETURN, SLOT_TURN, SLOT_DELIVERED, SLOT_AGAIN, SLOTS };
enum { AT_END = 1 << SLOT_END, AT_UNTIL = 1 << SLOT_UNTIL, AT_EVERY = 1 << SLOT_EVERY, AT_RETURN = 1 << SLOT_RETURN,
       AT_TURN = 1 << SLOT_TURN, AT_DELIVERED = 1 << SLOT_DELIVERED, AT_AGAIN = 1 << SLOT_AGAIN,
       IN_TIME = 1 << SLOTS /* the instructions are used up */, OVER = 2 << SLOTS /* the run has ended */ };

/* The machine as it was, with Python's devices. */
typedef struct {
    vmm_snapshot *native; /* NULL: none */
    uint32_t devices;
    uint64_t stack_at;
} instant;

struct vmm_exploration {
    vmm_machine *machine;
    vmm_plan *plan;
    watcher watch;
    stack_watch stack;
    uint64_t grown;      /* it had, up to the next boundary to be explored */
    uint64_t length;     /* of the run judged last, */
    bool ended;          /* if that came to its end */
    uint32_t forbidden;  /* the last stretch ended at the place of this one of the predicate's terms; VMM_ANY: at none */
    uint32_t too_deep;   /* the outcome; 0: it was not asked for */
    vmm_triggers triggers; /* the machine's own */
    instant begin, here;   /* the window's first boundary; the next to be explored */
    bool at_end;           /* that is the window's last */
    vmm_place at;          /* that one's place */
    uint64_t index;        /* boundaries from the first to that one, as draws count them; VMM_NEVER: nobody has counted */
    uint64_t origin;       /* instructions at the first */
    uint64_t origin_ns;
    uint64_t host_seen;    /* calls of Python's devices up to when their state was `devices` */
    uint32_t devices;
    uint64_t again;   /* the address that AT_AGAIN is */
    uint32_t turn_of; /* the vCPU whose next turn AT_TURN is */
    bool failed;     /* no memory, or an error in Python */
    bool broken_off; /* by a signal */
};

typedef struct vmm_exploration exploration;

/* Where a turn begins it cannot be given away at once, for that would be one turn less; where a value is found, that is
   what the instruction there does. */
enum first { ANYTHING = 0, NO_TURN = 1, NOTHING = 2 };

/* A piece of a run: its boundaries, how far the stack has grown at each, and the machine at some of them. */
typedef struct {
    vmm_place *places;
    instant *kept; /* each STRIDE */
    uint64_t *grown; /* the stack at each */
    uint64_t behind; /* and between the last and what is known behind it */
    uint64_t count;
    uint64_t room;
    uint64_t inside; /* so many of them lie before the window's end */
    bool closed;     /* what is known behind the last begins with it, not behind it */
    uint8_t first;   /* enum first: what may happen at the first of them */
} piece;

static inline bool stopped(const exploration *x)
{
    return x->failed || x->broken_off || x->plan->spent;
}

instant keep(exploration *x);
void back_to(exploration *x, const instant *then);
void forget(instant *then);

unsigned go(exploration *x, unsigned awaited, uint64_t insns); /* what of it came, or IN_TIME, or OVER */
unsigned go_on(exploration *x, unsigned awaited, uint64_t insns); /* as go, but that it looks for states that come again */
bool spins(exploration *x); /* the run has used up its instructions: it can never end */
bool at_address(const exploration *x, const vmm_trigger *t);
unsigned step(exploration *x); /* to the next boundary; a vCPU that falls asleep stands at one, and at another when it is woken */
bool ends_here(const exploration *x); /* it stands at the window's end */
/* That is a count, which the run has come to: of all instructions, handlers' among them, so states that are one agree about it. */
bool counted_out(const exploration *x);
bool may_run(exploration *x); /* one more, which is counted; false: the budget is spent */
bool until_here(const exploration *x); /* where runs end that have come through the window */
uint64_t time_left(const exploration *x); /* instructions that a run may still take */
uint32_t depth_of(const vmm_machine *m); /* handlers under way */
vmm_place place_here(const exploration *x, const vmm_place *before); /* `before`: of the last boundary, or NULL */

void piece_grow(exploration *x, piece *p, const vmm_place *before); /* the boundary where it stands is one more of it */
void piece_begin(exploration *x, piece *p, const vmm_place *at);    /* the first has a place already; NULL: it has none */
void piece_free(piece *p);
void stand_at(exploration *x, const piece *p, uint64_t i);

#endif
