/* What a snapshot keeps of Unicorn's x86 vCPU: its private state up to the proven end, and the MSRs that lie behind. */
#include <string.h>

#include "x86/x86.h"

enum { MSRS = 32 };

typedef struct {
    uint64_t msr[MSRS];
    uint64_t flags; /* RFLAGS, which the state has in one of many forms */
    uint8_t env[];
} saved_state;

static size_t env_size(const vmm_vcpu *v)
{
    return (size_t)((char *)(tail_of(v) + 1) - (char *)v->env);
}

size_t x86_state_size(const vmm_vcpu *v)
{
    return sizeof(saved_state) + env_size(v);
}

void x86_save(const vmm_vcpu *v, void *state)
{
    saved_state *s = state;
    uint32_t index;
    memcpy(s->env, v->env, env_size(v));
    s->flags = x86_flags((vmm_vcpu *)v);
    for (uint32_t n = 0; n < MSRS && x86_msr_beyond_reset(n, &index); n++)
        s->msr[n] = x86_msr_get((vmm_vcpu *)v, index);
}

/* Unicorn's breakpoints are objects that the state points to: those of now are kept, or made anew as DR7 wants them. */
static void restore_env(vmm_vcpu *v, const uint8_t *saved)
{
    x86_env_tail *tail = tail_of(v), wanted;
    memcpy(&wanted, saved + env_size(v) - sizeof wanted, sizeof wanted);
    bool same = memcmp(tail->dr, wanted.dr, sizeof wanted.dr) == 0;
    if (!same)
        x86_update_dr7(v, 0);
    memcpy(wanted.breakpoints, tail->breakpoints, sizeof wanted.breakpoints);
    memcpy(v->env, saved, env_size(v));
    memcpy(tail->breakpoints, wanted.breakpoints, sizeof wanted.breakpoints);
    if (same)
        return;
    tail->dr[7] = 0;
    x86_update_dr7(v, (uint32_t)wanted.dr[7]);
    v->flush_code = 1; /* breakpoints are translated into the code at their addresses */
}

void x86_restore(vmm_vcpu *v, const void *state)
{
    const saved_state *s = state;
    uint32_t index;
    restore_env(v, s->env);
    for (uint32_t n = 0; n < MSRS && x86_msr_beyond_reset(n, &index); n++)
        if (x86_msr_get(v, index) != s->msr[n])
            x86_msr_set(v, index, s->msr[n]);
    x86_watch_update(v);
}

/* ---- held against what was saved ---- */

static void without_flags(x86_env *env)
{
    env->eflags = env->cc_src = env->cc_dst = env->cc_src2 = 0;
    env->cc_op = 0;
    env->df = 0;
}

static bool registers_alike(const vmm_x86 *a, const vmm_x86 *b)
{
    bool same = a->dr6_known == b->dr6_known && a->dr6_pending == b->dr6_pending && a->tsc_offset == b->tsc_offset
             && a->tsc_adjust == b->tsc_adjust && a->msr_count == b->msr_count;
    return same && memcmp(&a->lapic, &b->lapic, offsetof(vmm_lapic, raised)) == 0
        && memcmp(a->msr, b->msr, a->msr_count * sizeof *a->msr) == 0;
}

/* The tail but for what Unicorn leaves there of exceptions that are over, and for its breakpoints, which are DR7's. */
static bool tail_alike(const x86_env_tail *a, const x86_env_tail *b)
{
    enum { VM_AT = offsetof(x86_env_tail, vm_vmcb), VM_BYTES = offsetof(x86_env_tail, retaddr) - VM_AT };
    return memcmp(a->dr, b->dr, sizeof a->dr) == 0 && memcmp((const char *)a + VM_AT, (const char *)b + VM_AT, VM_BYTES) == 0;
}

bool x86_alike(vmm_vcpu *v, const void *state, const void *saved)
{
    const saved_state *then = saved;
    uint32_t index;
    size_t size = env_size(v) - sizeof(x86_env_tail);
    x86_env_tail tail;
    x86_env now = *env_of(v), before;
    memcpy(&before, then->env, sizeof before);
    without_flags(&now);
    without_flags(&before);
    memcpy(&tail, then->env + size, sizeof tail);
    bool same = x86_flags(v) == then->flags && memcmp(&now, &before, sizeof now) == 0
             && memcmp((char *)v->env + sizeof now, then->env + sizeof now, size - sizeof now) == 0
          && tail_alike(tail_of(v), &tail) && registers_alike(x86_of(v), state);
    for (uint32_t n = 0; same && n < MSRS && x86_msr_beyond_reset(n, &index); n++)
        same = x86_msr_get(v, index) == then->msr[n];
    return same;
}
