/*
 * GICv3's CPU interface as system registers (Arm IHI0069). Traps and permissions are the vCPU's; what arrives here is
 * allowed. Where two Security states bank a register, the access says whose copy it means.
 */
#include "core/trace.h"
#include "intc/gic/state.h"

enum {
    SRE_VALUE = 7, /* system registers only; no bypass */

    CTLR_CBPR = 1,
    CTLR_EOI_MODE = 2,
    CTLR_PMHE = 0x40,
    CTLR_PRI_BITS = (GIC_PRIORITY_BITS - 1) << 8,
    CTLR_RSS = 1 << 18, /* target ranges in SGI registers; IDbits 0: 16 bits of INTID */

    CTLR3_CBPR_SECURE = 1,
    CTLR3_CBPR_NONSECURE = 2,
    CTLR3_EOI_MODE = 4,
    CTLR3_EOI_MODE_SECURE = 8,
    CTLR3_EOI_MODE_NONSECURE = 0x10,
    CTLR3_NDS = 1 << 17, /* one Security state cannot be chosen: GICD_CTLR.DS is RAZ/WI */

    IGRPEN1_NONSECURE = 1,
    IGRPEN1_SECURE = 2
};

enum { OF_SECURE = 0, OF_NONSECURE = 1, OF_EL3 = 2 }; /* whose EOImode */
enum { GROUP0 = 1 << VMM_GIC_G0, GROUP1 = 1 << VMM_GIC_G1, SECURE_GROUP1 = 1 << VMM_GIC_G1S };

/* What an enum vmm_gic_access is with the machine's Security states. */
typedef struct {
    bool restricted; /* Non-secure, with two Security states */
    bool halved;     /* sees half of the priorities (IHI0069 4.8.1, ICC_PMR_EL1) */
    bool el3;
    bool has_group0; /* below EL3 where FIQs are taken there; else its registers are RAZ/WI, and a vCPU's access traps */
    uint8_t group1;  /* of banked registers, */
    uint8_t own;     /* and of its own Security state */
    uint8_t bank;    /* whose EOImode ICC_CTLR_EL1 has, */
    uint8_t eoi;     /* and whose counts */
    uint8_t given;   /* classes that IAR1 and HPPIR1 give and EOIR1 ends */
    uint8_t deactivated; /* classes that DIR does */
} view;

/* ICC_DIR_EL1: below EL3, what the routing of FIQs and IRQs leaves to it; Secure software has Non-secure group 1, too. */
static uint8_t deactivated_by(int access, bool restricted)
{
    uint8_t by_fiq = access & VMM_GIC_SCR_FIQ || restricted ? 0 : GROUP0;
    uint8_t by_irq = access & VMM_GIC_SCR_IRQ ? 0 : restricted ? GROUP1 : GROUP1 | SECURE_GROUP1;
    return by_fiq | by_irq;
}

static inline view view_of(const vmm_gic *g, int access)
{
    if (!g->two_states)
        return (view){.has_group0 = true, .group1 = VMM_GIC_G1, .own = VMM_GIC_G1, .given = GROUP1,
                      .deactivated = GIC_ALL_CLASSES};
    bool el3 = access & VMM_GIC_AT_EL3, secure = access & VMM_GIC_SECURE, restricted = !el3 && !secure;
    view as = {.restricted = restricted, .halved = restricted && access & VMM_GIC_SCR_FIQ, .el3 = el3,
               .has_group0 = !restricted || !(access & VMM_GIC_SCR_FIQ), .group1 = secure ? VMM_GIC_G1S : VMM_GIC_G1,
               .own = restricted ? VMM_GIC_G1 : VMM_GIC_G1S, .bank = secure ? OF_SECURE : OF_NONSECURE};
    as.eoi = el3 ? OF_EL3 : as.bank;
    as.given = el3 ? GROUP1 | SECURE_GROUP1 : (uint8_t)(1 << as.own);
    as.deactivated = el3 ? GIC_ALL_CLASSES : deactivated_by(access, restricted);
    return as;
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

/* CBPR and PMHE are ICC_CTLR_EL3's, and with two Security states that alone can write them. */
static uint64_t ctlr_read(const vmm_gic_cpu *c, view as)
{
    return (c->cbpr[as.group1] ? CTLR_CBPR : 0) | (c->eoi_split[as.bank] ? CTLR_EOI_MODE : 0) | (c->pmhe ? CTLR_PMHE : 0)
        | CTLR_PRI_BITS | CTLR_RSS;
}

static void ctlr_write(vmm_machine *m, uint32_t cpu, uint64_t value, view as)
{
    vmm_gic_cpu *c = gic_cpu(m, cpu);
    c->eoi_split[as.bank] = (value & CTLR_EOI_MODE) != 0;
    if (!gic_of(m)->two_states) {
        c->cbpr[VMM_GIC_G1] = value & CTLR_CBPR;
        c->pmhe = (value & CTLR_PMHE) != 0;
    }
    gic_refresh(m, cpu);
}

static uint64_t ctlr_el3_read(const vmm_gic_cpu *c)
{
    return (c->cbpr[VMM_GIC_G1S] ? CTLR3_CBPR_SECURE : 0) | (c->cbpr[VMM_GIC_G1] ? CTLR3_CBPR_NONSECURE : 0)
         | (c->eoi_split[OF_EL3] ? CTLR3_EOI_MODE : 0) | (c->eoi_split[OF_SECURE] ? CTLR3_EOI_MODE_SECURE : 0)
         | (c->eoi_split[OF_NONSECURE] ? CTLR3_EOI_MODE_NONSECURE : 0) | (c->pmhe ? CTLR_PMHE : 0) | CTLR_PRI_BITS
        | CTLR3_NDS | CTLR_RSS;
}

static void ctlr_el3_write(vmm_machine *m, uint32_t cpu, uint64_t value)
{
    vmm_gic_cpu *c = gic_cpu(m, cpu);
    c->cbpr[VMM_GIC_G1S] = (value & CTLR3_CBPR_SECURE) != 0;
    c->cbpr[VMM_GIC_G1] = (value & CTLR3_CBPR_NONSECURE) != 0;
    c->eoi_split[OF_EL3] = (value & CTLR3_EOI_MODE) != 0;
    c->eoi_split[OF_SECURE] = (value & CTLR3_EOI_MODE_SECURE) != 0;
    c->eoi_split[OF_NONSECURE] = (value & CTLR3_EOI_MODE_NONSECURE) != 0;
    c->pmhe = (value & CTLR_PMHE) != 0;
    gic_refresh(m, cpu);
}

/* CBPR makes Secure EL1's BPR1 another name of BPR0, Non-secure software's a view of it; EL3 has the register itself. */
static uint64_t bpr1_read(const vmm_gic_cpu *c, view as)
{
    return as.el3 ? c->bpr[as.group1] : gic_bpr_shown(c, as.group1);
}

static void bpr1_write(vmm_machine *m, uint32_t cpu, uint64_t value, view as)
{
    if (as.el3)
        gic_set_own_bpr(m, cpu, as.group1, value);
    else if (as.group1 == VMM_GIC_G1S && gic_cpu(m, cpu)->cbpr[VMM_GIC_G1S])
        gic_set_own_bpr(m, cpu, VMM_GIC_G0, value);
    else
        gic_set_bpr(m, cpu, as.group1, value);
}

/* What group 0's register shows for another group: at EL3, whose it is (IHI0069 2.2.1). */
static uint32_t not_group0(const vmm_gic_cpu *c, view as)
{
    if (!as.el3)
        return VMM_GIC_NONE;
    return c->best_class == VMM_GIC_G1S ? GIC_SECURE_GROUP1 : GIC_NONSECURE_GROUP1;
}

static uint32_t hppir(const vmm_gic_cpu *c, uint32_t classes)
{
    bool signalled = c->best != VMM_GIC_NONE && c->groups >> c->best_class & 1;
    return signalled && classes >> c->best_class & 1 ? c->best : VMM_GIC_NONE;
}

static uint32_t hppir0(const vmm_gic_cpu *c, view as)
{
    bool other = c->best != VMM_GIC_NONE && c->groups >> c->best_class & 1 && c->best_class != VMM_GIC_G0;
    return as.restricted ? VMM_GIC_NONE : other ? not_group0(c, as) : hppir(c, GROUP0);
}

static uint32_t acknowledge0(vmm_machine *m, uint32_t cpu, view as)
{
    const vmm_gic_cpu *c = gic_cpu(m, cpu);
    if (!as.el3 || !gic_can_take(c) || c->best_class == VMM_GIC_G0)
        return gic_acknowledge(m, cpu, as.restricted ? 0 : GROUP0);
    uint32_t special = not_group0(c, as);
    trace_note(m, VMM_EV_SPURIOUS, special, cpu);
    return special;
}

/* Routing 1 of N depends on it: every vCPU is looked at (IHI0069 2.3.2). */
static void enable_group(vmm_machine *m, uint32_t cpu, uint8_t cls, bool on)
{
    vmm_gic_cpu *c = gic_cpu(m, cpu);
    uint8_t bit = (uint8_t)(1u << cls);
    c->groups = on ? c->groups | bit : c->groups & (uint8_t)~bit;
    gic_refresh_all(m);
}

static void igrpen1_el3_write(vmm_machine *m, uint32_t cpu, uint64_t value)
{
    enable_group(m, cpu, VMM_GIC_G1, value & IGRPEN1_NONSECURE);
    enable_group(m, cpu, VMM_GIC_G1S, value & IGRPEN1_SECURE);
}

static void dir_write(vmm_machine *m, uint32_t cpu, uint64_t value, view as)
{
    uint32_t intid = value & 0xffffff;
    if (gic_cpu(m, cpu)->eoi_split[as.eoi])
        gic_deactivate(m, cpu, intid, as.deactivated);
    else
        vmm_guest_error(m, VMM_GE_DEACTIVATE, intid);
}

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
    if (!as.has_group0 && is_group0(reg))
        return 0;
    const vmm_gic_cpu *c = gic_cpu(m, cpu);
    switch (reg) {
    case VMM_ICC_IAR0:
        return acknowledge0(m, cpu, as);
    case VMM_ICC_IAR1:
        return gic_acknowledge(m, cpu, as.given);
    case VMM_ICC_HPPIR0:
        return hppir0(c, as);
    case VMM_ICC_HPPIR1:
        return hppir(c, as.given);
    case VMM_ICC_BPR0:
        return gic_bpr_shown(c, VMM_GIC_G0);
    case VMM_ICC_BPR1:
        return bpr1_read(c, as);
    case VMM_ICC_AP0R0:
        return c->apr[VMM_GIC_G0];
    case VMM_ICC_AP1R0:
        return c->apr[as.group1];
    case VMM_ICC_RPR:
        return gic_running_shown(c, as.halved);
    case VMM_ICC_PMR:
        return gic_pmr_shown(c, as.halved);
    case VMM_ICC_CTLR:
        return ctlr_read(c, as);
    case VMM_ICC_SRE:
        return SRE_VALUE;
    case VMM_ICC_IGRPEN0:
        return c->groups >> VMM_GIC_G0 & 1;
    case VMM_ICC_IGRPEN1:
        return c->groups >> as.group1 & 1;
    case VMM_ICC_CTLR_EL3:
        return ctlr_el3_read(c);
    case VMM_ICC_IGRPEN1_EL3:
        return (c->groups & GROUP1 ? IGRPEN1_NONSECURE : 0) | (c->groups & SECURE_GROUP1 ? IGRPEN1_SECURE : 0);
    default:
        return 0;
    }
}

void vmm_gic_icc_write(vmm_machine *m, uint32_t cpu, int reg, int access, uint64_t value)
{
    if (!gic_has(m, cpu) || gic_of(m)->version != 3)
        return;
    view as = view_of(gic_of(m), access);
    if (!as.has_group0 && is_group0(reg))
        return;
    const vmm_gic_cpu *c = gic_cpu(m, cpu);
    switch (reg) {
    case VMM_ICC_EOIR0:
        if (!as.restricted)
            gic_end(m, cpu, value & 0xffffff, 0, GROUP0, !c->eoi_split[as.eoi]);
        return;
    case VMM_ICC_EOIR1:
        gic_end(m, cpu, value & 0xffffff, 0, as.given, !c->eoi_split[as.eoi]);
        return;
    case VMM_ICC_BPR0:
        gic_set_bpr(m, cpu, VMM_GIC_G0, value);
        return;
    case VMM_ICC_BPR1:
        bpr1_write(m, cpu, value, as);
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
        gic_set_pmr(m, cpu, value, as.halved);
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
    case VMM_ICC_CTLR_EL3:
        ctlr_el3_write(m, cpu, value);
        return;
    case VMM_ICC_IGRPEN1_EL3:
        igrpen1_el3_write(m, cpu, value);
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
