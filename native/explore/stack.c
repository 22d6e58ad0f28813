/*
 * A stack is told from others by the vCPU's own bank, and by distance: who switches to another moves the pointer further at
 * once than any frame is large. Where it stands between the last pointer of this stack and the top it is on this one again.
 */
#include "explore/stack.h"

enum { FRAME = 4096 }; /* that one step may take: compilers touch each page of larger ones */

static uint64_t look_at(stack_watch *s, vmm_vcpu *v)
{
    uint32_t bank;
    uint64_t pointer = v->arch->stack(v, &bank), lowest = s->at > s->step ? s->at - s->step : 0;
    if (v->index != s->vcpu || bank != s->bank || pointer < lowest || (pointer > s->top && pointer - s->top > s->step))
        return 0;
    s->at = pointer;
    uint64_t grown = pointer < s->top ? s->top - pointer : 0;
    if (grown > s->since)
        s->since = grown;
    if (s->into && grown > *s->into)
        *s->into = grown;
    return grown;
}

uint64_t stack_look(stack_watch *s)
{
    return s->machine ? look_at(s, s->machine->current) : 0;
}

void stack_into(stack_watch *s, uint64_t *into)
{
    stack_look(s);
    s->into = into;
    stack_look(s);
}

static void began(void *who, vmm_vcpu *v)
{
    look_at(who, v);
}

int stack_begin(stack_watch *s, vmm_machine *m, uint64_t limit)
{
    vmm_vcpu *v = m->current;
    if (!v->arch->stack || m->began)
        return fail(m, "nothing tells how far this machine's stack grows");
    *s = (stack_watch){.machine = m, .vcpu = v->index, .step = limit > FRAME ? limit : FRAME};
    s->top = s->at = v->arch->stack(v, &s->bank);
    m->began = began;
    m->began_by = s;
    return 0;
}

void stack_end(stack_watch *s)
{
    if (s->machine)
        s->machine->began = NULL;
    s->machine = NULL;
}
