/*
 * GICv2's CPU interface (Arm IHI0048B 4.4). With one Security state, accesses are as Secure ones with two: both groups,
 * and the aliased registers for group 1 beside the plain ones.
 */
#include "core/trace.h"
#include "intc/gic/state.h"

enum {
    CTLR = 0x00,
    PMR = 0x04,
    BPR = 0x08,
    IAR = 0x0c,
    EOIR = 0x10,
    RPR = 0x14,
    HPPIR = 0x18,
    ABPR = 0x1c,
    AIAR = 0x20,
    AEOIR = 0x24,
    AHPPIR = 0x28,
    APR0 = 0xd0,
    NSAPR0 = 0xe0,
    APRS_END = 0xf0,
    IIDR = 0xfc,
    DIR = 0x1000,

    IIDR_VALUE = 2 << 16 | GIC_IMPLEMENTER, /* architecture version 2 */

    /* GICC_CTLR; ACK_CTL and FIQ_EN are in gic.h */
    ENABLE_GROUPS = 0x003,
    CBPR = 0x010,
    BYPASS = 0x1e0,    /* no bypass signals exist: the bits are kept and do nothing */
    BYPASS_GROUP1 = 0x180,
    EOI_MODE = 0x200,
    EOI_MODE_NS = 0x400, /* the Secure view of the Non-secure one */

    BOTH = 1 << VMM_GIC_G0 | 1 << VMM_GIC_G1,
    GROUP1 = 1 << VMM_GIC_G1
};

/* ---- GICC_CTLR (4.4.1) ---- */

static uint32_t ctlr_read(const vmm_machine *m, const vmm_gic_cpu *c, bool restricted)
{
    if (restricted)
        return (c->groups >> VMM_GIC_G1 & 1u) | (c->ctlr & BYPASS_GROUP1) >> 2 | (c->eoi_split[1] ? EOI_MODE : 0);
    return c->groups | c->ctlr | (c->cbpr[VMM_GIC_G1] ? CBPR : 0) | (c->eoi_split[0] ? EOI_MODE : 0)
         | (gic_of(m)->two_states && c->eoi_split[1] ? EOI_MODE_NS : 0);
}

static void ctlr_write(vmm_machine *m, uint32_t cpu, uint32_t value, bool restricted)
{
    vmm_gic_cpu *c = gic_cpu(m, cpu);
    if (restricted) {
        c->groups = (uint8_t)((c->groups & ~GROUP1) | (value & 1) << VMM_GIC_G1);
        c->ctlr = (c->ctlr & ~(uint32_t)BYPASS_GROUP1) | (value << 2 & BYPASS_GROUP1);
        c->eoi_split[1] = (value & EOI_MODE) != 0;
    } else {
        c->groups = value & ENABLE_GROUPS;
        c->ctlr = value & (GICC_ACK_CTL | GICC_FIQ_EN | BYPASS);
        c->cbpr[VMM_GIC_G1] = (value & CBPR) != 0;
        c->eoi_split[0] = (value & EOI_MODE) != 0;
        c->eoi_split[1] = gic_of(m)->two_states && value & EOI_MODE_NS;
    }
    gic_refresh(m, cpu);
}

/* ---- acknowledge, end ---- */

/* What a register shows for an interrupt of a group that it does not give (4.4.4, 4.4.7). */
static uint32_t not_mine(const vmm_gic_cpu *c)
{
    return c->best_class == VMM_GIC_G1 ? GIC_OTHER_GROUP : VMM_GIC_NONE;
}

/* The plain registers give group 1 to restricted accesses and, with AckCtl, to the others. */
static uint32_t classes_of(const vmm_gic_cpu *c, bool restricted)
{
    return restricted ? GROUP1 : c->ctlr & GICC_ACK_CTL ? BOTH : 1 << VMM_GIC_G0;
}

static uint32_t iar_read(vmm_machine *m, uint32_t cpu, uint32_t classes)
{
    vmm_gic_cpu *c = gic_cpu(m, cpu);
    if (!gic_can_take(c) || classes >> c->best_class & 1)
        return gic_acknowledge(m, cpu, classes);
    uint32_t special = not_mine(c);
    trace_note(m, VMM_EV_SPURIOUS, special, cpu);
    return special;
}

static uint32_t hppir_read(const vmm_gic_cpu *c, uint32_t classes)
{
    if (c->best == VMM_GIC_NONE || !(c->groups >> c->best_class & 1))
        return VMM_GIC_NONE;
    if (!(classes >> c->best_class & 1))
        return not_mine(c);
    return c->best < GIC_SGIS ? c->best | gic_sgi_source(c, c->best) << 10 : c->best;
}

/* UNPREDICTABLE: group 1's end by EOIR without AckCtl (4.4.5); it is taken as AEOIR's would be, and not reported. */
static void eoir_write(vmm_machine *m, uint32_t cpu, uint32_t value, uint32_t classes, bool restricted)
{
    const vmm_gic_cpu *c = gic_cpu(m, cpu);
    gic_end(m, cpu, value & 0x3ff, value >> 10 & 7, classes, !c->eoi_split[restricted]);
}

static void dir_write(vmm_machine *m, uint32_t cpu, uint32_t value, bool restricted)
{
    if (!gic_cpu(m, cpu)->eoi_split[restricted]) {
        vmm_guest_error(m, VMM_GE_DEACTIVATE, value & 0x3ff);
        return;
    }
    gic_deactivate(m, cpu, value & 0x3ff, restricted ? GROUP1 : BOTH);
}

/* ---- active priorities: 32 levels fill the first register of each four (4.4.12-13) ---- */

/* Non-secure software sees the lower half of the priorities as if it were all. */
static uint32_t apr_read(const vmm_gic_cpu *c, uint64_t offset, bool restricted)
{
    if (restricted)
        return offset == APR0 ? c->apr[VMM_GIC_G1] >> 16 : 0;
    return offset == APR0 ? c->apr[VMM_GIC_G0] : offset == NSAPR0 ? c->apr[VMM_GIC_G1] : 0;
}

static void apr_write(vmm_machine *m, uint32_t cpu, uint64_t offset, uint32_t value, bool restricted)
{
    uint32_t kept = gic_cpu(m, cpu)->apr[VMM_GIC_G1] & 0xffff;
    if (restricted && offset == APR0)
        gic_set_active_priorities(m, cpu, VMM_GIC_G1, value << 16 | kept);
    else if (!restricted && (offset == APR0 || offset == NSAPR0))
        gic_set_active_priorities(m, cpu, offset == APR0 ? VMM_GIC_G0 : VMM_GIC_G1, value);
}

/* ---- the map ---- */

static bool is_apr(uint64_t offset)
{
    return offset >= APR0 && offset < APRS_END;
}

static uint64_t reserved(vmm_machine *m, uint64_t offset)
{
    vmm_guest_error(m, VMM_GE_RESERVED, offset);
    return 0;
}

uint64_t vmm_gic_cpu_read(vmm_machine *m, uint32_t cpu, uint64_t offset, uint32_t size)
{
    if (!gic_has(m, cpu) || gic_of(m)->version != 2 || size != 4 || offset & 3)
        return reserved(m, offset);
    vmm_gic_cpu *c = gic_cpu(m, cpu);
    bool restricted = gic_restricted(m, cpu);
    if (is_apr(offset))
        return apr_read(c, offset, restricted);
    switch (offset) {
    case CTLR:
        return ctlr_read(m, c, restricted);
    case PMR:
        return gic_pmr_shown(c, restricted);
    case BPR:
        return gic_bpr_shown(c, restricted ? VMM_GIC_G1 : VMM_GIC_G0);
    case IAR:
        return iar_read(m, cpu, classes_of(c, restricted));
    case RPR:
        return gic_running_shown(c, restricted);
    case HPPIR:
        return hppir_read(c, classes_of(c, restricted));
    case ABPR:
        return restricted ? 0 : gic_bpr_shown(c, VMM_GIC_G1);
    case AIAR:
        return restricted ? 0 : iar_read(m, cpu, GROUP1);
    case AHPPIR:
        return restricted ? 0 : hppir_read(c, GROUP1);
    case IIDR:
        return IIDR_VALUE;
    default:
        return reserved(m, offset);
    }
}

void vmm_gic_cpu_write(vmm_machine *m, uint32_t cpu, uint64_t offset, uint32_t size, uint64_t value)
{
    if (!gic_has(m, cpu) || gic_of(m)->version != 2 || size != 4 || offset & 3) {
        reserved(m, offset);
        return;
    }
    bool restricted = gic_restricted(m, cpu);
    uint32_t word = (uint32_t)value;
    if (is_apr(offset)) {
        apr_write(m, cpu, offset, word, restricted);
        return;
    }
    switch (offset) {
    case CTLR:
        ctlr_write(m, cpu, word, restricted);
        return;
    case PMR:
        gic_set_pmr(m, cpu, word, restricted);
        return;
    case BPR:
        gic_set_bpr(m, cpu, restricted ? VMM_GIC_G1 : VMM_GIC_G0, word);
        return;
    case EOIR:
        eoir_write(m, cpu, word, restricted ? GROUP1 : BOTH, restricted);
        return;
    case ABPR:
        if (!restricted)
            gic_set_bpr(m, cpu, VMM_GIC_G1, word);
        return;
    case AEOIR:
        if (!restricted)
            eoir_write(m, cpu, word, GROUP1, restricted);
        return;
    case DIR:
        dir_write(m, cpu, word, restricted);
        return;
    case IAR: /* read-only */
    case RPR:
    case HPPIR:
    case AIAR:
    case AHPPIR:
    case IIDR:
        return;
    default:
        reserved(m, offset);
    }
}

/* ---- as memory ---- */

static uint64_t memory_read(vmm_machine *m, uint32_t cpu, const vmm_range *range, uint64_t offset, uint32_t size)
{
    (void)range;
    return vmm_gic_cpu_read(m, cpu, offset, size);
}

static void memory_write(vmm_machine *m, uint32_t cpu, const vmm_range *range, uint64_t offset, uint32_t size, uint64_t value)
{
    (void)range;
    vmm_gic_cpu_write(m, cpu, offset, size, value);
}

const range_owner gic_cpu_interface = {memory_read, memory_write};
