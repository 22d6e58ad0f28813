/* What a snapshot keeps of Unicorn's x86 vCPU: its private state up to the proven end, and the MSRs that lie behind. */
#include <string.h>

#include "x86/x86.h"

enum { MSRS = 32 };

typedef struct {
    uint64_t msr[MSRS];
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
