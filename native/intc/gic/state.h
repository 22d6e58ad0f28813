/*
 * What the GIC's files share. The core (gic.c) knows pending, priority, acknowledge and end, for GICv2 and GICv3 alike;
 * register maps (dist.c, gicv2_cpu.c, gicv3_redist.c, gicv3_icc.c) decode an access and call it.
 *
 * "restricted": a Non-secure access with two Security states; it sees group 1 only, and half of the priorities.
 */
#ifndef VMM_GIC_STATE_H
#define VMM_GIC_STATE_H

#include "intc/gic/gic.h"

enum {
    GIC_IMPLEMENTER = 0x43b,    /* Arm, in every IIDR */
    GIC_SGIS = 16,
    GIC_BANKS = 1 + VMM_GIC_SPI_BANKS,
    GIC_INTIDS = 32 * GIC_BANKS, /* SGIs, PPIs and SPIs */
    GIC_END_OF_LPIS = 65536,     /* 16 bits of INTID */
    GIC_FIRST_SPECIAL = 1020,
    GIC_SECURE_GROUP1 = 1020, /* GICv3, read at EL3: what is pending is Secure EL1's to handle, */
    GIC_NONSECURE_GROUP1 = 1021, /* and this Non-secure software's (IHI0069 2.2.1) */
    GIC_OTHER_GROUP = 1022, /* GICv2: what is pending belongs to group 1, and this register does not give it */
    GIC_PRIORITY_BITS = 5,
    GIC_PRIORITY_MASK = 0xf8,
    GIC_LOWEST_BPR0 = 2, /* 32 preemption levels */
    GIC_LOWEST_BPR1 = 3, /* one more: group 1 without CBPR shifts by one less (IHI0048B 3.3.3, IHI0069 4.8.2) */
    GICC_ACK_CTL = 0x04, /* bits of GICC_CTLR that the core knows */
    GICC_FIQ_EN = 0x08,
    GIC_IDLE = 0x100,    /* running priority below every other; registers show 0xff */
    GIC_ALL_CLASSES = 7
};
#define GIC_UNKNOWN_HOLDER 0xffffffffu

static inline vmm_gic *gic_of(const vmm_machine *m)
{
    return m->controller_state[GIC_ROW];
}

/* False, too, where there is no GIC. */
static inline bool gic_has(const vmm_machine *m, uint64_t cpu)
{
    const vmm_gic *g = gic_of(m);
    return g && cpu < g->cpus;
}

static inline vmm_gic_cpu *gic_cpu(const vmm_machine *m, uint32_t cpu)
{
    return &gic_of(m)->cpu[cpu];
}

/* gic.c: state */
static inline bool gic_restricted(const vmm_machine *m, uint32_t cpu)
{
    const vmm_gic *g = gic_of(m);
    return g->two_states && g->cpu[cpu].nonsecure;
}

static inline vmm_gic_bank *gic_bank(vmm_machine *m, uint32_t cpu, uint32_t bank)
{
    vmm_gic *g = gic_of(m);
    return bank ? &g->spi[bank - 1] : &g->cpu[cpu].local;
}

static inline uint32_t gic_pending(const vmm_gic_bank *b)
{
    return b->latched | (b->line & ~b->edge);
}

static inline uint8_t gic_class(const vmm_gic_bank *b, uint32_t n)
{
    return b->group >> n & 1 ? VMM_GIC_G1 : b->modifier >> n & 1 ? VMM_GIC_G1S : VMM_GIC_G0;
}

/* The CPU that a pending SGI is from; 0 where GICv3 does not say. */
static inline uint32_t gic_sgi_source(const vmm_gic_cpu *c, uint32_t sgi)
{
    return c->sgi_from[sgi] ? (uint32_t)__builtin_ctz(c->sgi_from[sgi]) : 0;
}

/* Non-secure views of a priority: half of the range, shown as if it were all (IHI0048B 4.3.11, IHI0069 4.8.1). */
static inline uint8_t gic_priority_shown(uint8_t priority, bool restricted)
{
    return restricted ? (uint8_t)(priority << 1) : priority;
}

static inline uint8_t gic_priority_meant(uint64_t value, bool restricted)
{
    return (uint8_t)(restricted ? 0x80 | (value & 0xff) >> 1 : value) & GIC_PRIORITY_MASK;
}

void gic_note_states(vmm_machine *m, uint32_t cpu, uint32_t bank,
                     uint32_t changed); /* to who records: without a request, an acknowledge or an end */
void gic_latch(vmm_machine *m, uint32_t cpu, uint32_t bank, uint32_t bits); /* make pending, by whatever but a level */
void gic_sgi(vmm_machine *m, uint32_t from, uint32_t to, uint32_t intid);
void gic_bank_changed(vmm_machine *m, uint32_t cpu, uint32_t bank); /* any of its registers was written */
void gic_refresh(vmm_machine *m, uint32_t cpu);
void gic_refresh_all(vmm_machine *m);

/* gic.c: the CPU interface; classes is one bit an enum vmm_gic_class */
bool gic_can_take(const vmm_gic_cpu *c); /* the best pending interrupt is to be signalled */
bool gic_may_interrupt(const vmm_gic *g, const vmm_gic_cpu *c); /* one of the highest priority would be, as an IRQ */
void gic_forget_withdrawn(vmm_machine *m, uint32_t cpu);
irq_request gic_best(vmm_machine *m, uint32_t cpu, bool fiq); /* what an IRQ or FIQ of this vCPU is about; no state changes */
uint32_t gic_acknowledge(vmm_machine *m, uint32_t cpu, uint32_t classes); /* INTID | source << 10, or VMM_GIC_NONE */
void gic_end(vmm_machine *m, uint32_t cpu, uint32_t intid, uint32_t source, uint32_t classes, bool deactivate);
void gic_deactivate(vmm_machine *m, uint32_t cpu, uint32_t intid, uint32_t classes);
void gic_set_active_priorities(vmm_machine *m, uint32_t cpu, uint8_t cls, uint32_t levels);
uint8_t gic_bpr_shown(const vmm_gic_cpu *c, uint8_t cls);
void gic_set_bpr(vmm_machine *m, uint32_t cpu, uint8_t cls, uint64_t value);     /* ignored where CBPR says so */
void gic_set_own_bpr(vmm_machine *m, uint32_t cpu, uint8_t cls, uint64_t value); /* whatever CBPR says */
uint8_t gic_pmr_shown(const vmm_gic_cpu *c, bool halved); /* halved: to one that has half of the priorities */
void gic_set_pmr(vmm_machine *m, uint32_t cpu, uint64_t value, bool halved);
uint8_t gic_running_shown(const vmm_gic_cpu *c, bool halved);

/* bank.c: the registers of 32 interrupts that the distributor and a redistributor's SGI frame share */
uint32_t gic_bank_of(uint64_t offset); /* which bank a register between IGROUPR0 and NSACR belongs to */
uint64_t gic_bank_read(vmm_machine *m, uint32_t cpu, uint64_t offset, uint32_t size, bool restricted);
void gic_bank_write(vmm_machine *m, uint32_t cpu, uint64_t offset, uint32_t size, uint64_t value, bool restricted);
uint32_t gic_identification(const vmm_machine *m, uint64_t offset); /* PIDR and CIDR: offset & 0x3f from FD0h */

/* gicv3_lpi.c */
uint64_t gic_lpi_raised(const vmm_machine *m, uint32_t intid);
void gic_lpi_taken(vmm_machine *m, uint32_t cpu); /* the best was acknowledged */

#endif
