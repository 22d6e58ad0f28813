/* What makes interrupts by itself, beside the guest and its devices. State and calls; part of vmm.h. */
#ifndef VMM_STIMULUS_H
#define VMM_STIMULUS_H

#include <stdint.h>

#define VMM_MAX_STIMULI 64
#define VMM_MAX_TIMES 4194304 /* of all sequences of a machine together */

typedef struct vmm_machine vmm_machine;
struct vmm_times;

enum vmm_stimulus_kind {
    VMM_STIMULUS_PERIODIC = 0,
    VMM_STIMULUS_POISSON = 1,
    VMM_STIMULUS_BURST = 2,
    VMM_STIMULUS_STORM = 3,
    VMM_STIMULUS_SEQUENCE = 4
};

enum vmm_stimulus_target {
    VMM_TARGET_LINE = 0,  /* number: line */
    VMM_TARGET_NMI = 1,   /* number: vCPU */
    VMM_TARGET_INJECT = 2 /* number: vCPU; vector */
};

/* When a stimulus may act: what makes an interrupt a requested one. */
enum vmm_stimulus_armed {
    VMM_ARMED_ALWAYS = 0,
    VMM_ARMED_UNMASKED = 1, /* while the line's input is unmasked in a controller */
    VMM_ARMED_BETWEEN = 2   /* from the instruction at `begin` up to that at `end`, whichever vCPU comes to them */
};

/* What was asked for. All times but the sequence's are from the start on or lengths: virtual ns, or instructions. */
typedef struct {
    uint8_t kind;     /* enum vmm_stimulus_kind */
    uint8_t target;   /* enum vmm_stimulus_target */
    uint8_t in_insns; /* times are instructions begun on all vCPUs, else ns */
    uint8_t armed;    /* enum vmm_stimulus_armed */
    uint8_t after;    /* STORM: the enum vmm_event_kind that lets the next pulse come */
    uint32_t number;
    uint32_t vector;
    uint64_t start;  /* of the first occasion; POISSON: of the first interval */
    uint64_t period; /* PERIODIC; POISSON: the mean; BURST: from pulse to pulse; STORM: from `after` to the next */
    uint64_t size;   /* BURST: its pulses */
    uint64_t pause;  /* BURST: from its last pulse to the next one's first */
    uint64_t hold;   /* how long the line stays high; 0: until the next pulse */
    uint64_t count;  /* occasions in all; VMM_NEVER: no end */
    uint64_t until;  /* no occasion from then on */
    uint64_t seed;
    uint64_t begin; /* linear addresses */
    uint64_t end;
    uint8_t until_served; /* the line stays high until a controller has acknowledged it; not with `hold` */
} vmm_stimulus_plan;

typedef struct {
    vmm_stimulus_plan plan;
    const struct vmm_times *times; /* SEQUENCE; lives as long as the machine */
    uint64_t serial;               /* how many were started before */
    uint64_t began;
    uint64_t until; /* as in the plan, from `began` on */
    uint64_t at;       /* of the next occasion; VMM_NEVER: none is known */
    uint64_t lower_at; /* of the end of `hold`; VMM_NEVER: not held */
    uint64_t last;     /* of the last pulse */
    uint64_t dice;     /* state of the generator behind `seed` */
    uint64_t fraction; /* POISSON: what the last arrival's time had below one, in 2^-64 */
    uint8_t awaits;    /* STORM: the event `after` */
    uint8_t open;      /* ARMED_BETWEEN: now */
    uint64_t occasions;   /* so far, which is the next three's sum */
    uint64_t requested;   /* pulses that the guest had asked for */
    uint64_t spontaneous; /* pulses that it had not */
    uint64_t suppressed;  /* held back, because it had not */
} vmm_stimulus;

typedef struct {
    uint32_t count;   /* in use are below it, in the order they were started in */
    uint64_t started; /* so far */
    uint64_t ns;      /* the earliest time that any waits for; VMM_NEVER: none */
    uint64_t insns;
    uint64_t occasions; /* of all, so far */
    vmm_stimulus slot[VMM_MAX_STIMULI];
} vmm_stimuli;

/* Start it at the present boundary; `times`: of a sequence, from its start on, none less than the one before it, copied.
   Its serial is m->stimuli.started before. -1, with m->error, where it makes no sense or no room is left. */
int vmm_stimulate(vmm_machine *m, const vmm_stimulus_plan *plan, const uint64_t *times, uint64_t count);
int vmm_stimulus_stop(vmm_machine *m, uint64_t serial); /* and let go of a line that it holds */
uint64_t vmm_stimulus_seed(const vmm_machine *m); /* for the next to be started, from the machine's */
/* NULL: it was over, and made room for another. */
const vmm_stimulus *vmm_stimulus_find(const vmm_machine *m, uint64_t serial);

#endif
