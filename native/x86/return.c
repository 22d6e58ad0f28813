/*
 * Returns from handlers. Unicorn executes IRET by itself, but asks first whether somebody intercepts it: from that call
 * we know that one is about to execute, and the next boundary is where it has returned to.
 */
#include "core/clock.h"
#include "core/nest.h"
#include "unicorn/uc_plt.h"
#include "x86/x86.h"

enum { EXIT_IRET = 0x74 }; /* AMD APM vol. 2 appendix C */

typedef void (*check_intercept)(void *env, uint32_t exit, uint64_t parameter, uintptr_t host_pc);

static check_intercept original;

static void before_check_intercept(void *env, uint32_t exit, uint64_t parameter, uintptr_t host_pc)
{
    vmm_vcpu *v = uc_executing;
    if (exit == EXIT_IRET && v && v->env == env) {
        x86_of(v)->iret_at = v->count;
        v->attention_at = 0;
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
}
