/*
 * Handlers under way on a vCPU: what was interrupted, and when each returns. A record only; nothing a guest sees.
 *
 * A return pops the last handler, wherever it leads: a handler may skip the instruction that faulted, or switch tasks.
 * One that never returns (it unwound the stack) is forgotten when the stack it interrupted is seen to be unwound.
 */
#include <string.h>

#include "core/compare.h"
#include "core/coverage.h"
#include "core/nest.h"
#include "core/trace.h"

static bool unwound(const vmm_handler *h, uint64_t sp, uint32_t level)
{
    enum { SAME_STACK = 1 << 20 };
    return h->level == level && sp > h->sp && sp - h->sp < SAME_STACK;
}

void nest_enter(vmm_vcpu *v, const vmm_handler *handler)
{
    if (unlikely(v->machine->coverage != NULL))
        coverage_delivered(v->machine->coverage, handler);
    while (v->depth && unwound(&v->nest[v->depth - 1], handler->sp, handler->level))
        v->depth--;
    if (v->depth == VMM_NEST) {
        memmove(v->nest, v->nest + 1, (VMM_NEST - 1) * sizeof *v->nest);
        v->depth--;
    }
    v->nest[v->depth] = *handler;
    v->nest[v->depth++].count = v->count;
    if (unlikely(compares(v)))
        compare_entered(v);
}

void nest_leave(vmm_vcpu *v, uint64_t pc, uint64_t sp, uint64_t flags)
{
    if (!v->depth)
        return;
    if (unlikely(compares(v)))
        compare_returned(v, pc, sp, flags);
    const vmm_handler *h = &v->nest[v->depth - 1];
    vmm_event event = {.kind = VMM_EV_RETURNED, .number = h->number, .source = h->source, .source_pin = h->pin, .pc = pc,
                       .sp = sp, .flags = flags, .value = v->count - h->count, .error = pc != h->pc, .code = trace_place(v)};
    trace_emit(v, &event);
    v->depth--;
}
