/*
 * Returns from handlers. Unicorn executes IRET by itself, but asks first whether somebody intercepts it: from that call
 * we know that one is about to execute, and the next boundary is where it has returned to. One that it would do wrong we
 * do (far_return.c); of one that only turns out to have gone wrong we know how things were before.
 */
#include <string.h>

#include "core/clock.h"
#include "core/compare.h"
#include "core/nest.h"
#include "unicorn/uc_plt.h"
#include "x86/x86.h"

enum { EXIT_INTR = 0x60, EXIT_IRET = 0x74 }; /* AMD APM vol. 2 appendix C */

/* What IRET changes of the private state is kept in iret_from: RSP, whether we may do it again, and the rest. */
enum { RSP, OURS_TO_REDO, REST };
enum { FIRST = offsetof(x86_env, eip), BYTES = offsetof(x86_env, ldt) - FIRST };

_Static_assert(REST * 8 + BYTES <= sizeof((vmm_x86 *)0)->iret_from, "what IRET changes has room");

typedef void (*check_intercept)(void *env, uint32_t exit, uint64_t parameter, uintptr_t host_pc);

static check_intercept original;

/* memmove, not memcpy, for which GCC puts a string instruction here. */
static void note(vmm_vcpu *v)
{
    const x86_env *env = env_of(v);
    uint64_t *before = x86_of(v)->iret_from;
    bool switches_task_or_leaves_vm86 = env->eflags & (FL_VM | FL_NT);
    before[RSP] = env->regs[R_SP];
    before[OURS_TO_REDO] = env->cr[0] & CR0_PE && !switches_task_or_leaves_vm86;
    memmove(before + REST, (const char *)env + FIRST, BYTES);
    x86_of(v)->iret_at = v->count;
    v->attention_at = 0;
    if (unlikely(compares(v)) && !(env->eflags & FL_VM))
        compare_returns(v, env->segs[VMM_SS].base + (env->hflags & HF_SS32 || x86_long_mode(v) ? env->regs[R_SP] : env->regs[R_SP] & 0xffff));
}

static void undo(vmm_vcpu *v)
{
    env_of(v)->regs[R_SP] = x86_of(v)->iret_from[RSP];
    memmove((char *)env_of(v) + FIRST, x86_of(v)->iret_from + REST, BYTES);
    x86_of(v)->iret_at = 0;
}

static void before_check_intercept(void *env, uint32_t exit, uint64_t parameter, uintptr_t host_pc)
{
    vmm_vcpu *v = uc_executing;
    if (exit == EXIT_IRET && v && v->env == env) {
        note(v);
        if (x86_iret_is_ours(v))
            tail_of(v)->intercept |= 1ull << (EXIT_IRET - EXIT_INTR);
    }
    original(env, exit, parameter, host_pc);
}

const char *x86_watch_returns(void *library)
{
    const uc_call call = {"cpu_svm_check_intercept_param_x86_64", before_check_intercept, &original};
    return uc_stand_before(library, &call, 1);
}

void x86_returned(vmm_vcpu *v)
{
    if (!v->count || x86_of(v)->iret_at != v->count)
        return;
    x86_of(v)->iret_at = 0;
    vcpu_rearm(v);
    nest_leave(v, vmm_x86_linear_pc(v), env_of(v)->regs[R_SP], x86_flags(v));
    x86_note_masks(v); /* no flag tells that NMIs are unblocked */
}

/*
 * Unicorn's IRET looks at no limit and at no canonical form (the next fetch does, in the new ring), and takes VM in IA-32e
 * mode, too. What it has done is undone and done by us, who raise what is due at the IRET.
 */
static bool went_wrong(const vmm_vcpu *v)
{
    const x86_env *env = env_of(v);
    const x86_seg *cs = &env->segs[VMM_CS];
    if (x86_long_mode(v) && (env->eflags & FL_VM || (cs->flags & DESC_L && cs->flags & DESC_B)))
        return true;
    return env->hflags & HF_CS64 ? !x86_canonical(v, env->eip) : env->eip > cs->limit;
}

static bool redoable(const vmm_vcpu *v)
{
    return v->count && x86_of(v)->iret_at == v->count && x86_of(v)->iret_from[OURS_TO_REDO];
}

static void redo(vmm_vcpu *v)
{
    x86_insn insn;
    undo(v);
    if (x86_decode(v, vmm_x86_linear_pc(v), &insn))
        x86_iret(v, &insn);
    vcpu_rearm(v);
}

/* SDM vol. 1 3.4.2.1: it counts as 0 in 64-bit mode, where Unicorn would add it. */
static bool base_dropped(vmm_vcpu *v)
{
    x86_seg *cs = &env_of(v)->segs[VMM_CS];
    bool ours = v->count && x86_of(v)->iret_at == v->count && env_of(v)->hflags & HF_CS64 && cs->base;
    if (ours)
        cs->base = 0;
    return ours;
}

bool x86_return_undone(vmm_vcpu *v)
{
    if (base_dropped(v))
        return true;
    if (!redoable(v) || !went_wrong(v))
        return false;
    redo(v);
    return true;
}

/* Unicorn raises #NP for a stack segment that is not present, which is #SS. */
bool x86_return_refused(vmm_vcpu *v, uint8_t vector)
{
    if (vector != X86_NP || !redoable(v))
        return false;
    redo(v);
    return true;
}
