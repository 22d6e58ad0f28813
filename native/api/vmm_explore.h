/* Every placement of interrupts within a window: what is asked for, what came of it, and the calls. */
#ifndef VMM_EXPLORE_H
#define VMM_EXPLORE_H

#include "api/vmm.h"

#define VMM_MAX_CHOICES 32
#define VMM_MAX_DEPTH 8
#define VMM_MAX_ENDINGS 256
#define VMM_MAX_TERMS 32

enum vmm_choice_kind {
    VMM_CHOICE_EDGE = 0,   /* number: line, up and down again at the boundary */
    VMM_CHOICE_SERVED = 1, /* number: line, high until a controller acknowledges it */
    VMM_CHOICE_HIGH = 2,   /* number: line, high from there on */
    VMM_CHOICE_NMI = 3,    /* number: vCPU */
    VMM_CHOICE_INJECT = 4, /* number: vCPU; vector */
    VMM_CHOICE_CALL = 5,   /* Python does it; number: which */
    VMM_CHOICE_TURN = 6,   /* number: vCPU, whose turn it is from there on, if it is awake and not the current one */
    VMM_CHOICE_FIND_PORT = 12,   /* that reads port `physical`, and finds `value` */
    VMM_CHOICE_FIND_DEVICE = 13, /* that reads device memory there */
    VMM_CHOICE_FIND = 7,   /* the instruction about to begin reads `size` bytes of RAM at `physical`, and finds `value` there */
    VMM_CHOICE_TIMER = 8,  /* time passes to when the next timer expires, if one runs */
    VMM_CHOICE_WITHDRAWN = 10, /* number: line, high until an interrupt is taken, and low before a controller is asked which */
    VMM_CHOICE_SPURIOUS = 11,  /* number: vCPU; vector: the controller's row: a request that is gone when it is asked for */
    VMM_CHOICE_LATE = 9    /* number: instructions; the next timer, which would expire next of all, does so much later */
};

/* One thing that may happen at a boundary. */
typedef struct {
    uint8_t kind; /* enum vmm_choice_kind */
    uint32_t number;
    uint32_t vector;
    uint8_t size; /* 1, 2, 4 or 8 */
    uint64_t physical;
    uint64_t value;
} vmm_choice;

/* Where it happens: `insns` instructions behind the window's first boundary and `more` boundaries behind that one, for a
   delivery makes a boundary at which no instruction has begun. */
typedef struct {
    uint64_t insns;
    uint64_t pc; /* linear; of the current vCPU */
    uint32_t more;
    uint32_t choice;
} vmm_place;

/* What is told of the run in which it is the most. */
enum vmm_worst_kind {
    VMM_WORST_LENGTH = 0, /* of those that come to their end: from the window's first boundary to there */
    VMM_WORST_STACK = 1,  /* bytes that the stack has grown below where its pointer was at that boundary */
    VMM_WORST_KINDS = 2
};

typedef struct {
    uint64_t value;
    uint8_t known; /* there is such a run */
    uint8_t count;
    vmm_place at[VMM_MAX_DEPTH];
} vmm_worst;

enum vmm_phase { VMM_PHASE_WINDOW = 0, VMM_PHASE_BEYOND = 1, VMM_PHASE_END = 2 };

/* How runs end, told apart by what C sees of it. */
typedef struct {
    uint8_t phase;  /* enum vmm_phase: END: where they were to come to; else what they were in when they ended before that */
    uint8_t reason; /* enum vmm_stop_reason */
    uint8_t errors; /* the guest made errors */
    uint8_t late;   /* it came to its end behind the deadline */
    uint8_t spins;  /* it had used up its instructions in states that come again and again */
    uint8_t deep;   /* the stack grew too far, wherever it ended: no other field is set then */
    uint32_t code;
    uint32_t terms; /* which of the predicate's hold, one bit each */
    uint32_t outcome; /* what Python says of it; 0: it is good */
} vmm_ending;

enum vmm_relation { VMM_EQ = 0, VMM_NE = 1, VMM_LT = 2, VMM_LE = 3, VMM_GT = 4, VMM_GE = 5 };

enum vmm_term_kind {
    VMM_TERM_MEMORY = 0,   /* a value at `at`, linear, as the first vCPU maps it, is compared with a number */
    VMM_TERM_REGISTER = 1, /* one of the first vCPU's: Unicorn's public number `at`, or VMM_TERM_PC */
    VMM_TERM_NEVER = 2,    /* no vCPU comes to `at`, linear: a run that does is over there */
    VMM_TERM_SENT = 3      /* phrase `at` of the plan was sent, 1, or was not, 0: this is compared */
};

#define VMM_TERM_PC 0

/* Of a predicate. */
typedef struct {
    uint64_t at;
    uint64_t value;
    uint8_t kind;     /* enum vmm_term_kind */
    uint8_t size;     /* 1, 2, 4 or 8 bytes, little-endian */
    uint8_t relation; /* enum vmm_relation */
    uint8_t is_signed;
} vmm_term;

/* Of one placement, and all that begin with it. */
typedef struct {
    vmm_place at;
    uint32_t outcome;    /* of this one alone, nothing behind it */
    uint8_t delivered;   /* at this very boundary */
    uint8_t shared;      /* its end is the next boundary's: the two states were one */
    uint8_t idle;        /* it cannot happen here: there are no such placements */
    uint8_t least_count; /* places behind `at` in the least failing placement, where `failing` */
    uint32_t least_outcome;
    uint64_t placements; /* that begin with it, itself included */
    uint64_t failing;
    vmm_place least[VMM_MAX_DEPTH];
} vmm_explored;

typedef struct {
    /* what is asked for */
    vmm_choice choice[VMM_MAX_CHOICES];
    uint32_t choices;
    uint32_t depth;    /* interrupts and turns in one placement, at most */
    uint32_t finds;    /* and values found, VMM_CHOICE_FIND; of both no more than VMM_MAX_DEPTH */
    uint64_t patience; /* instructions that a run may take from the window's first boundary to its end */
    uint64_t longest;  /* boundaries of a handler, or of the rest of a window, at which one more interrupt is tried */
    uint64_t most_runs; /* 0: no end */
    uint64_t until_ns;  /* of the host's monotonic clock; 0: no end */
    uint64_t to; /* instructions: the window's boundaries from there on are not explored; 0: all are */
    uint64_t deadline; /* from the window's first boundary to a run's end; 0: none */
    uint8_t in_ns;     /* that is virtual time, and so are lengths; else instructions */
    uint64_t stack;    /* bytes that it may grow; 0: nobody looks */
    uint8_t reduce;    /* runs whose states are one share what follows */
    uint8_t ask_each;  /* Python judges every run, not every kind of ending */
    vmm_trigger end;   /* of the window: REACH; or INSNS of all vCPUs, when more have begun in a run nothing more happens there */
    vmm_trigger until; /* where runs end, behind that; FREE: with the guest */
    vmm_term term[VMM_MAX_TERMS];
    uint32_t terms;
    vmm_phrase phrase[VMM_MAX_PHRASES]; /* that the console may send from the window's first boundary on */
    uint32_t phrases;
    void *handle; /* Python's own, handed back in every call */
    uint32_t (*judge)(void *handle, const vmm_ending *ending); /* the machine stands there; an outcome */
    void (*act)(void *handle, uint32_t choice);
    uint32_t (*take)(void *handle);             /* the state of Python's devices now, as a number; */
    void (*put)(void *handle, uint32_t number); /* back to it */

    /* what came of it so far */
    uint64_t next; /* instructions at the next boundary of the window to be explored */
    uint64_t boundaries;
    uint64_t runs;      /* made: placements that were run to their end, or until they were another's */
    uint64_t tails;     /* of those, how many were run to the end */
    uint64_t shared;    /* of the others */
    uint64_t ending_count;
    vmm_ending ending[VMM_MAX_ENDINGS];
    uint64_t cut; /* handlers and rests that were longer than `longest` */
    vmm_worst worst[VMM_WORST_KINDS]; /* of all placements told since somebody cleared it */
    uint8_t spent; /* most_runs or until_ns */
    uint8_t over; /* the window's end has been explored */
} vmm_plan;

typedef struct vmm_exploration vmm_exploration;

/* The machine stands at the window's first boundary; NULL with m->error. Until it is freed the machine is its own. */
vmm_exploration *vmm_explore_begin(vmm_machine *m, vmm_plan *plan);
/* The next `boundaries` of the window, at most; rows of `out`, one a boundary and choice, in order; -1 with m->error. It
   comes back early, and is to be asked again, where m->signalled; and for good where the plan is spent: rows without
   placements that are not idle were not come to. */
int64_t vmm_explore(vmm_machine *m, vmm_exploration *x, uint64_t boundaries, vmm_explored *out);
/* The first boundary at which `insns` instructions have been run is the next, before or behind those that were explored;
   the plan is over where the window ends before that, and spent no more. 1: a signal came, ask again; -1 with m->error. */
int vmm_explore_seek(vmm_machine *m, vmm_exploration *x, uint64_t insns);

/* A placement that somebody drew: each of `count` at so many boundaries behind the window's first, in its own run, with what
   the ones before it have made of that. They ascend. */
typedef struct {
    uint32_t count;
    uint64_t at[VMM_MAX_DEPTH];
    uint32_t choice[VMM_MAX_DEPTH];
} vmm_draw;

/* Each in a run of its own; what lies outside the window and its handlers, or cannot happen there, does not happen. A row
   each: `least` has what did, whether or not it fails; one in which nothing did is idle. How many were tried: fewer where
   m->signalled or the plan is spent; -1 with m->error. They are best in order. */
int64_t vmm_explore_drawn(vmm_machine *m, vmm_exploration *x, const vmm_draw *draws, uint64_t count, vmm_explored *out);
/* The boundaries of the window, where that choice happens at the first; VMM_ANY: nothing. 0: a signal came, ask again; -1
   with m->error. */
int64_t vmm_explore_extent(vmm_machine *m, vmm_exploration *x, uint32_t choice);
void vmm_explore_end(vmm_machine *m, vmm_exploration *x); /* the machine is as it was when it began */

#define VMM_MAX_ACCESSES 128
#define VMM_ACCESS_BYTES 64

enum vmm_touch {
    VMM_TOUCH_READ = 0,
    VMM_TOUCH_WRITE = 1,
    VMM_TOUCH_CORE = 2 /* by the core, for the guest: either */
};

typedef struct {
    uint64_t physical; /* in RAM, never its alias */
    uint32_t size;     /* as far as it is known */
    uint8_t kind;      /* enum vmm_touch */
    uint8_t before[VMM_ACCESS_BYTES]; /* what was there */
} vmm_access;

/* What is read and written of RAM; who looks sets `count` and `missed` to 0. */
typedef struct {
    uint32_t count;
    uint32_t missed; /* for want of rows */
    vmm_access row[VMM_MAX_ACCESSES];
} vmm_accesses;

/* From now on; NULL with m->error. It costs at every access. */
vmm_accesses *vmm_accesses_begin(vmm_machine *m);
/* And how far the stack has grown where the machine stands, below where its pointer was when this was called first;
   `allowed`: as a plan's `stack`. 0 with what m->error says, too. */
uint64_t vmm_accesses_stack(vmm_accesses *a, uint64_t allowed);
void vmm_accesses_end(vmm_accesses *a); /* the machine still is there */

#endif
