#include <stdlib.h>
#include <string.h>

#include "core/pages.h"
#include "core/snapshot.h"
#include "explore/record.h"

record *record_new(exploration *x)
{
    record *r = calloc(1, sizeof *r + x->plan->choices * sizeof *r->child);
    if (!r)
        x->failed = fail(x->machine, "the host has no memory for what was explored");
    return r;
}

void record_free(const exploration *x, record *r)
{
    if (!r)
        return;
    for (uint32_t i = 0; i < x->plan->choices; i++)
        record_free(x, r->child[i]);
    forget(&r->state);
    set_free(&r->live);
    free(r);
}

/* ---- one state and another ---- */

typedef struct {
    exploration *x;
    const byte_set *live;
    bool met; /* what follows would see a difference */
} difference;

static void page_differs(void *context, uint64_t page, const uint8_t *then)
{
    difference *d = context;
    const vmm_machine *m = d->x->machine;
    static const uint8_t zeros[PAGE];
    const uint8_t *now = m->ram + page * PAGE;
    then = then ? then : zeros;
    if (d->met || memcmp(now, then, PAGE) == 0)
        return;
    uint64_t bits[SET_WORDS] = {0};
    for (unsigned i = 0; i < PAGE; i++)
        bits[i / 64] |= (uint64_t)(now[i] != then[i]) << i % 64;
    d->met = m->pages.untold[page] || set_meets(d->live, page, bits);
}

/* Of each vCPU, for its turn may be over in a shadow. */
static uint64_t aftermath(const vmm_machine *m, uint32_t vcpu)
{
    vmm_vcpu *v = m->vcpus[vcpu];
    return v->arch->aftermath && !v->off ? v->arch->aftermath(v) : 0;
}

static bool same_aftermath(const vmm_machine *m, const record *r)
{
    for (uint32_t i = 0; i < m->vcpu_count; i++)
        if (aftermath(m, i) != r->aftermath[i])
            return false;
    return true;
}

bool is_as(exploration *x, const record *r, bool inside)
{
    vmm_machine *m = x->machine;
    bool devices = m->host_calls == x->host_seen && x->devices == r->state.devices;
    stack_look(&x->stack);
    if (stopped(x) || !r->state.native || r->inside != inside || !devices || !same_aftermath(m, r) || x->stack.at != r->state.stack_at)
        return false;
    if (!snapshot_alike(m, r->state.native))
        return false;
    for (uint32_t i = 0; i < m->vcpu_count; i++)
        if (registers_meet(m, &r->live, i, snapshot_leftover(m, r->state.native, i)))
            return false;
    difference d = {x, &r->live, false};
    snapshot_differences(m, r->state.native, page_differs, &d);
    return !d.met;
}

void record_state(exploration *x, record *r, bool inside)
{
    for (uint32_t i = 0; i < x->machine->vcpu_count; i++)
        r->aftermath[i] = aftermath(x->machine, i);
    r->inside = inside;
    r->state = keep(x);
}
