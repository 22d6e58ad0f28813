/*
 * Access to floating-point and SIMD registers (DDI0487 D1.15.5 and AArch64.CheckFPAdvSIMDEnabled, DDI0406 B1.11.1). Unicorn
 * asks one function whenever it works out what code it is to translate, and has it say that nobody holds them; we stand
 * before it. The answer is part of what translated code is found by, so an access costs nothing.
 */
#include "arm/fp.h"
#include "arm/sysreg.h"
#include "unicorn/uc_plt.h"

enum { SCR_NS = 1, CPTR_TFP = 1 << 10 };
enum fpen { NOT_EL0 = 1, ALL = 3 }; /* CPACR_EL1.FPEN, and CPACR.cp10 of ARMv7: any other admits nobody */

static int held_by_el1(const arm_env *env, int el)
{
    enum { FPEN = 20, FIELD = 3 };
    enum fpen admits = env->cp15.cpacr_el1 >> FPEN & FIELD;
    if (el > 1 || admits == ALL || (admits == NOT_EL0 && el == 1))
        return 0;
    return 1; /* where HCR_EL2.TGE says so Unicorn makes it EL2's */
}

static int held(const arm_env *env, uint64_t features, int el)
{
    bool has_el2 = features >> FEATURE_EL2 & 1, has_el3 = features >> FEATURE_EL3 & 1;
    bool el2_enabled = has_el2 && (!has_el3 || env->cp15.scr_el3 & SCR_NS);
    if (held_by_el1(env, el))
        return 1;
    if (el <= 2 && el2_enabled && env->cp15.cptr_el[2] & CPTR_TFP)
        return 2;
    return has_el3 && env->cp15.cptr_el[3] & CPTR_TFP ? 3 : 0;
}

static int fp_exception_el_arm(void *env, int el)
{
    return held(env, arm_features(env, false), el);
}

static int fp_exception_el_aarch64(void *env, int el)
{
    return held(env, arm_features(env, true), el);
}

/* ---- ARMv7's CPACR (DDI0406 B4.1.40) ---- */

#define CPACR_ASEDIS (1u << 31)
#define CPACR_WRITABLE (CPACR_ASEDIS | 1u << 30 | 0xfu << 20)

/* Unicorn's translator asks whether the processor has Advanced SIMD at all; of T32 it does not even ask that. */
void arm_simd_update(vmm_vcpu *v)
{
    uint64_t *features = &arm_tail_of(v)->features, before = *features, bit = 1ull << FEATURE_NEON;
    if (arm_of(v)->aarch64)
        return;
    *features = arm_env_of(v)->cp15.cpacr_el1 & CPACR_ASEDIS ? before & ~bit : before | bit;
    if (*features == before)
        return;
    v->flush_code = 1;
    v->attention_at = 0;
}

static uint64_t read_cpacr(vmm_vcpu *v, uint32_t number)
{
    (void)number;
    return arm_env_of(v)->cp15.cpacr_el1;
}

static void write_cpacr(vmm_vcpu *v, uint32_t number, uint64_t value)
{
    (void)number;
    arm_env_of(v)->cp15.cpacr_el1 = value & CPACR_WRITABLE;
    arm_simd_update(v);
}

static const arm_register A32[] = {
    {"CPACR", 0, 0, 1, 0, 2, false, R1 | W1, 0, read_cpacr, write_cpacr, NULL, 0},
};

arm_registers arm_fp_registers(const vmm_vcpu *v)
{
    return arm_of(v)->aarch64 ? (arm_registers){0} : ARM_TABLE(A32);
}

const char *arm_watch_fp(void *library)
{
    static void *unused[2];
    const uc_call calls[] = {
        {"fp_exception_el_arm", fp_exception_el_arm, &unused[0]},
        {"fp_exception_el_aarch64", fp_exception_el_aarch64, &unused[1]},
    };
    return uc_stand_before(library, calls, sizeof calls / sizeof *calls);
}
