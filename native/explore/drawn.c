/*
 * Placements that somebody drew, each in a run of its own. A boundary is named by how many lie between it and the window's
 * first: instructions that have begun, and deliveries, which make a boundary at which none has.
 */
#include <string.h>

#include "core/clock.h"
#include "core/coverage.h"
#include "explore/choice.h"
#include "explore/ending.h"
#include "explore/tally.h"

/* A run, where it is. */
typedef struct {
    uint64_t index; /* boundaries behind the window's first */
    vmm_place at;
    bool at_end;    /* it has come to the window's last boundary, */
    uint32_t depth; /* with so many handlers under way */
    const vmm_vcpu *preempted; /* there, by a turn that was given away; NULL: none was */
} run;

typedef enum { CAME, WINDOW_OVER, ARRIVED, RUN_OVER } way;

/* An exception or INT n comes of an instruction, which has begun. */
static bool is_interrupt(const vmm_vcpu *v)
{
    uint8_t source = v->depth && v->depth <= VMM_NEST ? v->nest[v->depth - 1].source : VMM_SRC_EXCEPTION;
    return source != VMM_SRC_EXCEPTION && source != VMM_SRC_SOFTWARE;
}

/* By what lies behind the boundary at which `before` instructions had begun; `entered`: a boundary at which none has. */
static void advance(exploration *x, run *r, uint64_t before, bool entered, bool ends)
{
    uint64_t begun = machine_insns(x->machine) - before;
    uint32_t more = (begun ? 0 : r->at.more) + entered;
    r->index += begun + entered;
    r->at = place_here(x, NULL);
    r->at.more = more;
    if (ends && !r->at_end) {
        r->at_end = true;
        r->depth = depth_of(x->machine);
    }
}

/* It has come to the window's end, and is in no handler or turn that began there. */
static bool is_behind(const vmm_machine *m, const run *r)
{
    return r->at_end && (r->preempted ? m->current == r->preempted : depth_of(m) <= r->depth);
}

/* Several vCPUs go step by step: where their turns end there may be a boundary at which no instruction has begun. */
static void run_on(exploration *x, run *r, uint64_t most, bool *over)
{
    vmm_machine *m = x->machine;
    uint64_t before = machine_insns(m);
    bool steps = r->at_end || m->vcpu_count > 1;
    vmm_triggers_here(m); /* whether the window ends where it stands is known */
    unsigned how = steps ? step(x) : go(x, AT_END | AT_DELIVERED, most);
    *over = how & OVER;
    if (*over)
        return;
    bool begun = machine_insns(m) != before;
    bool entered = steps ? !begun : how & AT_DELIVERED && is_interrupt(m->current);
    advance(x, r, before, entered, how & AT_END || (!steps && begun && ends_here(x)));
}

/* So many boundaries on; behind the window's last one there are those of the handlers that run there. */
static way pass(exploration *x, run *r, uint64_t boundaries)
{
    uint64_t aim = r->index + (boundaries < VMM_NEVER - r->index ? boundaries : VMM_NEVER - r->index);
    bool over = false;
    while (r->index < aim) {
        uint64_t left = time_left(x);
        if (is_behind(x->machine, r))
            return WINDOW_OVER;
        if (r->at_end && until_here(x))
            return ARRIVED;
        if (left)
            run_on(x, r, left < aim - r->index ? left : aim - r->index, &over);
        if (!left || over)
            return RUN_OVER;
    }
    return CAME;
}

/* What happened where the run stands, as it is at the next boundary. */
typedef struct {
    bool delivered;
    bool over; /* the run has ended */
} outset;

static outset set_out(exploration *x, run *r, bool turn)
{
    vmm_machine *m = x->machine;
    uint32_t depth = depth_of(m);
    uint64_t before = machine_insns(m);
    coverage_hold(m, false);
    unsigned how = step(x);
    coverage_hold(m, true);
    outset o = {depth_of(m) > depth, how & OVER};
    if (o.over)
        return o;
    bool ends = how & AT_END && (turn || !o.delivered || counted_out(x)); /* else it is a handler that begins there */
    advance(x, r, before, machine_insns(m) == before, ends);
    return o;
}

/* `turn`: one has begun there, which is not given away at once. Values are not found: that takes a look ahead. */
static bool happens(exploration *x, uint32_t choice, bool turn)
{
    const piece here = {.first = turn ? NO_TURN : ANYTHING};
    if (choice >= x->plan->choices || is_found(x->plan->choice[choice].kind) || !can_happen(x, &here, 0, choice, NULL))
        return false;
    inject(x, choice);
    return true;
}

/* Those of the draw from `i` on that come at one boundary; how many of them happen. */
static uint32_t together(exploration *x, const run *r, const vmm_draw *draw, uint32_t *i, vmm_place *places, bool *turn)
{
    uint32_t happened = 0;
    for (uint64_t at = draw->at[*i]; *i < draw->count && draw->at[*i] == at; ++*i) {
        vmm_place here = r->at;
        here.pc = place_here(x, NULL).pc; /* of the vCPU that has the turn by now */
        here.choice = draw->choice[*i];
        if (!happens(x, here.choice, *turn))
            continue;
        *turn |= x->plan->choice[here.choice].kind == VMM_CHOICE_TURN;
        places[happened++] = here;
    }
    return happened;
}

typedef struct {
    vmm_place at[VMM_MAX_DEPTH];
    uint32_t count;
    bool delivered; /* the first of them, at its boundary */
} placement;

/* To its end; what that comes to. */
static uint32_t carry_out(exploration *x, run r, const vmm_draw *draw, placement *p)
{
    way came = CAME;
    for (uint32_t i = 0; i < draw->count && came == CAME && !stopped(x);) {
        came = draw->at[i] > r.index ? pass(x, &r, draw->at[i] - r.index) : CAME;
        if (came != CAME)
            break;
        bool ends_there = r.at_end && until_here(x), turn = false; /* unless something is delivered */
        instant here = ends_there ? keep(x) : (instant){0};
        const vmm_vcpu *had = x->machine->current;
        uint32_t from = i, happened = together(x, &r, draw, &i, p->at + p->count, &turn);
        if (happened) {
            bool was_end = r.at_end;
            r.preempted = turn && r.at_end ? had : NULL;
            outset o = set_out(x, &r, turn);
            p->delivered = p->count ? p->delivered : turn || o.delivered;
            p->count += happened;
            came = o.over ? RUN_OVER : was_end && is_behind(x->machine, &r) && i < draw->count ? WINDOW_OVER : CAME;
            if (ends_there && !o.delivered && !turn) {
                vmm_place again[VMM_MAX_DEPTH];
                back_to(x, &here);
                together(x, &r, draw, &from, again, &turn);
                came = WINDOW_OVER;
            }
        }
        forget(&here);
    }
    if (came == RUN_OVER)
        return judge(x, r.at_end ? VMM_PHASE_BEYOND : VMM_PHASE_WINDOW);
    return came == ARRIVED ? judge(x, VMM_PHASE_END) : finish(x, !r.at_end);
}

static void tell(exploration *x, const placement *p, uint32_t outcome, uint64_t grown, vmm_explored *row)
{
    tally sum = {0};
    tally_one(&sum, outcome, x->ended ? &x->length : NULL);
    tally_deepen(&sum, grown, x->plan->stack && grown > x->plan->stack ? too_deep(x) : 0);
    outcome = sum.least_outcome;
    for (uint32_t i = p->count; i-- > 0;) {
        tally with = {0};
        tally_add(&with, &p->at[i], &sum);
        sum = with;
    }
    for (unsigned n = 0; n < VMM_WORST_KINDS; n++)
        if (n != VMM_WORST_STACK || x->plan->stack)
            worst_add(&x->plan->worst[n], NULL, &sum.worst[n]);
    *row = (vmm_explored){.at = p->at[0], .outcome = p->count == 1 ? outcome : 0, .delivered = p->delivered, .placements = 1,
                          .failing = sum.failing, .least_count = (uint8_t)(p->count - 1), .least_outcome = outcome};
    memcpy(row->least, p->at + 1, (p->count - 1) * sizeof *row->least);
}

/* The undisturbed run at so many boundaries behind the window's first; where it stands there it is kept. */
static way stand_behind(exploration *x, run *r, uint64_t index)
{
    bool back = x->index == VMM_NEVER || x->index > index;
    uint64_t grown = back ? 0 : x->grown;
    back_to(x, back ? &x->begin : &x->here);
    *r = (run){.index = back ? 0 : x->index, .at_end = !back && x->at_end};
    r->at = back ? place_here(x, NULL) : x->at;
    r->depth = depth_of(x->machine);
    if (r->index == index && !back)
        return CAME;
    stack_into(&x->stack, &grown);
    way came = pass(x, r, index - r->index);
    stack_into(&x->stack, NULL);
    if (came != CAME || stopped(x))
        return came;
    instant here = keep(x);
    forget(&x->here);
    x->here = here;
    x->at = r->at;
    x->at_end = r->at_end;
    x->index = r->index;
    x->grown = grown;
    return CAME;
}

/* It is as it was; false: by a signal, which is another's to tell. */
static bool settled(exploration *x)
{
    bool again = x->broken_off;
    x->broken_off = false;
    back_to(x, &x->here);
    return !again;
}

int64_t vmm_explore_drawn(vmm_machine *m, vmm_exploration *x, const vmm_draw *draws, uint64_t count, vmm_explored *out)
{
    uint64_t n = 0;
    if (m != x->machine)
        return fail(m, "this is another machine's exploration");
    for (uint64_t i = 0; i < count; i++)
        if (!draws[i].count || draws[i].count > VMM_MAX_DEPTH)
            return fail(m, "a draw is of something, and no more than a placement has");
    coverage_hold(m, true); /* who collects it may have begun to since */
    x->plan->spent = 0;
    memset(out, 0, count * sizeof *out);
    for (; n < count; n++) {
        run r;
        placement p = {0};
        if (stand_behind(x, &r, draws[n].at[0]) != CAME && !stopped(x)) {
            out[n].idle = 1;
            continue;
        }
        if (stopped(x) || !may_run(x))
            break;
        uint64_t grown = x->grown;
        stack_into(&x->stack, &grown);
        uint32_t outcome = carry_out(x, r, &draws[n], &p);
        stack_into(&x->stack, NULL);
        if (stopped(x))
            break;
        out[n].idle = !p.count;
        if (p.count)
            tell(x, &p, outcome, grown, &out[n]);
        if (stopped(x))
            break;
    }
    settled(x);
    return x->failed ? -1 : (int64_t)n;
}

int64_t vmm_explore_extent(vmm_machine *m, vmm_exploration *x, uint32_t choice)
{
    run r;
    if (m != x->machine)
        return fail(m, "this is another machine's exploration");
    x->index = VMM_NEVER;
    stand_behind(x, &r, 0);
    if (choice != VMM_ANY && !stopped(x))
        happens(x, choice, false);
    if (!stopped(x))
        pass(x, &r, VMM_NEVER);
    bool whole = settled(x);
    return x->failed ? -1 : whole ? (int64_t)r.index + 1 : 0;
}
