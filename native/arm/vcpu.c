/* An ARM vCPU: opened, proven, wired to the machine and put at reset. */
#include <stdlib.h>
#include <string.h>

#include "arm/access.h"
#include "arm/arm.h"
#include "arm/blocks.h"
#include "arm/cycles.h"
#include "arm/hypervisor.h"
#include "core/bus.h"
#include "core/clock.h"
#include "intc/gic/gic.h"
#include "unicorn/uc.h"

enum { COUNTER_HZ = 62500000, AARCH64_MAX = 3, PMCR_N = 0x1f << 11 };

static uint64_t start_address(vmm_vcpu *v)
{
    const arm_env *env = arm_env_of(v);
    return env->aarch64 ? env->pc : env->regs[15] | (env->thumb & 1);
}

/* Unicorn returns unasked where WFI sleeps. */
static void returned(vmm_vcpu *v)
{
    v->halted = 1;
}

/* DDI0487 B2.9: what another vCPU did meanwhile may have cleared the monitor, so an exclusive store fails. */
static void turn(vmm_vcpu *v)
{
    arm_monitor_of(v)->exclusive_addr = ~0ull;
    arm_cycles_resume(v);
}

static bool monitors(vmm_vcpu *v)
{
    return arm_monitor_of(v)->exclusive_addr != ~0ull;
}

static void interrupts_changed(vmm_vcpu *v)
{
    vcpu_rearm(v);
}

static void watch_masks(vmm_vcpu *v)
{
    arm_hold_masked(v);
    vcpu_rearm(v);
}

static void resumes(vmm_vcpu *v)
{
    arm_of(v)->hook_frame = 0;
}

static void timer_expired(vmm_vcpu *v, uint32_t which)
{
    if (which == VMM_TIMER_CYCLES)
        arm_cycles_expired(v);
    else
        arm_timer_expired(v, which);
}

/* SP_EL0 is one at every level (DDI0487 D1.2.2), as are those of User and System mode (DDI0406 B1.3.2). */
static uint64_t stack(vmm_vcpu *v, uint32_t *bank)
{
    enum { MODE_BITS = 0x1f, MODE_SYS = 0x1f };
    uint32_t mode = (uint32_t)vmm_arm_pstate(v) & MODE_BITS;
    bool a64 = arm_is_a64(v);
    *bank = a64 ? (mode & PSTATE_SP ? mode : 0) : mode == MODE_SYS ? MODE_USR : mode;
    return a64 ? arm_env_of(v)->xregs[31] : arm_env_of(v)->regs[13];
}

static const gic_processor PROCESSOR = {arm_inputs};

static const struct vmm_arch ARM = {
    .boundary = arm_boundary,
    .wakes = arm_wakes,
    .can_wake = arm_can_wake,
    .returned = returned,
    .turn = turn,
    .monitors = monitors,
    .start_address = start_address,
    .pc = vmm_arm_pc,
    .stack = stack,
    .look = vmm_arm_read,
    .reg = vmm_arm_get,
    .physical = arm_physical_page,
    .bus_error = arm_bus_error,
    .interrupts_changed = interrupts_changed,
    .accesses = arm_reaches_device,
    .settles = arm_settles,
    .rests = block_rest,
    .goes_on = arm_it_goes_on,
    .timer_expired = timer_expired,
    .keep = arm_keep,
    .vectors = arm_vectors,
    .watch_masks = watch_masks,
    .state_size = arm_state_size,
    .save = arm_save,
    .restore = arm_restore,
    .alike = arm_alike,
    .leftover = arm_leftover,
    .watch_leftover = arm_watch_leftover,
    .aftermath = arm_aftermath,
    .resumes = resumes,
    .processor = &PROCESSOR,
    .state_bytes = sizeof(vmm_arm),
    .dynamic_bytes = offsetof(vmm_arm, watch_hook),
};

vmm_arm *vmm_arm_of(vmm_vcpu *v)
{
    return v->arch == &ARM ? arm_of(v) : NULL;
}

/* A vCPU without EL2 and EL3 behaves as if its processor had none, like one of a hypervisor's guests. */
static void choose_levels(vmm_vcpu *v)
{
    uint64_t *features = &arm_tail_of(v)->features;
    if (!arm_of(v)->has_el2)
        *features &= ~(1ull << FEATURE_EL2);
    if (!arm_of(v)->has_el3)
        *features &= ~(1ull << FEATURE_EL3);
}

/* ID_AA64PFR0_EL1 or ID_PFR1, with what this machine adds and leaves out. */
static uint64_t feature_register(vmm_vcpu *v)
{
    enum { NIBBLE = 0xf };
    uint64_t value = 0;
    if (arm_of(v)->aarch64)
        vmm_arm_system_get(v, 3, 0, 0, 4, 0, &value);
    else
        vmm_arm_system_get(v, 0, 0, 0, 1, 1, &value);
    bool gicv3 = vmm_gic_version(v->machine) == 3;
    struct { unsigned el2, el3, gic; } at = {8, 12, 24};
    if (!arm_of(v)->aarch64) {
        at.el2 = 12;
        at.el3 = 4;
        at.gic = 28;
    }
    if (arm_of(v)->aarch64) /* 1: AArch64 alone, where 2 would be AArch32, too */
        value = (value & ~0xfff0ull) | 1u << 4 | 1u << at.el2 | 1u << at.el3;
    if (!arm_of(v)->has_el2)
        value &= ~((uint64_t)NIBBLE << at.el2);
    if (!arm_of(v)->has_el3)
        value &= ~((uint64_t)NIBBLE << at.el3);
    value &= ~((uint64_t)NIBBLE << at.gic);
    bool half_precision = arm_of(v)->aarch64 && (value >> 16 & NIBBLE) == 1;
    if (half_precision)
        value &= ~(uint64_t)0xff0000; /* arm_env_take_away */
    return value | (uint64_t)gicv3 << at.gic;
}

static int save_reset_state(vmm_vcpu *v)
{
    size_t size = (size_t)((char *)arm_tail_of(v) - (char *)v->env);
    arm_of(v)->reset = malloc(size);
    if (!arm_of(v)->reset || !vcpu_owns(v, arm_of(v)->reset))
        return fail(v->machine, "no memory for a vCPU's reset state");
    memset(arm_env_of(v)->regs, 0, sizeof arm_env_of(v)->regs);
    memset(arm_env_of(v)->xregs, 0, sizeof arm_env_of(v)->xregs);
    arm_env_of(v)->pc = 0;
    arm_env_of(v)->cp15.c9_pm[0] &= ~(uint64_t)PMCR_N; /* Unicorn's event counters would count by the host's clock */
    arm_env_of(v)->cp15.c9_pm[0] &= ~(arm_of(v)->aarch64 ? 0 : (uint64_t)PMCR_LC); /* ARMv8's */
    memcpy(arm_of(v)->reset, v->env, size);
    return 0;
}

static int open_engine(vmm_vcpu *v, int cpu_model)
{
    bool aarch64 = arm_of(v)->aarch64;
    int error = uc.open(aarch64 ? UC_ARCH_ARM64 : UC_ARCH_ARM, UC_MODE_ARM, &v->uc);
    if (!error)
        error = uc.ctl(v->uc, UC_CTL_CPU_MODEL, cpu_model);
    if (!error) /* as large as VMSAv7's and later ones; else Unicorn divides memory as for ARMv5's tiny pages */
        error = uc.ctl(v->uc, UC_CTL_PAGE_SIZE, 4096u);
    if (!error)
        error = uc.ctl(v->uc, UC_CTL_USE_EXITS, 1);
    if (error)
        return fail(v->machine, "Unicorn cannot open an ARM CPU of model %d: %s", cpu_model, uc.strerror(error));
    return arm_env_find(v) || arm_env_prove(v) ? -1 : 0;
}

int vmm_add_arm(vmm_machine *m, int aarch64, int cpu_model, int has_el2, int has_el3)
{
    vmm_vcpu *v = vmm_gic_of(m) ? vcpu_new(m, &ARM) : NULL;
    if (!v)
        return -1;
    *arm_of(v) = (vmm_arm){.aarch64 = aarch64 != 0, .has_el2 = has_el2 != 0, .has_el3 = has_el3 != 0, .counter_hz = COUNTER_HZ,
                       .cntfrq = COUNTER_HZ, .mpidr = 0x80000000ull | v->index, .several = m->cpus > 1,
                       .has_pan = aarch64 && cpu_model == AARCH64_MAX, .has_random = aarch64 && cpu_model == AARCH64_MAX, .is_cortex = aarch64 && cpu_model != AARCH64_MAX};
    if (block_open(v, cpu_model, open_engine, NULL) || arm_env_replace_pmu(v) || arm_env_take_away(v))
        return -1;
    int error = bus_attach(v);
    if (error)
        return fail(m, "Unicorn cannot map the machine's memory: %s", uc.strerror(error));
    arm_of(v)->pfr = feature_register(v);
    choose_levels(v);
    if (aarch64 && !arm_can_translate())
        return fail(m, "Unicorn did not define AT S1E1R where it is looked for; vmm needs the unicorn 2.1.4 wheel");
    arm_choose_widths(v);
    if (arm_define_registers(v) || save_reset_state(v))
        return -1;
    arm_attach_intercepts(v);
    arm_attach_boundary(v);
    arm_reset(v);
    arm_timers_reset(v);
    arm_cortex_reset(v);
    v->off = v->index != 0;
    return vcpu_ready(v);
}
