/*
 * GICv3's CPU interface as system registers (Arm IHI0069). Traps and permissions are the vCPU's; what arrives here is
 * allowed. Where two Security states bank a register, the access says whose copy it means.
 */
#include "intc/gic/state.h"

enum {
    SRE_VALUE = 7, /* system registers only; no bypass */

    CTLR_CBPR = 1,
    CTLR_EOI_MODE = 2,
    CTLR_PMHE = 0x40,
    CTLR_PRI_BITS = (GIC_PRIORITY_BITS - 1) << 8,
    CTLR_RSS = 1 << 18 /* target ranges in SGI registers; IDbits 0: 16 bits of INTID */
};

/* What an enum vmm_gic_access is with the machine's Security states. */
typedef struct {
    bool restricted;
    bool ns_bank;   /* the copies it means are the Non-secure ones */
    uint8_t group1; /* of banked registers, */
    uint8_t own;    /* and of its own Security state */
} view;

static inline view view_of(const vmm_gic *g, int access)
{
    if (!g->two_states)
        return (view){.group1 = VMM_GIC_G1, .own = VMM_GIC_G1};
    bool restricted = access == VMM_GIC_NONSECURE, ns_bank = access != VMM_GIC_SECURE;
    return (view){restricted, ns_bank, ns_bank ? VMM_GIC_G1 : VMM_GIC_G1S, restricted ? VMM_GIC_G1 : VMM_GIC_G1S};
}

/* ---- SGIs (ICC_SGI0R, ICC_SGI1R, ICC_ASGI1R) ---- */

/* IHI0069, SGI forwarding: a request for Secure group 1 also reaches a group 0 SGI; NSACR hands nothing down. */
static bool sgi_allowed(const vmm_machine *m, uint32_t to, uint32_t intid, uint8_t cls, bool restricted)
{
    uint8_t configured = gic_class(&gic_cpu(m, to)->local, intid);
    if (restricted && configured != VMM_GIC_G1)
        return false;
    return configured == cls || (cls == VMM_GIC_G1S && configured == VMM_GIC_G0);
}

static void send_sgi(vmm_machine *m, uint32_t cpu, uint64_t value, uint8_t cls, bool restricted)
{
    uint32_t intid = value >> 24 & 0xf, present = (1u << gic_of(m)->cpus) - 1, targets = value & 0xffff;
    bool all_but_self = value >> 40 & 1;
    bool elsewhere = value >> 48 & 0xff || value >> 32 & 0xff || value >> 16 & 0xff /* Aff3-1: all vCPUs have 0 */
                  || value >> 44 & 0xf;                                             /* RS: Aff0 of 16 and more */
    if (all_but_self)
        targets = present & ~(1u << cpu);
    else if (targets && (elsewhere || targets & ~present))
        vmm_guest_error(m, VMM_GE_SGI_TARGET, value);
    if (elsewhere && !all_but_self)
        return;
    for (targets &= present; targets; targets &= targets - 1) {
        uint32_t to = (uint32_t)__builtin_ctz(targets);
        if (sgi_allowed(m, to, intid, cls, restricted))
            gic_sgi(m, cpu, to, intid);
    }
}

/* ---- registers ---- */

static uint64_t ctlr_read(const vmm_gic_cpu *c, view as)
{
    return (c->cbpr[as.group1] ? CTLR_CBPR : 0) | (c->eoi_split[as.ns_bank] ? CTLR_EOI_MODE : 0)
         | (c->pmhe && !as.restricted ? CTLR_PMHE : 0) | CTLR_PRI_BITS | CTLR_RSS;
}

static void ctlr_write(vmm_machine *m, uint32_t cpu, uint64_t value, view as)
{
    vmm_gic_cpu *c = gic_cpu(m, cpu);
    c->cbpr[as.group1] = value & CTLR_CBPR;
    c->eoi_split[as.ns_bank] = (value & CTLR_EOI_MODE) != 0;
    if (!as.restricted)
        c->pmhe = (value & CTLR_PMHE) != 0;
    gic_refresh(m, cpu);
}

static uint32_t hppir(const vmm_gic_cpu *c, uint8_t cls)
{
    bool mine = c->best != VMM_GIC_NONE && c->best_class == cls && c->groups >> cls & 1;
    return mine ? c->best : VMM_GIC_NONE;
}

/* Routing 1 of N depends on it: every vCPU is looked at (IHI0069 2.3.2). */
static void enable_group(vmm_machine *m, uint32_t cpu, uint8_t cls, bool on)
{
    vmm_gic_cpu *c = gic_cpu(m, cpu);
    uint8_t bit = (uint8_t)(1u << cls);
    c->groups = on ? c->groups | bit : c->groups & (uint8_t)~bit;
    gic_refresh_all(m);
}

static void dir_write(vmm_machine *m, uint32_t cpu, uint64_t value, view as)
{
    uint32_t intid = value & 0xffffff;
    if (gic_cpu(m, cpu)->eoi_split[as.ns_bank])
        gic_deactivate(m, cpu, intid, as.restricted ? 1 << VMM_GIC_G1 : GIC_ALL_CLASSES);
    else
        vmm_guest_error(m, VMM_GE_DEACTIVATE, intid);
}

/* Registers of group 0 are RAZ/WI to a restricted access. */
static bool is_group0(int reg)
{
    return reg == VMM_ICC_IAR0 || reg == VMM_ICC_EOIR0 || reg == VMM_ICC_HPPIR0 || reg == VMM_ICC_BPR0
        || reg == VMM_ICC_AP0R0 || reg == VMM_ICC_IGRPEN0;
}

uint64_t vmm_gic_icc_read(vmm_machine *m, uint32_t cpu, int reg, int access)
{
    if (!gic_has(m, cpu) || gic_of(m)->version != 3)
        return 0;
    view as = view_of(gic_of(m), access);
    if (as.restricted && is_group0(reg))
        return 0;
    const vmm_gic_cpu *c = gic_cpu(m, cpu);
    switch (reg) {
    case VMM_ICC_IAR0:
        return gic_acknowledge(m, cpu, 1 << VMM_GIC_G0);
    case VMM_ICC_IAR1:
        return gic_acknowledge(m, cpu, 1u << as.group1);
    case VMM_ICC_HPPIR0:
        return hppir(c, VMM_GIC_G0);
    case VMM_ICC_HPPIR1:
        return hppir(c, as.group1);
    case VMM_ICC_BPR0:
        return gic_bpr_shown(c, VMM_GIC_G0);
    case VMM_ICC_BPR1:
        return gic_bpr_shown(c, as.group1);
    case VMM_ICC_AP0R0:
        return c->apr[VMM_GIC_G0];
    case VMM_ICC_AP1R0:
        return c->apr[as.group1];
    case VMM_ICC_RPR:
        return gic_running_shown(c, as.restricted);
    case VMM_ICC_PMR:
        return gic_pmr_shown(c, as.restricted);
    case VMM_ICC_CTLR:
        return ctlr_read(c, as);
    case VMM_ICC_SRE:
        return SRE_VALUE;
    case VMM_ICC_IGRPEN0:
        return c->groups >> VMM_GIC_G0 & 1;
    case VMM_ICC_IGRPEN1:
        return c->groups >> as.group1 & 1;
    default:
        return 0;
    }
}

void vmm_gic_icc_write(vmm_machine *m, uint32_t cpu, int reg, int access, uint64_t value)
{
    if (!gic_has(m, cpu) || gic_of(m)->version != 3)
        return;
    view as = view_of(gic_of(m), access);
    if (as.restricted && is_group0(reg))
        return;
    const vmm_gic_cpu *c = gic_cpu(m, cpu);
    switch (reg) {
    case VMM_ICC_EOIR0:
        gic_end(m, cpu, value & 0xffffff, 0, 1 << VMM_GIC_G0, !c->eoi_split[as.ns_bank]);
        return;
    case VMM_ICC_EOIR1:
        gic_end(m, cpu, value & 0xffffff, 0, 1u << as.group1, !c->eoi_split[as.ns_bank]);
        return;
    case VMM_ICC_BPR0:
        gic_set_bpr(m, cpu, VMM_GIC_G0, value);
        return;
    case VMM_ICC_BPR1:
        gic_set_bpr(m, cpu, as.group1, value);
        return;
    case VMM_ICC_AP0R0:
        gic_set_active_priorities(m, cpu, VMM_GIC_G0, (uint32_t)value);
        return;
    case VMM_ICC_AP1R0:
        gic_set_active_priorities(m, cpu, as.group1, (uint32_t)value);
        return;
    case VMM_ICC_DIR:
        dir_write(m, cpu, value, as);
        return;
    case VMM_ICC_PMR:
        gic_set_pmr(m, cpu, value, as.restricted);
        return;
    case VMM_ICC_CTLR:
        ctlr_write(m, cpu, value, as);
        return;
    case VMM_ICC_IGRPEN0:
        enable_group(m, cpu, VMM_GIC_G0, value & 1);
        return;
    case VMM_ICC_IGRPEN1:
        enable_group(m, cpu, as.group1, value & 1);
        return;
    case VMM_ICC_SGI1R:
        send_sgi(m, cpu, value, as.own, as.restricted);
        return;
    case VMM_ICC_ASGI1R: /* the other state's group 1 */
        send_sgi(m, cpu, value, as.own == VMM_GIC_G1 ? VMM_GIC_G1S : VMM_GIC_G1, as.restricted);
        return;
    case VMM_ICC_SGI0R:
        send_sgi(m, cpu, value, VMM_GIC_G0, as.restricted);
        return;
    }
}
