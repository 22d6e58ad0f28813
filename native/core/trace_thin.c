/* What is left of a log where plain interrupts are many and alike: see vmm_thin. */
#include <string.h>

#include "core/trace_pack.h"

enum { IF = 1 << 9, PSR_I = 1 << 7, DAIF_I = 1 << 1 };

static bool is_high(const vmm_thinned *t, uint32_t line)
{
    return t->high[line / 64] >> line % 64 & 1;
}

static void line_changed(vmm_thinned *t, const vmm_event *e)
{
    bool level = e->value != 0;
    if (e->number >= VMM_THINNED_LINES || is_high(t, e->number) == level)
        return;
    t->high[e->number / 64] ^= 1ull << e->number % 64;
    t->high_count += level ? 1 : -1u;
}

static void follow(vmm_thinned *t, const vmm_event *e)
{
    if (e->kind == VMM_EV_LINE)
        line_changed(t, e);
    else if (e->kind == VMM_EV_ACKNOWLEDGED)
        t->in_service++;
    else if (e->kind == VMM_EV_ENDED && (t->vectors || e->value & VMM_END_DEACTIVATED))
        t->in_service -= t->in_service != 0;
    else if (e->kind == VMM_EV_DELIVERED)
        t->depth = e->depth;
    else if (e->kind == VMM_EV_RETURNED)
        t->depth = e->depth ? e->depth - 1u : 0;
}

static bool is_quiet(const vmm_thinned *t)
{
    return !t->depth && !t->in_service && !t->high_count;
}

/* The same registers by the same return to the same place as once before. */
static bool is_known(vmm_thinned *t, const vmm_event *e)
{
    uint64_t which = e->number | (uint64_t)e->kind << 32, mixed = (e->code + 31 * e->pc + 7 * which) * 0x9e3779b97f4a7c15;
    vmm_change *known = &t->changed[mixed >> 58];
    bool same = known->code == e->code && known->pc == e->pc && known->which == which;
    known->code = e->code;
    known->pc = e->pc;
    known->which = which;
    return same;
}

static bool is_plain_delivery(const vmm_thinned *t, const vmm_event *e)
{
    bool maskable = e->source != VMM_SRC_EXCEPTION && e->source != VMM_SRC_SOFTWARE && e->source != VMM_SRC_NMI && e->source != VMM_SRC_SCRIPT && e->source != VMM_SRC_SERROR;
    bool let_in = t->vectors ? e->flags & IF : !(e->flags & PSR_I);
    return maskable && let_in && e->depth == 1;
}

static void add(vmm_thinned *t, const vmm_event *e)
{
    switch (e->kind) {
    case VMM_EV_LINE:
        t->has.rises += e->value != 0;
        t->has.falls += e->value == 0;
        t->has.line = e->number;
        t->has.other |= e->number >= VMM_THINNED_LINES;
        break;
    case VMM_EV_PENDING: t->has.requests++; break;
    case VMM_EV_ACKNOWLEDGED: t->has.acknowledged++; break;
    case VMM_EV_DELIVERED:
        t->has.delivered++;
        t->has.other |= !is_plain_delivery(t, e);
        break;
    case VMM_EV_ENDED:
        t->has.ended++;
        t->has.other |= !t->vectors && !(e->value & VMM_END_DEACTIVATED);
        break;
    case VMM_EV_REGISTERS_CHANGED:
    case VMM_EV_VECTORS_CHANGED: t->has.other |= !is_known(t, e); break;
    case VMM_EV_RETURNED: t->has.returned++; break;
    case VMM_EV_PIN_STATE: break; /* an IOAPIC's share of what is counted above */
    case VMM_EV_CPU_MASK:
        if (!t->has.masks++)
            t->has.mask_before = e->value;
        t->has.mask_after = e->number;
        t->has.other |= (t->has.mask_before & (t->vectors ? ~0ull : DAIF_I)) != 0;
        break;
    default: t->has.other = true;
    }
}

static bool is_over(const vmm_thinned *t)
{
    uint32_t n = t->has.acknowledged;
    bool one = n <= 1 && t->has.requests == n && t->has.delivered == n && t->has.ended == n && t->has.returned == n;
    bool masked = t->has.masks && t->has.mask_after != t->has.mask_before;
    return is_quiet(t) && one && t->has.rises <= n && t->has.falls == t->has.rises && !masked;
}

static vmm_round *now(vmm_thinned *t)
{
    return &t->round[t->now];
}

static vmm_round *last(vmm_thinned *t)
{
    return &t->round[!t->now];
}

static vmm_event *put(vmm_event *out, vmm_round *r)
{
    memcpy(out, r->event, r->count * sizeof *out);
    out += r->count;
    r->count = 0;
    return out;
}

/* The one before it is not the last any more. In a plain one a single line rises, or none. */
static void leave_out(vmm_thinned *t)
{
    vmm_round *before = last(t);
    if (before->count && before->rises)
        t->left_out[before->line]++;
    before->count = 0;
    now(t)->rises = t->has.rises;
    now(t)->line = t->has.line;
    t->now = !t->now;
}

static vmm_event *round_over(vmm_thinned *t, vmm_event *out, bool plain)
{
    if (plain && t->follows)
        leave_out(t);
    else
        out = put(put(out, last(t)), now(t));
    t->follows = plain;
    memset(&t->has, 0, sizeof t->has);
    return out;
}

uint64_t vmm_thin(vmm_thinned *t, vmm_packed *p, const vmm_wanted *wanted, vmm_event *out, uint64_t room)
{
    vmm_event *end = out;
    const vmm_event *e;
    while (room - (uint64_t)(end - out) >= 2 * VMM_ROUND && (e = unpack_next(p, wanted))) {
        vmm_round *r = now(t);
        bool within = r->count || is_quiet(t);
        copy_event(&r->event[r->count++], e);
        follow(t, e);
        add(t, e);
        if (!within || t->has.other || r->count == VMM_ROUND)
            end = round_over(t, end, false);
        else if (is_over(t))
            end = round_over(t, end, true);
    }
    return (uint64_t)(end - out);
}

uint64_t vmm_thin_rest(vmm_thinned *t, vmm_event *out)
{
    return (uint64_t)(put(put(out, last(t)), now(t)) - out);
}
