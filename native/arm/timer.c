/*
 * The generic timer (DDI0487 D11.2, DDI0406 B8): one counter from the machine's virtual clock, and for each vCPU a secure
 * physical, a physical, a virtual and a hypervisor timer on their PPIs. Each is a level: the line is high as long as the
 * timer is enabled, unmasked and its condition holds.
 */
#include "api/vmm_gic.h"
#include "arm/hypervisor.h"
#include "arm/sysreg.h"
#include "core/clock.h"

enum { ENABLE = 1, IMASK = 2, ISTATUS = 4 };
enum { EL0PCTEN = 1, EL0VCTEN = 2, EL0VTEN = 1 << 8, EL0PTEN = 1 << 9 }; /* CNTKCTL_EL1 */
enum { NANOSECONDS = 1000000000 };

static uint64_t ticks_at(const vmm_vcpu *v, uint64_t ns)
{
    return (uint64_t)((unsigned __int128)ns * arm_of(v)->counter_hz / NANOSECONDS);
}

static uint64_t ns_of(const vmm_vcpu *v, uint64_t ticks)
{
    unsigned __int128 ns = ((unsigned __int128)ticks * NANOSECONDS + arm_of(v)->counter_hz - 1) / arm_of(v)->counter_hz;
    return ns < VMM_NEVER ? (uint64_t)ns : VMM_NEVER;
}

static uint64_t counter(vmm_vcpu *v)
{
    return ticks_at(v, vmm_now(v->machine));
}

static uint64_t offset_of(const vmm_vcpu *v, uint32_t which)
{
    return which == VMM_TIMER_VIRTUAL ? arm_of(v)->cntvoff : 0;
}

uint64_t vmm_arm_timer_count(vmm_vcpu *v, uint32_t which)
{
    return counter(v) - offset_of(v, which);
}

static bool condition(vmm_vcpu *v, uint32_t which)
{
    return vmm_arm_timer_count(v, which) >= arm_of(v)->timer[which].compare;
}

/* When the condition changes next: it begins at CVAL and ends where the timer's own count wraps to 0. */
static uint64_t next_change(vmm_vcpu *v, uint32_t which)
{
    uint64_t now = counter(v), count = now - offset_of(v, which), compare = arm_of(v)->timer[which].compare;
    uint64_t ticks = count < compare ? compare - count : 0 - count;
    return ticks == 0 || ticks > VMM_NEVER - now ? VMM_NEVER : ns_of(v, now + ticks);
}

/* Put the line where it belongs, and the machine's timer where that changes by itself. */
static void update(vmm_vcpu *v, uint32_t which)
{
    vmm_arm_timer *t = &arm_of(v)->timer[which];
    bool live = (t->control & (ENABLE | IMASK)) == ENABLE, output = live && condition(v, which);
    timer_native(v->machine, t->timer, live ? next_change(v, which) : VMM_NEVER);
    if (output == t->output)
        return;
    t->output = output;
    vmm_gic_set_ppi(v->machine, v->index, t->intid, output);
}

void arm_timer_expired(vmm_vcpu *v, uint32_t which)
{
    update(v, which);
}

void arm_timers_reset(vmm_vcpu *v)
{
    static const uint8_t intid[VMM_GENERIC_TIMERS] = {
        [VMM_TIMER_SECURE] = 29, [VMM_TIMER_PHYSICAL] = 30, [VMM_TIMER_VIRTUAL] = 27, [VMM_TIMER_HYPERVISOR] = 26,
        [VMM_TIMER_HYPERVISOR_VIRTUAL] = 28};
    arm_of(v)->cntvoff = arm_of(v)->cntkctl = 0;
    arm_of(v)->cnthctl = CNTHCTL_EL1PCTEN | CNTHCTL_EL1PCEN;
    for (uint32_t which = 0; which < VMM_GENERIC_TIMERS; which++) {
        vmm_arm_timer *t = &arm_of(v)->timer[which];
        t->intid = intid[which];
        t->timer = vcpu_timer(v, which);
        t->control = 0;
        t->compare = 0;
        update(v, which);
    }
}

/* ---- registers; `number` is the timer, with HOSTED that which the name means to a host at EL2 (DDI0487 D13.8) ---- */

enum { HOSTED = 0x100 };

static uint32_t meant(vmm_vcpu *v, uint32_t number)
{
    uint32_t which = number & (HOSTED - 1);
    if (!(number & HOSTED) || !arm_redirects(v))
        return which;
    return which == VMM_TIMER_VIRTUAL ? VMM_TIMER_HYPERVISOR_VIRTUAL : VMM_TIMER_HYPERVISOR;
}

static uint64_t read_physical(vmm_vcpu *v, uint32_t number)
{
    (void)number;
    return counter(v);
}

static uint64_t read_virtual(vmm_vcpu *v, uint32_t number)
{
    (void)number;
    return counter(v) - (arm_redirects(v) ? 0 : arm_of(v)->cntvoff);
}

static uint64_t read_control(vmm_vcpu *v, uint32_t number)
{
    uint32_t which = meant(v, number);
    uint32_t control = arm_of(v)->timer[which].control;
    return control | (control & ENABLE && condition(v, which) ? ISTATUS : 0);
}

static void write_control(vmm_vcpu *v, uint32_t number, uint64_t value)
{
    uint32_t which = meant(v, number);
    arm_of(v)->timer[which].control = (uint32_t)value & (ENABLE | IMASK);
    update(v, which);
}

static uint64_t read_compare(vmm_vcpu *v, uint32_t number)
{
    return arm_of(v)->timer[meant(v, number)].compare;
}

static void write_compare(vmm_vcpu *v, uint32_t number, uint64_t value)
{
    uint32_t which = meant(v, number);
    arm_of(v)->timer[which].compare = value;
    update(v, which);
}

static uint64_t read_value(vmm_vcpu *v, uint32_t number)
{
    uint32_t which = meant(v, number);
    return (uint32_t)(arm_of(v)->timer[which].compare - (counter(v) - offset_of(v, which)));
}

static void write_value(vmm_vcpu *v, uint32_t number, uint64_t value)
{
    uint32_t which = meant(v, number);
    write_compare(v, which, counter(v) - offset_of(v, which) + (uint64_t)(int64_t)(int32_t)value);
}

static uint64_t read_frequency(vmm_vcpu *v, uint32_t number)
{
    (void)number;
    return arm_of(v)->cntfrq;
}

static void write_frequency(vmm_vcpu *v, uint32_t number, uint64_t value)
{
    (void)number;
    arm_of(v)->cntfrq = (uint32_t)value;
}

static uint64_t read_offset(vmm_vcpu *v, uint32_t number)
{
    (void)number;
    return arm_of(v)->cntvoff;
}

static void write_offset(vmm_vcpu *v, uint32_t number, uint64_t value)
{
    (void)number;
    arm_of(v)->cntvoff = value;
    update(v, VMM_TIMER_VIRTUAL);
}

static uint32_t *kernel_control(vmm_vcpu *v, bool hosted)
{
    return hosted && arm_redirects(v) ? &arm_of(v)->cnthctl : &arm_of(v)->cntkctl;
}

static uint64_t read_kernel_control(vmm_vcpu *v, uint32_t hosted)
{
    return *kernel_control(v, hosted);
}

static void write_kernel_control(vmm_vcpu *v, uint32_t hosted, uint64_t value)
{
    *kernel_control(v, hosted) = (uint32_t)value;
}

static uint64_t read_hypervisor_control(vmm_vcpu *v, uint32_t number)
{
    (void)number;
    return arm_of(v)->cnthctl;
}

static void write_hypervisor_control(vmm_vcpu *v, uint32_t number, uint64_t value)
{
    (void)number;
    arm_of(v)->cnthctl = (uint32_t)value;
}

/* ---- what EL1, or a host at EL2, admits EL0 to (DDI0487 D11.2.3) ---- */

static int check_access(vmm_vcpu *v, uint32_t el0_bit)
{
    return vmm_arm_el(v) == 0 && !(*kernel_control(v, true) & el0_bit) ? ACCESS_TRAP : ACCESS_OK;
}

static int check_physical_counter(vmm_vcpu *v, uint32_t number, bool read)
{
    (void)number, (void)read;
    return check_access(v, EL0PCTEN);
}

static int check_virtual_counter(vmm_vcpu *v, uint32_t number, bool read)
{
    (void)number, (void)read;
    return check_access(v, EL0VCTEN);
}

static int check_timer(vmm_vcpu *v, uint32_t number, bool read)
{
    (void)read;
    return check_access(v, (number & (HOSTED - 1)) == VMM_TIMER_VIRTUAL ? EL0VTEN : EL0PTEN);
}

/* DDI0487 SCR_EL3.ST: EL3's, and Secure EL1's where that says so. */
static int check_secure_timer(vmm_vcpu *v, uint32_t which, bool read)
{
    enum { SCR_ST = 1 << 11 };
    (void)which, (void)read;
    uint32_t now = vmm_arm_el(v);
    if (now != 3 && !(now == 1 && arm_secure_below_el3(v)))
        return ACCESS_UNDEFINED;
    return now == 3 || arm_env_of(v)->cp15.scr_el3 & SCR_ST ? ACCESS_OK : ACCESS_TRAP_EL3;
}

static int check_frequency(vmm_vcpu *v, uint32_t number, bool read)
{
    (void)number;
    uint32_t highest = arm_of(v)->has_el3 ? 3 : arm_of(v)->has_el2 ? 2 : 1;
    if (!read && vmm_arm_el(v) < highest)
        return ACCESS_UNDEFINED;
    return check_access(v, EL0PCTEN | EL0VCTEN);
}

#define P (VMM_TIMER_PHYSICAL | HOSTED)
#define V (VMM_TIMER_VIRTUAL | HOSTED)
#define H VMM_TIMER_HYPERVISOR
#define S VMM_TIMER_SECURE

static const arm_register A64[] = {
    {"CNTFRQ_EL0", 3, 3, 14, 0, 0, false, R0 | W1, 0, read_frequency, write_frequency, check_frequency, 0},
    {"CNTPCT_EL0", 3, 3, 14, 0, 1, false, R0, 0, read_physical, NULL, check_physical_counter, EL1PCTEN},
    {"CNTVCT_EL0", 3, 3, 14, 0, 2, false, R0, 0, read_virtual, NULL, check_virtual_counter, 0},
    {"CNTKCTL_EL1", 3, 0, 14, 1, 0, false, R1 | W1, true, read_kernel_control, write_kernel_control, NULL, 0},
    {"CNTP_TVAL_EL0", 3, 3, 14, 2, 0, false, R0 | W0, P, read_value, write_value, check_timer, EL1PCEN},
    {"CNTP_CTL_EL0", 3, 3, 14, 2, 1, false, R0 | W0, P, read_control, write_control, check_timer, EL1PCEN},
    {"CNTP_CVAL_EL0", 3, 3, 14, 2, 2, false, R0 | W0, P, read_compare, write_compare, check_timer, EL1PCEN},
    {"CNTV_TVAL_EL0", 3, 3, 14, 3, 0, false, R0 | W0, V, read_value, write_value, check_timer, 0},
    {"CNTV_CTL_EL0", 3, 3, 14, 3, 1, false, R0 | W0, V, read_control, write_control, check_timer, 0},
    {"CNTV_CVAL_EL0", 3, 3, 14, 3, 2, false, R0 | W0, V, read_compare, write_compare, check_timer, 0},
    {"CNTVOFF_EL2", 3, 4, 14, 0, 3, false, R2 | W2, 0, read_offset, write_offset, NULL, 0},
    {"CNTHCTL_EL2", 3, 4, 14, 1, 0, false, R2 | W2, 0, read_hypervisor_control, write_hypervisor_control, NULL, 0},
    {"CNTHP_TVAL_EL2", 3, 4, 14, 2, 0, false, R2 | W2, H, read_value, write_value, NULL, 0},
    {"CNTHP_CTL_EL2", 3, 4, 14, 2, 1, false, R2 | W2, H, read_control, write_control, NULL, 0},
    {"CNTHP_CVAL_EL2", 3, 4, 14, 2, 2, false, R2 | W2, H, read_compare, write_compare, NULL, 0},
    {"CNTPS_TVAL_EL1", 3, 7, 14, 2, 0, false, R1 | W1, S, read_value, write_value, check_secure_timer, 0},
    {"CNTPS_CTL_EL1", 3, 7, 14, 2, 1, false, R1 | W1, S, read_control, write_control, check_secure_timer, 0},
    {"CNTPS_CVAL_EL1", 3, 7, 14, 2, 2, false, R1 | W1, S, read_compare, write_compare, check_secure_timer, 0},
};

static const arm_register A32[] = {
    {"CNTFRQ", 0, 0, 14, 0, 0, false, R0 | W1, 0, read_frequency, write_frequency, check_frequency, 0},
    {"CNTKCTL", 0, 0, 14, 1, 0, false, R1 | W1, 0, read_kernel_control, write_kernel_control, NULL, 0},
    {"CNTP_TVAL", 0, 0, 14, 2, 0, false, R0 | W0, P, read_value, write_value, check_timer, EL1PCEN},
    {"CNTP_CTL", 0, 0, 14, 2, 1, false, R0 | W0, P, read_control, write_control, check_timer, EL1PCEN},
    {"CNTV_TVAL", 0, 0, 14, 3, 0, false, R0 | W0, V, read_value, write_value, check_timer, 0},
    {"CNTV_CTL", 0, 0, 14, 3, 1, false, R0 | W0, V, read_control, write_control, check_timer, 0},
    {"CNTPCT", 0, 0, 0, 14, 0, true, R0, 0, read_physical, NULL, check_physical_counter, EL1PCTEN},
    {"CNTVCT", 0, 1, 0, 14, 0, true, R0, 0, read_virtual, NULL, check_virtual_counter, 0},
    {"CNTP_CVAL", 0, 2, 0, 14, 0, true, R0 | W0, P, read_compare, write_compare, check_timer, EL1PCEN},
    {"CNTV_CVAL", 0, 3, 0, 14, 0, true, R0 | W0, V, read_compare, write_compare, check_timer, 0},
    {"CNTVOFF", 0, 4, 0, 14, 0, true, R2 | W2, 0, read_offset, write_offset, NULL, 0},
};

#define OF_VHE(name, suffix, op1, crm, timer, check) \
    {name "_TVAL" suffix, 3, op1, 14, crm, 0, false, R2 | W2, timer, read_value, write_value, check, 0}, \
    {name "_CTL" suffix, 3, op1, 14, crm, 1, false, R2 | W2, timer, read_control, write_control, check, 0}, \
    {name "_CVAL" suffix, 3, op1, 14, crm, 2, false, R2 | W2, timer, read_compare, write_compare, check, 0}

static const arm_register VHE[] = {
    OF_VHE("CNTHV", "_EL2", 4, 3, VMM_TIMER_HYPERVISOR_VIRTUAL, NULL),
    OF_VHE("CNTP", "_EL02", 5, 2, VMM_TIMER_PHYSICAL, arm_check_e2h),
    OF_VHE("CNTV", "_EL02", 5, 3, VMM_TIMER_VIRTUAL, arm_check_e2h),
    {"CNTKCTL_EL12", 3, 5, 14, 1, 0, false, R2 | W2, false, read_kernel_control, write_kernel_control, arm_check_e2h, 0},
};

arm_registers arm_host_timer_registers(const vmm_vcpu *v)
{
    return arm_of(v)->has_vhe ? ARM_TABLE(VHE) : (arm_registers){0};
}

arm_registers arm_timer_registers(const vmm_vcpu *v)
{
    return arm_of(v)->aarch64 ? ARM_TABLE(A64) : ARM_TABLE(A32);
}

/* Of AArch32 EL0 under an AArch64 kernel. */
arm_registers arm_timer_registers32(const vmm_vcpu *v)
{
    return arm_of(v)->aarch64 ? ARM_TABLE(A32) : (arm_registers){0};
}
