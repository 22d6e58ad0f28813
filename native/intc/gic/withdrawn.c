/*
 * Requests that are gone when the CPU asks for them, so that IAR gives 1023 (IHI0048B 4.4.4, IHI0069 ICC_IAR1_EL1). The last
 * moment at which one can go is when the CPU takes its IRQ.
 */
#include "core/line.h"
#include "intc/gic/state.h"

void gic_forget_withdrawn(vmm_machine *m, uint32_t cpu)
{
    if (!gic_cpu(m, cpu)->withdrawn)
        return;
    gic_cpu(m, cpu)->withdrawn = 0;
    gic_refresh(m, cpu);
}

irq_request gic_taken(vmm_machine *m, uint32_t cpu, bool fiq)
{
    if (m->lines_withdraw)
        lines_withdraw(m);
    if (gic_has(m, cpu))
        gic_forget_withdrawn(m, cpu);
    return gic_best(m, cpu, fiq);
}

static bool may_be_spurious(vmm_machine *m, uint32_t cpu)
{
    return gic_has(m, cpu) && gic_may_interrupt(gic_of(m), gic_cpu(m, cpu));
}

static void request_spurious(vmm_machine *m, uint32_t cpu)
{
    if (!gic_has(m, cpu))
        return;
    gic_cpu(m, cpu)->withdrawn = 1;
    gic_refresh(m, cpu);
}

const spurious_source gic_spurious = {"gic", may_be_spurious, request_spurious};
