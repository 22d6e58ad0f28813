/* The GIC as the vCPUs and the machine's other parts see it; the calls are those of api/vmm_gic.h. */
#ifndef VMM_GIC_INTERNAL_H
#define VMM_GIC_INTERNAL_H

#include "api/vmm_gic.h"
#include "core/controller.h"
#include "intc/irq_request.h"

/* What a GIC asks of a processor. */
typedef struct {
    void (*inputs)(vmm_vcpu *v, bool irq, bool fiq); /* as they are now */
} gic_processor;

irq_request gic_taken(vmm_machine *m, uint32_t cpu, bool fiq); /* what an IRQ or FIQ that this vCPU takes is about */

/* What lines and ranges may name, in native/machine.c. */
enum { GIC_ROW = 3 };

bool gic_alike(const void *a, const void *b); /* two states, but for when requests were made */
extern const spurious_source gic_spurious;
extern const line_end gic_spis; /* pin n: INTID 32 + n */
extern const range_owner gic_distributor;
extern const range_owner gic_cpu_interface;  /* GICv2: of the vCPU that asks */
extern const range_owner gic_redistributors; /* GICv3: of all vCPUs, one behind the other */

#endif
