/*
 * Access to floating-point, SIMD and SVE registers (DDI0487 D1.15.5, AArch64.CheckFPAdvSIMDEnabled and CheckSVEEnabled;
 * DDI0406 B1.11.1). Unicorn asks two functions whenever it works out what code it is to translate, and has the first say
 * that nobody holds them; we stand before both. Their answer is part of what translated code is found by, so an access
 * costs nothing.
 */
#include "arm/fp.h"
#include "arm/hypervisor.h"
#include "arm/sysreg.h"
#include "unicorn/uc_plt.h"

enum { SCR_NS = 1, CPTR_TFP = 1 << 10, CPTR_TZ = 1 << 8, CPTR_EZ = 1 << 8 };
enum { FP = 20, SVE = 16 }; /* CPACR_EL1.FPEN and ZEN; ARMv7's cp10; CPTR_EL2's with E2H */

typedef struct {
    const arm_env *env;
    uint64_t hcr; /* as far as it is about this; 0 where EL2 is not enabled */
    bool el2, el3;
    int el;
} asked;

static asked asked_of(const arm_env *env, bool aarch64, int el)
{
    uint64_t features = arm_features(env, aarch64);
    bool has_el2 = features >> FEATURE_EL2 & 1, has_el3 = features >> FEATURE_EL3 & 1;
    bool enabled = has_el2 && (!has_el3 || env->cp15.scr_el3 & SCR_NS);
    return (asked){env, enabled ? env->cp15.hcr_el2 & (HCR_E2H | HCR_TGE) : 0, enabled && el <= 2, has_el3, el};
}

/* 0b11 admits everybody, 0b01 all but `excepted`, others nobody (ARMv7 has the same, with 0b10 reserved). */
static bool denies(uint64_t control, int field, bool excepted)
{
    unsigned admits = control >> field & 3;
    return admits != 3 && (admits != 1 || excepted);
}

static bool held_by_el1(const asked *a, int field)
{
    bool host = a->hcr == (HCR_E2H | HCR_TGE);
    return a->el <= 1 && !host && denies(a->env->cp15.cpacr_el1, field, a->el == 0);
}

static bool held_by_el2(const asked *a, int field)
{
    uint64_t cptr = a->env->cp15.cptr_el[2];
    if (!a->el2)
        return false;
    if (a->hcr & HCR_E2H)
        return denies(cptr, field, a->el == 0 && a->hcr & HCR_TGE);
    return cptr & (field == FP ? CPTR_TFP : CPTR_TZ);
}

static int holder(const asked *a)
{
    if (held_by_el1(a, FP))
        return 1; /* where HCR_EL2.TGE says so Unicorn makes it EL2's */
    if (held_by_el2(a, FP))
        return 2;
    return a->el3 && a->env->cp15.cptr_el[3] & CPTR_TFP ? 3 : 0;
}

/* At each level SVE's control comes before the other, whose trap Unicorn raises where this says 0. */
static int holder_of_sve(const asked *a)
{
    if (held_by_el1(a, SVE))
        return a->hcr & HCR_TGE ? 2 : 1;
    if (held_by_el1(a, FP))
        return 0;
    if (held_by_el2(a, SVE))
        return 2;
    if (held_by_el2(a, FP))
        return 0;
    return a->el3 && !(a->env->cp15.cptr_el[3] & CPTR_EZ) ? 3 : 0;
}

static bool ours(const void *env, bool aarch64)
{
    return arm_features(env, aarch64) >> FEATURE_OURS;
}

static int fp_exception_el_arm(void *env, int el)
{
    asked a = asked_of(env, false, el);
    return ours(env, false) ? holder(&a) : 0;
}

static int fp_exception_el_aarch64(void *env, int el)
{
    asked a = asked_of(env, true, el);
    return ours(env, true) ? holder(&a) : 0;
}

static int sve_exception_el_aarch64(void *env, int el)
{
    asked a = asked_of(env, true, el);
    return ours(env, true) ? holder_of_sve(&a) : 0;
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
    static void *unused[3];
    const uc_call calls[] = {
        {"fp_exception_el_arm", fp_exception_el_arm, &unused[0]},
        {"fp_exception_el_aarch64", fp_exception_el_aarch64, &unused[1]},
        {"sve_exception_el_aarch64", sve_exception_el_aarch64, &unused[2]},
    };
    return uc_stand_before(library, calls, sizeof calls / sizeof *calls);
}
