/*
 * Every placement of interrupts within a window of a run.
 *
 * The window's boundaries are found in one undisturbed run, and then tried from the last to the first: at each, the
 * machine goes there, something is injected, and the run goes on to its end. With `reduce` it goes no further than to the
 * end of the handler and one instruction more where that state is the one which the next boundary's handler left: from
 * there on the two runs are one, virtual time included, and share what follows.
 *
 * Two states are one if all that a guest can see is equal, but for bytes of RAM that nothing which follows reads before it
 * writes them: the interrupt's frame, and what a handler left below the stack pointer. Which bytes those are is known
 * because what follows was run before, and is put together going back: alive before a step is what the step reads, and
 * what is alive behind it and the step does not write.
 */
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "core/coverage.h"
#include "explore/choice.h"
#include "explore/ending.h"
#include "explore/record.h"

static void watch_into(exploration *x, footprint *f)
{
    watch_settle(&x->watch);
    x->watch.now = x->plan->reduce ? f : NULL;
    stack_into(&x->stack, f ? &f->grown : NULL);
}

/* ---- what follows ---- */

/* Where the machine is: a boundary of a piece, and whether the window goes on behind it. */
typedef struct {
    const piece *of;
    uint64_t index;
    bool inside;
} spot;

static record *boundary(exploration *x, extent level, spot here, const record *next, vmm_explored *rows);

/* All boundaries of a piece, from the last to the first, whose record is given; `next`: what is known behind the last. */
static record *backwards(exploration *x, extent level, const piece *p, const record *next, vmm_explored *rows)
{
    record *r = NULL;
    for (uint64_t i = p->count; i-- > 0 && !stopped(x);) {
        record *before = boundary(x, level, (spot){p, i, i < p->inside}, r ? r : next, rows ? rows + i * x->plan->choices : NULL);
        record_free(x, r);
        r = before;
    }
    return r;
}

/* By what was judged last. */
static void settle(exploration *x, record *r, uint32_t outcome)
{
    r->outcome = outcome;
    if (!stopped(x))
        tally_one(&r->sum, outcome, x->ended ? &x->length : NULL);
}

static uint64_t most_of(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static uint32_t deeper(exploration *x, uint64_t grown, uint32_t outcome)
{
    return x->plan->stack && grown > x->plan->stack ? too_deep(x) : outcome;
}

/* All that follows comes by where the stack has grown so far. */
static void deepen(exploration *x, record *r, uint64_t grown)
{
    r->outcome = deeper(x, grown, r->outcome);
    tally_deepen(&r->sum, grown, deeper(x, grown, 0));
}

/* From where the machine stands to the end of the window, and back. */
static record *rest(exploration *x, extent level, bool inside, const vmm_place *at, uint8_t first)
{
    piece p = {.first = first};
    record *end = record_new(x), *r = NULL;
    footprint last = {0};
    unsigned how = 0;
    piece_begin(x, &p, at);
    for (; !stopped(x); piece_grow(x, &p, NULL)) {
        if (!inside || how & AT_END)
            break;
        if (p.count >= x->plan->longest) {
            x->plan->cut++;
            break;
        }
        footprint_clear(&last);
        watch_into(x, &last);
        how = step(x);
        watch_into(x, NULL);
        if (how & OVER)
            break;
    }
    p.closed = true;
    p.inside = !inside ? 0 : how & AT_END ? p.count - 1 : p.count;
    if (end && !stopped(x)) {
        watch_into(x, &last);
        if (!(how & OVER))
            footprint_clear(&last);
        settle(x, end, how & OVER ? judge(x, VMM_PHASE_WINDOW) : finish(x, inside && !(how & AT_END)));
        set_unite(&end->live, &last.live, NULL);
        watch_into(x, NULL);
        deepen(x, end, last.grown);
        r = backwards(x, level, &p, end, NULL);
    }
    record_free(x, end);
    footprint_free(&last);
    piece_free(&p);
    return r;
}

/* What a run comes back from: handlers, down to so many under way; or other vCPUs' turns, to this one's. */
typedef struct {
    uint32_t depth;
    const vmm_vcpu *preempted; /* NULL: handlers */
} detour;

static bool is_away(const vmm_machine *m, const detour *d)
{
    return d->preempted ? m->current != d->preempted : depth_of(m) > d->depth;
}

/* A handler has returned to where it came from: whether the window ends there is known. */
static bool stands_at(const exploration *x, spot here)
{
    vmm_vcpu *v = x->machine->current;
    return v->arch->pc(v) == here.of->places[here.index].pc;
}

typedef enum { RETURNED, ARRIVED, ENDED } way;

/* From an interrupt just taken to its handler's return, or from a turn just given away to the next of who had it, with all
   boundaries on the way where they are asked for. The window may end in it, and then the run; or the run ends otherwise,
   or takes too long. */
static way to_return(exploration *x, const detour *d, piece *p, bool *inside)
{
    unsigned back = d->preempted ? AT_TURN : AT_RETURN;
    while (is_away(x->machine, d) && !stopped(x)) {
        uint64_t left = time_left(x);
        if (p && p->count >= x->plan->longest) {
            x->plan->cut++;
            p = NULL;
        }
        if (!*inside && until_here(x))
            return ARRIVED;
        if (p) {
            piece_grow(x, p, p->places + p->count - 1);
            p->inside += *inside;
        }
        x->turn_of = d->preempted ? d->preempted->index : VMM_ANY;
        unsigned how = !left ? OVER : p ? step(x) : go_on(x, back | (*inside ? AT_END : AT_UNTIL), left);
        if (how & (OVER | IN_TIME) && !(p && how & IN_TIME))
            return ENDED;
        if (!*inside && !p && how & AT_UNTIL)
            return ARRIVED;
        *inside = *inside && !(how & AT_END);
    }
    return RETURNED;
}

/* A handler has returned, or an interrupt waits: the last one there may be. `like`: of the boundary one further. */
static bool follow_alone(exploration *x, record *r, spot here, const record *like)
{
    footprint tail = {0};
    watch_into(x, &tail);
    bool steps = x->plan->reduce && (here.inside || !until_here(x));
    unsigned how = steps ? step(x) : 0;
    bool inside = here.inside && !(how & AT_END);
    bool shared = steps && like && !(how & OVER) && is_as(x, like, inside);
    if (shared) {
        r->outcome = like->outcome;
        tally_add(&r->sum, NULL, &like->sum);
        footprint_precede(&tail, &like->live, &r->live);
    } else {
        settle(x, r, how & OVER ? judge(x, here.inside ? VMM_PHASE_WINDOW : VMM_PHASE_BEYOND) : finish(x, inside));
        set_unite(&r->live, &tail.live, NULL);
    }
    watch_into(x, NULL);
    deepen(x, r, tail.grown);
    footprint_free(&tail);
    return shared;
}

/* The same, where more may follow: at this boundary, and at all behind it. */
static bool follow(exploration *x, record **r, extent level, spot here, const record *like, const vmm_place *at, uint8_t first)
{
    piece one = {.inside = here.inside, .first = first};
    piece_begin(x, &one, at);
    bool steps = x->plan->reduce && like && here.inside; /* behind the window no more may follow than here */
    unsigned how = steps ? step(x) : OVER;
    bool shared = !(how & OVER) && is_as(x, like, here.inside && !(how & AT_END));
    if (!shared)
        back_to(x, &one.kept[0]);
    record *more = stopped(x) ? NULL : shared ? boundary(x, level, (spot){&one, 0, here.inside}, like, NULL) : rest(x, level, here.inside, at, first);
    if (more) {
        more->state = (*r)->state;
        memcpy(more->aftermath, (*r)->aftermath, sizeof more->aftermath);
        more->inside = here.inside;
        (*r)->state = (instant){0};
        record_free(x, *r);
        *r = more;
    }
    piece_free(&one);
    return shared;
}

typedef struct {
    tally sum;     /* of all that begins with it */
    byte_set live; /* before it */
    uint64_t grown; /* the stack, until its handler has returned */
    bool delivered, shared;
} injection;

/* `first`: with all that may happen before the handler returns, which has what the stack grows by at each step; or NULL. */
static void sum_up(exploration *x, const record *r, const footprint *head, const record *first, injection *out)
{
    tally_add(&out->sum, NULL, first ? &first->sum : &r->sum);
    if (!first)
        tally_deepen(&out->sum, head->grown, deeper(x, head->grown, 0));
    out->grown = head->grown;
}

/*
 * One more at a boundary, where the machine stands. What is given back is of the state in which its handler has returned,
 * or of this one where it is not delivered here.
 */
static record *inject_at(exploration *x, extent level, spot here, uint32_t choice, const record *like, injection *out)
{
    bool more = more_may(x, level), found = is_found(x->plan->choice[choice].kind);
    bool turn = x->plan->choice[choice].kind == VMM_CHOICE_TURN;
    const detour away = {depth_of(x->machine), turn ? x->machine->current : NULL};
    piece handler = {0};
    footprint head = {0};
    record *r = record_new(x);
    if (!r || !may_run(x))
        return r;
    watch_into(x, &head);
    inject(x, choice);
    if (more && !found)
        piece_begin(x, &handler, &here.of->places[here.index]);
    if (turn && handler.count) {
        handler.places[0].pc = place_here(x, NULL).pc;
        handler.first = NO_TURN;
    }
    bool over_here = !here.inside && until_here(x); /* unless something is delivered */
    coverage_hold(x->machine, false);
    unsigned how = found ? 0 : step(x);
    coverage_hold(x->machine, true);
    out->delivered = turn || found || is_away(x->machine, &away);
    if (!more && !x->plan->reduce && !(how & OVER)) { /* nobody asks where its handler returns */
        if (over_here && !out->delivered) {
            stand_at(x, here.of, here.index);
            inject(x, choice);
        }
        settle(x, r, finish(x, here.inside && ((out->delivered && !turn) || !(how & AT_END))));
        watch_into(x, NULL);
        sum_up(x, r, &head, NULL, out);
        return r;
    }
    spot back = here;
    handler.inside = here.inside;
    /* A delivery begins no instruction that could be the last, unless it is an exception's. */
    back.inside = here.inside && !(turn && how & AT_END) && !(out->delivered && counted_out(x));
    way ends = how & OVER ? ENDED : out->delivered ? to_return(x, &away, more ? &handler : NULL, &back.inside) : RETURNED;
    bool returns = ends == RETURNED;
    if (!returns) {
        footprint last = {0}; /* what the judge reads */
        watch_into(x, &last);
        settle(x, r, judge(x, ends == ARRIVED ? VMM_PHASE_END : back.inside ? VMM_PHASE_WINDOW : VMM_PHASE_BEYOND));
        set_unite(&r->live, &last.live, NULL);
        footprint_free(&last);
    }
    watch_into(x, NULL);
    handler.behind = x->stack.since;
    if (returns && !out->delivered) { /* it waits: to be compared where it does */
        stand_at(x, here.of, here.index);
        watch_into(x, &head);
        footprint_clear(&head);
        inject(x, choice);
        watch_into(x, NULL);
        piece_free(&handler);
        handler = (piece){0};
    }
    if (returns && !stopped(x)) {
        back.inside = back.inside && (stands_at(x, here) || !ends_here(x));
        if (x->plan->reduce)
            record_state(x, r, back.inside);
        bool moved = out->delivered && !found;
        vmm_place at = moved ? place_here(x, handler.count ? &handler.places[handler.count - 1] : NULL) : here.of->places[here.index];
        out->shared = more ? follow(x, &r, level, back, like, &at, found ? NOTHING : ANYTHING) : follow_alone(x, r, back, like);
    }
    if (more && handler.count >= x->plan->longest)
        set_add_all(&r->live); /* what comes between its last known boundary and its return is not known */
    record *first = handler.count && !stopped(x) ? backwards(x, level, &handler, r, NULL) : NULL;
    sum_up(x, r, &head, first, out);
    if (first) { /* which may use what the handler writes later */
        set_unite(&out->live, &head.live, NULL);
        set_unite(&out->live, &first->live, NULL);
    } else {
        footprint_precede(&head, &r->live, &out->live);
    }
    record_free(x, first);
    footprint_free(&head);
    piece_free(&handler);
    return r;
}

static void tell(exploration *x, vmm_explored *row, const vmm_place *at, const record *r, const injection *i)
{
    *row = (vmm_explored){.at = *at, .outcome = deeper(x, i->grown, r->outcome), .delivered = i->delivered, .shared = i->shared,
                          .placements = i->sum.placements, .failing = i->sum.failing,
                          .least_count = (uint8_t)i->sum.least_count, .least_outcome = i->sum.least_outcome};
    memcpy(row->least, i->sum.least, sizeof row->least);
    for (unsigned n = 0; n < VMM_WORST_KINDS && !stopped(x); n++)
        if (n != VMM_WORST_STACK || x->plan->stack)
            worst_add(&x->plan->worst[n], at, &i->sum.worst[n]);
}

static record *boundary(exploration *x, extent level, spot here, const record *next, vmm_explored *rows)
{
    record *r = record_new(x);
    bool last = here.index + 1 == here.of->count, begins_here = here.of->closed && last;
    uint64_t grown = here.of->grown[here.index];
    if (r && next) {
        r->outcome = next->outcome;
        tally_add(&r->sum, NULL, &next->sum);
        deepen(x, r, last ? most_of(here.of->behind, grown) : grown);
    }
    if (r && next && x->plan->reduce && (level.happened || level.found)) {
        footprint one = {0};
        stand_at(x, here.of, here.index);
        watch_into(x, &one);
        if (!begins_here)
            step(x);
        watch_into(x, NULL);
        footprint_precede(&one, &next->live, &r->live);
        footprint_free(&one);
    }
    footprint seen = {0};
    if (level.found < x->plan->finds && !stopped(x))
        look_ahead(x, here.of, here.index, &seen);
    for (uint32_t c = 0; r && c < x->plan->choices && !stopped(x); c++) {
        injection made = {0};
        vmm_place at = here.of->places[here.index];
        extent with = with_one(level, x->plan->choice[c].kind);
        bool within = with.happened <= x->plan->depth && with.found <= x->plan->finds;
        at.choice = c;
        if (within)
            stand_at(x, here.of, here.index);
        if (!within || !can_happen(x, here.of, here.index, c, &seen)) {
            if (rows)
                rows[c] = (vmm_explored){.at = at, .idle = 1};
            continue;
        }
        r->child[c] = inject_at(x, with, here, c, next ? next->child[c] : NULL, &made);
        made.grown = most_of(made.grown, grown);
        tally_deepen(&made.sum, grown, deeper(x, grown, 0));
        tally_add(&r->sum, &at, &made.sum);
        set_unite(&r->live, &made.live, NULL);
        if (rows && r->child[c])
            tell(x, &rows[c], &at, r->child[c], &made);
        x->plan->shared += made.shared;
        set_free(&made.live);
    }
    footprint_free(&seen);
    return r;
}

/* ---- calls ---- */

void vmm_explore_end(vmm_machine *m, vmm_exploration *x)
{
    if (!x)
        return;
    x->failed = x->broken_off = false;
    x->plan->spent = 0;
    if (x->begin.native)
        back_to(x, &x->begin);
    watch_end(&x->watch);
    stack_end(&x->stack);
    forget(&x->here);
    forget(&x->begin);
    m->console.phrases = 0;
    m->triggers = x->triggers;
    vmm_triggers_changed(m);
    coverage_hold(m, false);
    free(x);
}

vmm_exploration *vmm_explore_begin(vmm_machine *m, vmm_plan *plan)
{
    vmm_exploration *x = m->running || !m->current ? NULL : calloc(1, sizeof *x);
    bool fits = plan->phrases <= VMM_MAX_PHRASES && plan->choices <= VMM_MAX_CHOICES && plan->terms <= VMM_MAX_TERMS && plan->depth <= VMM_MAX_DEPTH
             && plan->finds <= VMM_MAX_DEPTH - plan->depth && all_in_ram(m, plan);
    if (!x || !fits) {
        fail(m, "an exploration needs a machine that stands, places in RAM for values, and memory");
        free(x);
        return NULL;
    }
    x->machine = m;
    x->plan = plan;
    plan->to = plan->to ? plan->to : UINT64_MAX;
    x->triggers = m->triggers;
    x->forbidden = VMM_ANY;
    x->origin = machine_insns(m);
    x->origin_ns = vmm_now(m);
    x->host_seen = m->host_calls - 1;
    if ((plan->reduce || plan->finds) && watch_begin(&x->watch, m))
        x->failed = true;
    if (plan->stack && stack_begin(&x->stack, m, plan->stack))
        x->failed = true;
    coverage_hold(m, true); /* what is tried counts, once: see inject_at */
    m->console.phrases = plan->phrases; /* what was sent before is not asked for */
    m->console.phrase = plan->phrase;
    memset(m->sent, 0, sizeof m->sent);
    x->begin = keep(x);
    x->here = keep(x);
    x->at = place_here(x, NULL);
    if (x->failed) {
        vmm_explore_end(m, x);
        return NULL;
    }
    return x;
}

/* Of the window's boundaries it counts how far the stack had grown up to there. */
static void grow(exploration *x, piece *p, const vmm_place *at)
{
    uint64_t before = p->count ? p->grown[p->count - 1] : x->grown;
    if (at)
        piece_begin(x, p, at);
    else
        piece_grow(x, p, NULL);
    if (!stopped(x))
        p->grown[p->count - 1] = most_of(p->grown[p->count - 1], before);
}

/* The window's next boundaries, up to `most`; where it goes on behind them, the machine there. */
static instant find(exploration *x, piece *p, uint64_t most, vmm_place *then)
{
    instant next = {0};
    grow(x, p, &x->at);
    unsigned how = x->at_end ? AT_END : 0;
    while (!stopped(x) && !(how & (AT_END | OVER)) && !next.native) {
        how = step(x);
        if (how & OVER)
            break;
        *then = place_here(x, &p->places[p->count - 1]);
        if (p->count < most && then->insns < x->plan->to) {
            grow(x, p, NULL);
            continue;
        }
        x->at_end = how & AT_END;
        next = keep(x);
        how = 0;
    }
    return next;
}

int64_t vmm_explore(vmm_machine *m, vmm_exploration *x, uint64_t boundaries, vmm_explored *out)
{
    piece p = {0};
    vmm_place then = x->at;
    if (m != x->machine)
        return fail(m, "this is another machine's exploration");
    if (x->plan->over || !boundaries || x->at.insns >= x->plan->to)
        return 0;
    bool at_end = x->at_end;
    back_to(x, &x->here);
    instant next = find(x, &p, boundaries, &then);
    memset(out, 0, boundaries * x->plan->choices * sizeof *out);
    p.inside = next.native ? p.count : p.count - 1;
    record_free(x, backwards(x, (extent){0, 0}, &p, NULL, out));
    int64_t rows = (int64_t)(p.count * x->plan->choices);
    uint64_t grown = p.count ? p.grown[p.count - 1] : 0;
    piece_free(&p);
    if (x->failed || x->broken_off) {
        bool failed = x->failed;
        forget(&next);
        x->failed = x->broken_off = false;
        back_to(x, &x->here);
        x->failed = failed;
        x->at_end = at_end;
        return failed ? -1 : 0;
    }
    if (x->plan->spent) {
        forget(&next);
        x->at_end = at_end;
        return rows;
    }
    x->plan->boundaries += (uint64_t)rows / x->plan->choices;
    x->plan->over = !next.native;
    if (next.native) {
        forget(&x->here);
        x->here = next;
        x->at = then;
        x->index = VMM_NEVER;
        x->grown = grown; /* its own is looked at when it is found again */
        x->plan->next = then.insns;
    }
    back_to(x, &x->here);
    return rows;
}
