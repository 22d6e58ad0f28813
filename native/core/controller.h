/*
 * What an interrupt controller, or a device in C, is to the machine: a row in native/machine.c, with the inputs that lines end
 * at and the registers that answer ranges of memory or ports, by name. Its state exists from when somebody first asks for
 * it.
 */
#ifndef VMM_CONTROLLER_H
#define VMM_CONTROLLER_H

#include "core/base.h"

/* Where a line ends. */
typedef struct vmm_line_end {
    void (*set)(vmm_machine *m, uint32_t pin, int level);
    bool (*unmasked)(const vmm_machine *m, uint32_t pin);      /* NULL: it has no mask */
    uint32_t (*interrupt)(const vmm_machine *m, uint32_t pin); /* the vector or INTID that it becomes; NULL, VMM_ANY: none */
    bool ended_by_pin;                                         /* VMM_EV_ENDED names the pin, not the interrupt */
} line_end;

/* Who answers a range of memory or ports. `cpu`: who asks. */
typedef struct vmm_range_owner {
    uint64_t (*read)(vmm_machine *m, uint32_t cpu, const vmm_range *range, uint64_t offset, uint32_t size);
    void (*write)(vmm_machine *m, uint32_t cpu, const vmm_range *range, uint64_t offset, uint32_t size, uint64_t value);
} range_owner;

/* What may tell a vCPU of a request that is gone when the vCPU asks for it. */
typedef struct vmm_spurious_source {
    const char *name;
    bool (*possible)(vmm_machine *m, uint32_t cpu); /* some request would be told now */
    void (*request)(vmm_machine *m, uint32_t cpu);
} spurious_source;

enum { NAMES_EACH = 4 };

struct vmm_controller {
    const char *name;
    size_t state_bytes;            /* all zeros, then reset; 0: it has no state */
    void (*reset)(vmm_machine *m); /* NULL: zeros will do */
    bool (*alike)(const void *a, const void *b); /* two states, as far as a guest can see them; NULL: all of it counts */
    struct { const char *name; const line_end *end; } ends[NAMES_EACH];
    struct { const char *name; const range_owner *owner; } ranges[NAMES_EACH];
    const spurious_source *spurious; /* NULL: no request of it can be gone */
};

/* The state of the one in that row, which is made at the first ask; NULL with m->error. */
void *controller_state(vmm_machine *m, uint32_t row);
void controller_begin(vmm_machine *m, uint32_t row); /* its state as it is when made */
void controllers_free(vmm_machine *m);

/* Who vmm_line_end or vmm_range_owner gave that number; NULL: nobody. */
const line_end *line_end_of(const vmm_machine *m, uint32_t number);
const range_owner *range_owner_of(const vmm_machine *m, uint32_t number);

#endif
