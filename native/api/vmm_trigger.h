/* What a run may be told to stop for. State and calls; part of vmm.h. */
#ifndef VMM_TRIGGER_H
#define VMM_TRIGGER_H

#include <stdint.h>

#define VMM_MAX_TRIGGERS 256
#define VMM_ANY 0xffffffffU

enum vmm_trigger_kind {
    VMM_TRIGGER_FREE = 0,
    VMM_TRIGGER_REACH = 1,  /* an instruction at linear address `at` is about to begin */
    VMM_TRIGGER_EVENT = 2,  /* an event of the trace: `event`, and what of `number`, `value` and `source` is not VMM_ANY */
    VMM_TRIGGER_INSNS = 3,  /* so many instructions have begun on the vCPU, or on all of them: `at` */
    VMM_TRIGGER_TIME = 4,   /* virtual ns: `at` */
    VMM_TRIGGER_SHADOW = 5, /* x86: the boundary lies in the shadow `number` (enum vmm_shadow; VMM_ANY: of either) */
    VMM_TRIGGER_EVERY = 6,  /* every boundary */
    VMM_TRIGGER_HASHED = 7, /* so many events are in the trace's hash: `at` */
    VMM_TRIGGER_TURN = 8,   /* a turn of `vcpu` begins */
    VMM_TRIGGER_ACCESS = 9  /* `number` bytes of RAM at physical `at` were accessed: `value` 1 read, 2 written, 3 either */
};

typedef struct {
    uint8_t kind; /* enum vmm_trigger_kind */
    uint8_t fired;
    uint8_t event; /* enum vmm_event_kind */
    uint32_t vcpu; /* VMM_ANY: whichever */
    uint32_t number;
    uint32_t value;  /* compared with the low 32 bits */
    uint32_t source; /* enum vmm_source */
    uint64_t at;
    uint64_t seen; /* number of the event in the trace (emitted before it) that fired it; ACCESS: what was accessed of it first, physical */
} vmm_trigger;

typedef struct {
    uint32_t count; /* slots in use are below it */
    uint32_t events; /* one bit an enum vmm_event_kind that some trigger waits for, all for HASHED */
    uint32_t settings; /* how often they were changed */
    uint8_t watched; /* somebody waits for an access */
    uint8_t every;  /* every boundary is looked at: bit 0, by some trigger; bit 1, the next one for lines that were served */
    uint64_t insns; /* the earliest INSNS of all vCPUs; VMM_NEVER: none */
    uint64_t ns;    /* the earliest TIME */
    vmm_trigger slot[VMM_MAX_TRIGGERS];
} vmm_triggers;

#endif
