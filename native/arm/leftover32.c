/*
 * The banked LR and SPSR of ARMv7's exception modes, which keep what the last exception to that mode wrote until the next one
 * does (DDI0406 B1.3.2, B1.8.3). What reads them is a change to the mode otherwise than by an exception (CPS, MSR, a return):
 * they are LR and SPSR from then on; what writes them, an exception, and leaving the mode.
 *
 * With EL2 and EL3 there are more ways to them, such as MRS of a banked register (B9.3.9), and more of them.
 */
#include "arm/arm.h"
#include "unicorn/uc_plt.h"

enum { FIRST_BANK = 1, BANKS = 6 /* as Unicorn numbers them: 0 is User's and System's, which has no SPSR */ };
enum { SPSR = 0, LR = 1, EACH = 2 };

static bool has_leftover(const vmm_vcpu *v)
{
    const vmm_arm *arm = arm_of(v);
    return !arm->aarch64 && !arm->has_el2 && !arm->has_el3;
}

static uint32_t bank_of(uint32_t mode)
{
    switch (mode) {
    case MODE_SVC: return 1;
    case MODE_ABT: return 2;
    case MODE_UND: return 3;
    case MODE_IRQ: return 4;
    case MODE_FIQ: return 5;
    default: return 0;
    }
}

static void accessed(const vmm_vcpu *v, uint32_t mode, bool write)
{
    const vmm_machine *m = v->machine;
    uint32_t bank = bank_of(mode);
    for (uint32_t n = 0; bank && n < EACH; n++)
        m->register_accessed(m->accessed_by, v->index, EACH * bank + n, write);
}

void arm32_mode_changes(vmm_vcpu *v, uint32_t to, bool by_exception)
{
    uint32_t from = arm_env_of(v)->uncached_cpsr & CPSR_M;
    if (likely(!v->machine->register_accessed) || arm_of(v)->aarch64 || from == to)
        return;
    accessed(v, to, by_exception);
    accessed(v, from, true);
}

uint64_t arm32_leftover(const vmm_vcpu *v, const arm_env *then)
{
    const arm_env *now = arm_env_of(v);
    uint64_t bits = 0;
    for (uint32_t bank = FIRST_BANK; has_leftover(v) && bank < BANKS; bank++)
        bits |= (uint64_t)(now->banked_spsr[bank] != then->banked_spsr[bank]) << (EACH * bank + SPSR)
              | (uint64_t)(now->banked_r14[bank] != then->banked_r14[bank]) << (EACH * bank + LR);
    return bits;
}

void arm32_leave_leftover_out(const vmm_vcpu *v, arm_env *then)
{
    for (uint32_t bank = FIRST_BANK; has_leftover(v) && bank < BANKS; bank++) {
        then->banked_spsr[bank] = arm_env_of(v)->banked_spsr[bank];
        then->banked_r14[bank] = arm_env_of(v)->banked_r14[bank];
    }
}

/* ---- Unicorn's changes of modes ---- */

static void (*original)(void *env, uint32_t value, uint32_t mask, int type);

static void cpsr_written(void *env, uint32_t value, uint32_t mask, int type)
{
    vmm_vcpu *v = uc_executing;
    if (v && v->env == env && mask & CPSR_M)
        arm32_mode_changes(v, value & CPSR_M, false);
    original(env, value, mask, type);
}

const char *arm_watch_modes(void *library)
{
    const uc_call calls[] = {{"cpsr_write_arm", cpsr_written, &original}};
    return uc_stand_before(library, calls, sizeof calls / sizeof *calls);
}
