/* Lines, and what a controller is to them and to the bus: one row each in native/machine.c. */
#ifndef VMM_LINE_H
#define VMM_LINE_H

#include "core/internal.h"

/* Where a line ends. */
typedef struct {
    void (*set)(vmm_machine *m, uint32_t pin, int level);
    bool (*unmasked)(const vmm_machine *m, uint32_t pin);        /* NULL: it has no mask */
    uint32_t (*interrupt)(const vmm_machine *m, uint32_t pin);   /* the vector or INTID that it becomes; VMM_ANY: none */
    bool ended_by_pin;                                           /* VMM_EV_ENDED names the pin, not the interrupt */
} line_end;

/* Who answers a range of memory or ports. `cpu`: who asks. */
typedef struct {
    uint64_t (*read)(vmm_machine *m, uint32_t cpu, const vmm_range *range, uint64_t offset, uint32_t size);
    void (*write)(vmm_machine *m, uint32_t cpu, const vmm_range *range, uint64_t offset, uint32_t size, uint64_t value);
} range_owner;

struct vmm_controllers {
    const line_end *ends[VMM_SINKS];          /* by enum vmm_sink */
    const range_owner *ranges[VMM_HANDLERS]; /* by enum vmm_handler; NULL: Python's, or there is none */
};

extern const line_end nmi_pin;               /* of a vCPU, past any controller */
extern const range_owner test_device, counter;

bool line_unmasked(const vmm_machine *m, uint32_t line);
bool line_concerns(const vmm_machine *m, uint32_t line, const vmm_event *e); /* an event further down its interrupt's path */

#endif
