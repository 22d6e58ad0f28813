/*
 * The performance monitors (DDI0487 D6, DDI0406 C12): no event counter, and a cycle counter that counts an instruction as
 * a cycle, so that it runs with virtual time. Its overflow is a level on its own PPI. Unicorn's own would read the host's
 * clock.
 */
#include "api/vmm_gic.h"
#include "arm/cycles.h"
#include "core/clock.h"

enum { OVERFLOW_INTID = 23, EACH = 64, MDCR3_SPME = 1 << 17 };

/* DDI0487 D13.4, PMCCFILTR_EL0: a Non-secure level is left out where its own bit differs from the Secure one's. */
static bool filtered(vmm_vcpu *v)
{
    uint64_t filter = arm_env_of(v)->cp15.pmccfiltr_el0;
    bool nonsecure = arm_of(v)->has_el3 && !arm_secure_below_el3(v), p = filter & FILTER_P, u = filter & FILTER_U;
    switch (vmm_arm_el(v)) {
    case 0: return nonsecure ? u != !!(filter & FILTER_NSU) : u;
    case 1: return nonsecure ? p != !!(filter & FILTER_NSK) : p;
    case 2: return !(filter & FILTER_NSH);
    default: return p != !!(filter & FILTER_M);
    }
}

/* DDI0487 D6.5: in Secure state MDCR_EL3.SPME admits it, if PMCR.DP asks. */
static bool prohibited(vmm_vcpu *v)
{
    bool secure = arm_secure_below_el3(v) || (arm_of(v)->has_el3 && vmm_arm_el(v) == 3);
    return secure && *cycles_field(v, CONTROL) & PMCR_DP && !(arm_env_of(v)->cp15.mdcr_el3 & MDCR3_SPME);
}

static bool counts(vmm_vcpu *v)
{
    return *cycles_field(v, CONTROL) & PMCR_E && *cycles_field(v, ENABLED) & CYCLES && !filtered(v) && !prohibited(v);
}

static bool is_long(vmm_vcpu *v)
{
    return *cycles_field(v, CONTROL) & PMCR_LC;
}

static bool divides(vmm_vcpu *v) /* PMCR.LC: D is ignored */
{
    return *cycles_field(v, CONTROL) & PMCR_D && !is_long(v);
}

static void count(vmm_vcpu *v, uint64_t cycles)
{
    vmm_arm_cycles *c = &arm_of(v)->cycles;
    uint64_t before = c->count;
    if (divides(v)) {
        cycles += c->residue;
        c->residue = cycles % EACH;
        cycles /= EACH;
    }
    c->count += cycles;
    bool overflow = is_long(v) ? c->count < before : cycles > UINT32_MAX - (uint32_t)before;
    if (overflow)
        *cycles_field(v, OVERFLOWED) |= CYCLES;
}

void arm_cycles_settle(vmm_vcpu *v)
{
    vmm_arm_cycles *c = &arm_of(v)->cycles;
    if (c->running)
        count(v, v->count - c->since);
    v->machine->time_told |= c->running;
    c->since = v->count;
}

/* Where the counter stands, however often it was counted up on the way there. */
static vmm_arm_cycles settled(const vmm_arm_cycles *c, bool divided)
{
    vmm_arm_cycles s = *c;
    if (!s.running)
        s.since = 0;
    if (s.running && !divided) {
        s.count -= s.since;
        s.since = 0;
    }
    return s;
}

bool arm_cycles_alike(vmm_vcpu *v, const vmm_arm_cycles *then)
{
    vmm_arm_cycles a = settled(&arm_of(v)->cycles, divides(v)), b = settled(then, divides(v));
    return a.count == b.count && a.since == b.since && a.residue == b.residue && a.running == b.running && a.parked == b.parked
        && a.output == b.output;
}

static uint64_t until_overflow(vmm_vcpu *v)
{
    const vmm_arm_cycles *c = &arm_of(v)->cycles;
    uint64_t left = is_long(v) ? 0 - c->count : (1ull << 32) - (uint32_t)c->count;
    return divides(v) ? left * EACH - c->residue : left;
}

/*
 * Instructions of others pass time, too, so the deadline may come before the overflow, and is then set anew. Where nothing
 * counts, because it sleeps or is not its turn, there is none.
 */
static void set_deadline(vmm_vcpu *v)
{
    vmm_arm_cycles *c = &arm_of(v)->cycles;
    vmm_machine *m = v->machine;
    c->parked = c->running && *cycles_field(v, INTERRUPTS) & CYCLES && (v->halted || m->current != v);
    bool awaited = c->running && *cycles_field(v, INTERRUPTS) & CYCLES && !c->parked;
    uint64_t left = awaited ? until_overflow(v) : 0, now = vmm_now(m);
    bool in_time = left && left < (VMM_NEVER - now) / m->insn_ns;
    timer_native(m, c->timer, in_time ? now + left * m->insn_ns : VMM_NEVER);
}

/* DDI0487 D6.6.1: CheckForPMUOverflow. */
void arm_cycles_update(vmm_vcpu *v)
{
    vmm_arm_cycles *c = &arm_of(v)->cycles;
    bool output = *cycles_field(v, CONTROL) & PMCR_E && *cycles_field(v, OVERFLOWED) & *cycles_field(v, INTERRUPTS) & CYCLES;
    c->running = counts(v);
    set_deadline(v);
    if (output == c->output)
        return;
    c->output = output;
    vmm_gic_set_ppi(v->machine, v->index, OVERFLOW_INTID, output);
}

void arm_cycles_resume(vmm_vcpu *v)
{
    if (!(*cycles_field(v, CONTROL) & PMCR_E))
        return;
    arm_cycles_settle(v);
    arm_cycles_update(v);
}

void arm_cycles_expired(vmm_vcpu *v)
{
    arm_cycles_settle(v);
    arm_cycles_update(v);
}

void arm_cycles_reset(vmm_vcpu *v)
{
    bool output = arm_of(v)->cycles.output;
    arm_of(v)->cycles = (vmm_arm_cycles){.timer = vcpu_timer(v, VMM_TIMER_CYCLES), .output = output, .since = v->count};
    arm_cycles_update(v);
}
