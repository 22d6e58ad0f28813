/* To another place of the window, without exploring what lies between. */
#include "core/clock.h"
#include "core/coverage.h"
#include "explore/travel.h"

/* The next boundary to be explored is where the machine stands. The window may begin at a place like its end. */
static void arrive(exploration *x, uint64_t grown)
{
    vmm_place here = place_here(x, NULL);
    instant now = keep(x);
    if (stopped(x)) {
        forget(&now);
        return;
    }
    forget(&x->here);
    x->here = now;
    x->grown = grown;
    x->at = here;
    x->index = VMM_NEVER;
    x->at_end = here.insns && ends_here(x);
    x->plan->next = here.insns;
}

int vmm_explore_seek(vmm_machine *m, vmm_exploration *x, uint64_t insns)
{
    if (m != x->machine)
        return fail(m, "this is another machine's exploration");
    coverage_hold(m, true); /* who collects it may have begun to since */
    x->plan->spent = 0;
    x->plan->over = 0;
    if (insns == x->at.insns && !x->at.more)
        return 0;
    bool ahead = insns > x->at.insns;
    uint64_t from = ahead ? x->at.insns : 0;
    uint64_t grown = ahead ? x->grown : 0;
    unsigned how = ahead && x->at_end ? AT_END : IN_TIME;
    back_to(x, ahead ? &x->here : &x->begin);
    stack_into(&x->stack, &grown);
    if (insns > from && how == IN_TIME) {
        vmm_triggers_here(m); /* whether the window ends where it stands is known */
        how = go(x, AT_END, insns - from);
        if (how == AT_END && machine_insns(m) - x->origin == insns) /* there, and no further */
            how = IN_TIME;
    }
    stack_into(&x->stack, NULL);
    if (how == IN_TIME)
        arrive(x, grown);
    bool again = x->broken_off;
    x->broken_off = false;
    x->plan->over = how != IN_TIME && !again;
    back_to(x, &x->here);
    return x->failed ? -1 : again;
}
