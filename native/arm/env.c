/* Finds and proves the private state of env.h, and resolves Unicorn's own functions. */
#include <stdio.h>
#include <string.h>

#include "arm/arm.h"
#include "unicorn/env_search.h"
#include "unicorn/uc.h"

enum { REGISTERS = 13, CONTEXT_EXTRA_A32 = 36 /* bytes Unicorn saves behind A32's state for MPUs, here always empty */ };

typedef struct {
    arm_calls calls;
    size_t tail; /* offset of arm_env_tail in the state */
    size_t monitor;
    size_t vectors;
} layout;

static layout layouts[2]; /* A32, A64: one Unicorn a process, so one layout each */

const arm_calls *arm_calls_of(const vmm_vcpu *v)
{
    return &layouts[arm_of(v)->aarch64].calls;
}

arm_env_tail *arm_tail_of(const vmm_vcpu *v)
{
    return (arm_env_tail *)((char *)v->env + layouts[arm_of(v)->aarch64].tail);
}

arm_env_monitor *arm_monitor_of(const vmm_vcpu *v)
{
    return (arm_env_monitor *)((char *)v->env + layouts[arm_of(v)->aarch64].monitor);
}

unsigned arm_vector_apart(const vmm_vcpu *v)
{
    enum { SVE = 256 };
    return arm_of(v)->aarch64 ? SVE : sizeof(uint64_t); /* each is the lowest part of an SVE register */
}

const void *arm_vector(const vmm_vcpu *v, unsigned n)
{
    return (char *)v->env + layouts[arm_of(v)->aarch64].vectors + n * (size_t)arm_vector_apart(v);
}

uint64_t arm_features(const void *env, bool aarch64)
{
    size_t tail = layouts[aarch64].tail;
    return tail ? ((const arm_env_tail *)((const char *)env + tail))->features : 0;
}

static int resolve(vmm_vcpu *v, arm_calls *calls)
{
    const struct { const char *name; void *slot; } wanted[] = {
        {"cpu_loop_exit_noexc", &calls->cpu_loop_exit_noexc},
        {"arm_rebuild_hflags", &calls->arm_rebuild_hflags},
        {"cpsr_read", &calls->cpsr_read},
        {"cpsr_write", &calls->cpsr_write},
        {"aarch64_sync_32_to_64", &calls->aarch64_sync_32_to_64},
        {"define_one_arm_cp_reg_with_opaque", &calls->define_register},
        {"arm_cpu_get_phys_page_attrs_debug", &calls->physical_page},
        {"tlb_flush", &calls->tlb_flush},
        {"hw_breakpoint_update_all", &calls->hw_breakpoint_update_all},
        {"cpu_restore_state", &calls->cpu_restore_state},
        {"sve_zcr_len_for_el", &calls->sve_length},
    };
    *(void **)&calls->sve_narrow = uc_symbol("aarch64_sve_narrow_vq_aarch64");
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        char name[64];
        snprintf(name, sizeof name, "%s_%s", wanted[i].name, arm_of(v)->aarch64 ? "aarch64" : "arm");
        void *symbol = uc_symbol(name);
        if (!symbol)
            return fail(v->machine, "Unicorn does not export %s; vmm needs the unicorn 2.1.4 wheel", name);
        *(void **)wanted[i].slot = symbol;
    }
    return 0;
}

static bool find_by_pattern(vmm_vcpu *v)
{
    if (!arm_of(v)->aarch64) {
        uint32_t pattern[REGISTERS];
        for (int i = 0; i < REGISTERS; i++) {
            pattern[i] = 0x9e3779b9u * (uint32_t)(i + 3);
            uc.reg_write(v->uc, UC_ARM_REG_R0 + i, &pattern[i]);
        }
        return env_search(v, "arm", pattern, sizeof pattern, offsetof(arm_env, regs));
    }
    uint64_t pattern[REGISTERS];
    for (int i = 0; i < REGISTERS; i++) {
        pattern[i] = 0x9e3779b97f4a7c15ull * (uint64_t)(i + 3);
        uc.reg_write(v->uc, UC_ARM64_REG_X0 + i, &pattern[i]);
    }
    return env_search(v, "aarch64", pattern, sizeof pattern, offsetof(arm_env, xregs));
}

/* Unicorn's saved copy of the state tells how long it is; its end is where the tail lies. */
static int find_tail(vmm_vcpu *v, layout *l)
{
    void *context;
    if (uc.context_alloc(v->uc, &context) != 0 || uc.context_save(v->uc, context) != 0)
        return fail(v->machine, "Unicorn cannot save its CPU state");
    size_t size = uc.context_size(v->uc), header = 0;
    while (header + 256 < size && memcmp((char *)context + header, v->env, 256) != 0)
        header += 8;
    uc.free_(context);
    size_t extra = arm_of(v)->aarch64 ? 0 : CONTEXT_EXTRA_A32, keys = arm_of(v)->aarch64 ? 10 * sizeof(uint64_t) : 0;
    if (header + sizeof(arm_env) + sizeof(arm_env_tail) > size)
        return fail(v->machine, "Unicorn's saved ARM CPU state has another shape than 2.1.4's");
    l->tail = size - header - extra - sizeof(arm_env_tail);
    l->monitor = l->tail - keys - sizeof(arm_env_monitor);
    return 0;
}

int arm_env_find(vmm_vcpu *v)
{
    layout *l = &layouts[arm_of(v)->aarch64];
    if (resolve(v, &l->calls))
        return -1;
    if (!find_by_pattern(v))
        return fail(v->machine, "Unicorn's ARM CPU state was not found; vmm needs the unicorn 2.1.4 wheel");
    return find_tail(v, l);
}

static bool has_features(const vmm_vcpu *v)
{
    uint64_t must = 1ull << FEATURE_V7 | 1ull << FEATURE_GENERIC_TIMER, features = arm_tail_of(v)->features;
    return (features & must) == must && !(features >> FEATURE_M & 1)
        && (features >> FEATURE_AARCH64 & 1) == arm_of(v)->aarch64 && features >> 39 == 0;
}

static const char *wrong_field64(vmm_vcpu *v)
{
    arm_env *env = arm_env_of(v);
    const uint64_t odd = 0x123456789abc0000ull;
    const struct { const char *name; uc_arm64_register reg; uint64_t *field; } rows[] = {
        {"sctlr", {1, 0, 3, 0, 0, 0}, &env->cp15.sctlr_el[1]}, {"vbar", {12, 0, 3, 0, 0, 0}, &env->cp15.vbar_el[1]},
        {"esr", {5, 2, 3, 0, 0, 0}, &env->cp15.esr_el[1]},     {"far", {6, 0, 3, 0, 0, 0}, &env->cp15.far_el[1]},
        {"elr", {4, 0, 3, 0, 1, 0}, &env->elr_el[1]},          {"spsr", {4, 0, 3, 0, 0, 0}, &env->banked_spsr[1]},
        {"hcr", {1, 1, 3, 4, 0, 0}, &env->cp15.hcr_el2},       {"scr", {1, 1, 3, 6, 0, 0}, &env->cp15.scr_el3},
        {"mdscr", {0, 2, 2, 0, 2, 0}, &env->cp15.mdscr_el1},   {"pmccfiltr", {14, 15, 3, 3, 7, 0}, &env->cp15.pmccfiltr_el0},
        {"dbgbvr", {0, 0, 2, 0, 4, 0}, &env->cp15.dbg[0][0]},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uc_arm64_register reg = rows[i].reg;
        uint64_t before = *rows[i].field;
        *rows[i].field = odd;
        uc.reg_read(v->uc, UC_ARM64_REG_CP_REG, &reg);
        *rows[i].field = before;
        if (reg.value != odd)
            return rows[i].name;
    }
    uint64_t pc = odd;
    uc.reg_write(v->uc, UC_ARM64_REG_PC, &pc);
    return env->pc == odd ? NULL : "pc";
}

static const char *wrong_field32(vmm_vcpu *v)
{
    arm_env *env = arm_env_of(v);
    const uint32_t odd = 0x12345600;
    const struct { const char *name; uc_arm_register reg; uint64_t *field; } rows[] = {
        {"vbar", {15, 0, 0, 12, 0, 0, 0, 0}, &env->cp15.vbar_el[1]},
        {"dfsr", {15, 0, 0, 5, 0, 0, 0, 0}, &env->cp15.esr_el[1]},
        {"ifsr", {15, 0, 0, 5, 0, 0, 1, 0}, &env->cp15.ifsr[0]},
        {"dfar", {15, 0, 0, 6, 0, 0, 0, 0}, &env->cp15.far_el[1]},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uc_arm_register reg = rows[i].reg;
        uint64_t before = *rows[i].field;
        *rows[i].field = odd;
        uc.reg_read(v->uc, UC_ARM_REG_CP_REG, &reg);
        *rows[i].field = before;
        if ((uint32_t)reg.value != odd)
            return rows[i].name;
    }
    uint32_t syndrome = 0;
    env->exception.syndrome = odd;
    uc.reg_read(v->uc, UC_ARM_REG_ESR, &syndrome);
    env->exception.syndrome = 0;
    if (syndrome != odd)
        return "exception";
    uint32_t pc = odd;
    uc.reg_write(v->uc, UC_ARM_REG_PC, &pc);
    return env->regs[15] == odd ? NULL : "regs[15]";
}

/*
 * Unicorn's performance monitors read the host's clock at every change of exception level, to count cycles that no guest
 * of ours sees: their registers are ours (cycle_registers.c). No event counter is left, and the callbacks are replaced: they are
 * places to learn of a return.
 */
int arm_env_replace_pmu(vmm_vcpu *v)
{
    static const struct { const char *name; void (*ours)(void *, void *); } calls[] = {
        {"pmu_pre_el_change", arm_returns},
        {"pmu_post_el_change", arm_returned},
    };
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        char name[64];
        snprintf(name, sizeof name, "%s_%s", calls[i].name, arm_of(v)->aarch64 ? "aarch64" : "arm");
        void **callback = env_find_callback(v, uc_symbol(name));
        if (!callback)
            return fail(v->machine, "Unicorn's callback %s was not found; vmm needs the unicorn 2.1.4 wheel", name);
        *(void (**)(void *, void *))callback = calls[i].ours;
    }
    return 0;
}

/*
 * Unicorn's translator aborts the process over unallocated encodings of half-precision arithmetic, so no vCPU has it
 * (FP and AdvSIMD of ID_AA64PFR0_EL1 are 0). Its copy of the feature registers is found by what four of them hold.
 */
int arm_env_take_away(vmm_vcpu *v)
{
    enum { FP = 16, ADVSIMD = 20, NIBBLE = 0xf, PRESENT = 1 };
    static const uint32_t crm_op2[4][2] = {{6, 0}, {6, 1}, {4, 0}, {4, 1}}; /* ISAR0, ISAR1, PFR0, PFR1 */
    uint64_t features[4];
    for (int i = 0; i < 4; i++)
        vmm_arm_system_get(v, 3, 0, 0, crm_op2[i][0], crm_op2[i][1], &features[i]);
    if (!arm_of(v)->aarch64 || (features[2] >> FP & NIBBLE) != PRESENT)
        return 0;
    uint64_t *copy = env_find_bytes(v, features, sizeof features);
    if (!copy)
        return fail(v->machine, "Unicorn's copy of the feature registers was not found; vmm needs the unicorn 2.1.4 wheel");
    copy[2] &= ~((uint64_t)NIBBLE << FP | (uint64_t)NIBBLE << ADVSIMD);
    return 0;
}

/* What fp.c says must be part of what code is found by. */
static bool traps_floating_point(vmm_vcpu *v)
{
    arm_env *env = arm_env_of(v);
    uint64_t before = env->cp15.cpacr_el1;
    uint32_t hflags[2];
    for (int admitted = 0; admitted < 2; admitted++) {
        env->cp15.cpacr_el1 = admitted ? 0xf00000 : 0;
        arm_calls_of(v)->arm_rebuild_hflags(env);
        hflags[admitted] = env->hflags;
    }
    env->cp15.cpacr_el1 = before;
    arm_calls_of(v)->arm_rebuild_hflags(env);
    return hflags[0] != hflags[1];
}

/* All of them, as far apart as they are read. */
static bool find_vectors(vmm_vcpu *v)
{
    layout *l = &layouts[arm_of(v)->aarch64];
    uint64_t wanted[ARM_VECTORS][2];
    const uint64_t none[2] = {0, 0};
    size_t found = 0, size = arm_of(v)->aarch64 ? sizeof *wanted : sizeof **wanted;
    size_t all_of = ARM_VECTORS * (size_t)arm_vector_apart(v);
    int first = arm_of(v)->aarch64 ? UC_ARM64_REG_V0 : UC_ARM_REG_D0;
    for (int n = 0; n < ARM_VECTORS; n++) {
        wanted[n][0] = 0x8f1bbcdcbfa53e0bull * (uint64_t)(n + 1);
        wanted[n][1] = ~wanted[n][0];
        uc.reg_write(v->uc, first + n, wanted[n]);
    }
    for (size_t at = sizeof(arm_env); at + all_of <= l->monitor; at += sizeof(uint64_t)) {
        if (memcmp((char *)v->env + at, wanted[0], size) != 0)
            continue;
        l->vectors = at;
        found++;
    }
    bool all = found == 1;
    for (int n = 0; n < ARM_VECTORS; n++) {
        all = all && memcmp(arm_vector(v, (unsigned)n), wanted[n], size) == 0;
        uc.reg_write(v->uc, first + n, none);
    }
    return all;
}

int arm_env_prove(vmm_vcpu *v)
{
    const char *wrong = !has_features(v) ? "features" : arm_of(v)->aarch64 ? wrong_field64(v) : wrong_field32(v);
    if (!wrong && arm_monitor_of(v)->exclusive_addr != ~0ull)
        wrong = "exclusive_addr";
    if (!wrong)
        arm_tail_of(v)->features |= 1ull << FEATURE_OURS;
    if (!wrong && !traps_floating_point(v))
        wrong = "hflags";
    if (!wrong && !find_vectors(v))
        wrong = "vfp";
    if (!wrong)
        return 0;
    return fail(v->machine, "Unicorn's private field `%s` is not where 2.1.4 keeps it; vmm needs the unicorn 2.1.4 wheel",
                wrong);
}
