/*
 * AArch64 self-hosted debug where Unicorn falls short (DDI0487 D2): watchpoints, which it never checks, and software step,
 * which it does not begin when PSTATE.D is cleared. Breakpoints are its own.
 */
#include "arm/access.h"
#include "arm/hypervisor.h"
#include "arm/sysreg.h"
#include "core/clock.h"
#include "unicorn/uc.h"
#include "unicorn/uc_accesses.h"

enum { MDCR3_SDD = 1 << 16, MDSCR_SS = 1, MDSCR_KDE = 1 << 13, MDSCR_MDE = 1 << 15 };
enum { WCR_E = 1, WATCH_LOAD = 1, WATCH_STORE = 2, WATCHPOINTS = 16 };
enum { WVR = 2, WCR = 3 }; /* Unicorn's order of the debug registers */
enum { EC_WATCHPOINT_LOWER = 0x34, DFSC_DEBUG = 0x22, WNR = 1 << 6 };

/* ---- watchpoints ---- */

/* DDI0487 D2.10.5: byte address select within a doubleword, or an aligned range of 2^MASK bytes. */
static bool addresses(uint64_t wvr, uint64_t wcr, uint64_t address, uint64_t size)
{
    uint32_t mask = wcr >> 24 & 31, bas = wcr >> 5 & 0xff;
    uint64_t first = wvr & ~7ull, last = address + (size ? size - 1 : 0);
    if (mask >= 3) {
        uint64_t length = 1ull << mask;
        first = wvr & ~(length - 1);
        return address <= first + (length - 1) && first <= last;
    }
    for (uint32_t byte = 0; byte < 8; byte++)
        if (bas >> byte & 1 && address <= first + byte && first + byte <= last)
            return true;
    return false;
}

/* DDI0487 AArch64.StateMatch: PAC's lower bit admits EL1, its upper one EL0; HMC and SSC the levels above and the states. */
static bool admits_state(const vmm_vcpu *v, uint64_t wcr, uint32_t el)
{
    uint32_t pac = wcr >> 1 & 3, ssc = wcr >> 14 & 3;
    bool hmc = wcr >> 13 & 1, secure = arm_secure_below_el3(v);
    const bool level[] = {pac & 2, pac & 1, ssc == 3 || (hmc && (ssc != 2 || pac)), hmc && !(ssc & 1)};
    const bool state[] = {true, !secure, secure, hmc || secure};
    return level[el & 3] && state[ssc];
}

static bool admits(const vmm_vcpu *v, uint64_t wcr, uint32_t el, bool write)
{
    uint32_t access = wcr >> 3 & 3;
    return wcr & WCR_E && access & (write ? WATCH_STORE : WATCH_LOAD) && admits_state(v, wcr, el);
}

/* DDI0487 AArch64.GenerateDebugExceptionsFrom: at their own level only where KDE and D admit them, never from above. */
static bool exceptions_enabled(const vmm_vcpu *v, uint32_t el)
{
    const arm_env *env = arm_env_of(v);
    uint64_t mdscr = env->cp15.mdscr_el1;
    uint32_t target = arm_debug_target(v);
    bool own = el == target && mdscr & MDSCR_KDE && !(env->daif & PSTATE_D);
    bool secure_off = arm_secure_below_el3(v) && env->cp15.mdcr_el3 & MDCR3_SDD;
    return mdscr & MDSCR_MDE && !secure_off && (el < target || own);
}

void arm_watch(vmm_vcpu *v, uint64_t address, uint64_t length, bool write)
{
    const arm_env *env = arm_env_of(v);
    uint32_t el = vmm_arm_el(v);
    if (!env->aarch64 || !exceptions_enabled(v, el))
        return;
    for (uint32_t n = 0; n < WATCHPOINTS; n++) {
        uint64_t wcr = env->cp15.dbg[WCR][n];
        if (!admits(v, wcr, el, write) || !addresses(env->cp15.dbg[WVR][n], wcr, address, length))
            continue;
        uint32_t target = arm_debug_target(v), class = EC_WATCHPOINT_LOWER + (el == target);
        arm_event e = {.kind = ARM_SYNC, .source = VMM_SRC_EXCEPTION, .target = target, .number = class, .has_far = true,
                       .syndrome = SYNDROME(class, DFSC_DEBUG | (write ? WNR : 0u)), .far = address};
        arm_deliver(v, &e);
        arm_calls_of(v)->cpu_loop_exit_noexc(v->cpu);
    }
}

int arm_watched(vmm_vcpu *v, uint64_t address, uint64_t length)
{
    uint32_t kinds = 0;
    const arm_env *env = arm_env_of(v);
    for (uint32_t n = 0; n < WATCHPOINTS && arm_of(v)->watch_hook; n++) {
        uint64_t wcr = env->cp15.dbg[WCR][n];
        if (wcr & WCR_E && addresses(env->cp15.dbg[WVR][n], wcr, address, length))
            kinds |= wcr >> 3 & (WATCH_LOAD | WATCH_STORE);
    }
    return (int)kinds;
}

static void on_access(void *engine, int type, uint64_t address, int size, int64_t value, void *user)
{
    (void)engine, (void)value;
    arm_note_access(user, address, (uint32_t)size, type == UC_MEM_WRITE);
    arm_it_goes_on(user);
}

/* The hook costs every access, so it exists only while a watchpoint is enabled. */
void arm_watch_update(vmm_vcpu *v)
{
    bool any = false;
    arm_forget_pages(v);
    for (uint32_t n = 0; n < WATCHPOINTS; n++)
        any |= arm_env_of(v)->cp15.dbg[WCR][n] & WCR_E;
    if (any == (arm_of(v)->watch_hook != 0))
        return;
    if (any)
        uc_tell_accesses(v, &arm_of(v)->watch_hook, on_access, v);
    else
        uc_tell_accesses_no_more(v, &arm_of(v)->watch_hook);
    v->attention_at = 0;
}

static uint64_t read_value(vmm_vcpu *v, uint32_t n)
{
    return arm_env_of(v)->cp15.dbg[WVR][n];
}

static void write_value(vmm_vcpu *v, uint32_t n, uint64_t value)
{
    arm_env_of(v)->cp15.dbg[WVR][n] = (uint64_t)((int64_t)(value << 15) >> 15) & ~3ull; /* RESS: VA[48] repeated */
    arm_watch_update(v);
}

static uint64_t read_control(vmm_vcpu *v, uint32_t n)
{
    return arm_env_of(v)->cp15.dbg[WCR][n];
}

static void write_control(vmm_vcpu *v, uint32_t n, uint64_t value)
{
    arm_env_of(v)->cp15.dbg[WCR][n] = value;
    arm_watch_update(v);
}

/* ---- software step ---- */

static uint64_t read_mdscr(vmm_vcpu *v, uint32_t number)
{
    (void)number;
    return arm_env_of(v)->cp15.mdscr_el1;
}

static void write_mdscr(vmm_vcpu *v, uint32_t number, uint64_t value)
{
    (void)number;
    arm_env_of(v)->cp15.mdscr_el1 = value;
    v->pending &= ~(uint32_t)VMM_PEND_STEP;
    v->pending |= value & MDSCR_SS ? VMM_PEND_STEP : 0;
    vcpu_rearm(v);
}

bool arm_step_begins(vmm_vcpu *v)
{
    arm_env *env = arm_env_of(v);
    uint32_t before = env->hflags;
    if (!(v->pending & VMM_PEND_STEP))
        return false;
    arm_calls_of(v)->arm_rebuild_hflags(env);
    return env->hflags != before;
}

#define WATCHPOINT(n) \
    {"DBGWVR" #n "_EL1", 2, 0, 0, n, 6, false, R1 | W1, n, read_value, write_value, NULL, TDA}, \
    {"DBGWCR" #n "_EL1", 2, 0, 0, n, 7, false, R1 | W1, n, read_control, write_control, NULL, TDA}

static const arm_register A64[] = {
    {"MDSCR_EL1", 2, 0, 0, 2, 2, false, R1 | W1, 0, read_mdscr, write_mdscr, NULL, TDA},
    WATCHPOINT(0), WATCHPOINT(1), WATCHPOINT(2), WATCHPOINT(3), WATCHPOINT(4), WATCHPOINT(5), WATCHPOINT(6), WATCHPOINT(7),
    WATCHPOINT(8), WATCHPOINT(9), WATCHPOINT(10), WATCHPOINT(11), WATCHPOINT(12), WATCHPOINT(13), WATCHPOINT(14),
    WATCHPOINT(15),
};

/* As many as the processor has (ID_AA64DFR0_EL1.WRPs). */
arm_registers arm_debug_registers(const vmm_vcpu *v)
{
    uint64_t features = 0;
    if (!arm_of(v)->aarch64 || vmm_arm_system_get((vmm_vcpu *)v, 3, 0, 0, 5, 0, &features))
        return (arm_registers){0};
    return (arm_registers){A64, 1 + 2 * ((features >> 20 & 15) + 1)};
}
