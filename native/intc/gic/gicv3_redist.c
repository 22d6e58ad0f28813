/*
 * GICv3's redistributors (Arm IHI0069 chapter 12): for each vCPU a frame for control and LPIs, and one with the
 * registers of its SGIs and PPIs, 64 KiB each.
 *
 * A redistributor sleeps from reset until software clears GICR_WAKER.ProcessorSleep, and forwards nothing until then.
 */
#include "intc/gic/state.h"

enum {
    FRAME = 0x10000,
    STRIDE = 2 * FRAME,

    CTLR = 0x0000,
    IIDR = 0x0004,
    TYPER = 0x0008,
    TYPER_HIGH = 0x000c,
    STATUSR = 0x0010,
    WAKER = 0x0014,
    PROPBASER = 0x0070,
    PENDBASER = 0x0078,
    IDS = 0xffd0,

    CTLR_ENABLE_LPIS = 1,
    CTLR_CES = 2, /* EnableLPIs may be cleared again */

    TYPER_PLPIS = 1,
    TYPER_LAST = 0x10,
    TYPER_NUMBER_SHIFT = 8,

    WAKER_SLEEP = 2,
    WAKER_CHILDREN_ASLEEP = 4,

    FIRST_OF_BANK = 0x80,
    END_OF_BANK = 0xf00
};
#define PROPBASER_BITS 0x070fffffffffff9fULL
#define PENDBASER_BITS 0x070fffffffff0f80ULL /* PTZ is write-only */

static uint64_t reserved(vmm_machine *m, uint64_t offset)
{
    vmm_guest_error(m, VMM_GE_RESERVED, offset);
    return 0;
}

/* The state of the vCPU that makes the access; a caller from outside is Secure only if the frame's own vCPU is. */
static bool is_restricted(const vmm_machine *m, uint32_t cpu)
{
    return gic_restricted(m, m->current && m->current->index < gic_of(m)->cpus ? m->current->index : cpu);
}

static bool is_wide(uint64_t offset)
{
    return offset == TYPER || offset == PROPBASER || offset == PENDBASER;
}

static bool width_fits(uint64_t offset, uint32_t size)
{
    return (size == 4 && !(offset & 3)) || (size == 8 && is_wide(offset));
}

/* Affinity and processor number are the vCPU's index. */
static uint64_t typer(const vmm_machine *m, uint32_t cpu)
{
    return (uint64_t)cpu << 32 | cpu << TYPER_NUMBER_SHIFT | (cpu + 1u == gic_of(m)->cpus ? TYPER_LAST : 0) | TYPER_PLPIS;
}

static uint64_t wide_read(const vmm_machine *m, uint32_t cpu, uint64_t offset)
{
    const vmm_gic_cpu *c = gic_cpu(m, cpu);
    return offset == TYPER ? typer(m, cpu) : offset == PROPBASER ? c->propbaser : c->pendbaser;
}

static uint64_t control_read(vmm_machine *m, uint32_t cpu, uint64_t offset, uint32_t size)
{
    const vmm_gic_cpu *c = gic_cpu(m, cpu);
    if (!width_fits(offset, size))
        return reserved(m, offset);
    if (is_wide(offset & ~7ULL)) {
        uint64_t value = wide_read(m, cpu, offset & ~7ULL) >> 8 * (offset & 4);
        return size == 8 ? value : (uint32_t)value;
    }
    switch (offset) {
    case CTLR:
        return (c->lpis_on ? CTLR_ENABLE_LPIS : 0) | CTLR_CES;
    case IIDR:
        return GIC_IMPLEMENTER;
    case STATUSR:
        return 0;
    case WAKER:
        return c->asleep && !is_restricted(m, cpu) ? WAKER_SLEEP | WAKER_CHILDREN_ASLEEP : 0;
    default:
        return offset >= IDS ? gic_identification(m, offset) : reserved(m, offset);
    }
}

static void ctlr_write(vmm_machine *m, uint32_t cpu, uint64_t value)
{
    gic_cpu(m, cpu)->lpis_on = value & CTLR_ENABLE_LPIS;
    vmm_gic_lpi_reload(m, cpu);
}

/* Secure software's when there are two Security states (GICR_WAKER). */
static void waker_write(vmm_machine *m, uint32_t cpu, uint64_t value)
{
    if (is_restricted(m, cpu))
        return;
    gic_cpu(m, cpu)->asleep = (value & WAKER_SLEEP) != 0;
    gic_refresh_all(m);
}

/* The tables are the redistributor's while EnableLPIs is 1: to move them is UNPREDICTABLE (GICR_PENDBASER). */
static void base_write(vmm_machine *m, uint32_t cpu, uint64_t offset, uint32_t size, uint64_t value)
{
    vmm_gic_cpu *c = gic_cpu(m, cpu);
    if (c->lpis_on) {
        reserved(m, offset);
        return;
    }
    bool is_prop = (offset & ~7ULL) == PROPBASER;
    uint64_t *base = is_prop ? &c->propbaser : &c->pendbaser;
    if (size == 4)
        value = offset & 4 ? value << 32 | (uint32_t)*base : (*base & ~0xffffffffULL) | (uint32_t)value;
    *base = value & (is_prop ? PROPBASER_BITS : PENDBASER_BITS);
}

static void control_write(vmm_machine *m, uint32_t cpu, uint64_t offset, uint32_t size, uint64_t value)
{
    if (!width_fits(offset, size)) {
        reserved(m, offset);
        return;
    }
    switch (offset & ~7ULL) {
    case PROPBASER:
    case PENDBASER:
        base_write(m, cpu, offset, size, value);
        return;
    }
    switch (offset) {
    case CTLR:
        ctlr_write(m, cpu, value);
        return;
    case WAKER:
        waker_write(m, cpu, value);
        return;
    case IIDR: /* read-only */
    case TYPER:
    case TYPER_HIGH:
    case STATUSR:
        return;
    }
    if (offset < IDS)
        reserved(m, offset);
}

static bool in_bank(uint64_t offset)
{
    return offset >= FIRST_OF_BANK && offset < END_OF_BANK;
}

/* Of the distributor's layout this frame has the registers of the first 32 interrupts; the rest is RES0. */
static uint64_t sgi_frame_read(vmm_machine *m, uint32_t cpu, uint64_t offset, uint32_t size)
{
    if (!in_bank(offset) || gic_bank_of(offset))
        return reserved(m, FRAME + offset);
    return gic_bank_read(m, cpu, offset, size, is_restricted(m, cpu));
}

static void sgi_frame_write(vmm_machine *m, uint32_t cpu, uint64_t offset, uint32_t size, uint64_t value)
{
    if (!in_bank(offset) || gic_bank_of(offset))
        reserved(m, FRAME + offset);
    else
        gic_bank_write(m, cpu, offset, size, value, is_restricted(m, cpu));
}

uint64_t vmm_gic_redist_read(vmm_machine *m, uint64_t offset, uint32_t size)
{
    uint64_t cpu = offset / STRIDE;
    if (!gic_has(m, cpu) || gic_of(m)->version != 3)
        return reserved(m, offset);
    if (offset % STRIDE < FRAME)
        return control_read(m, (uint32_t)cpu, offset % FRAME, size);
    return sgi_frame_read(m, (uint32_t)cpu, offset % FRAME, size);
}

void vmm_gic_redist_write(vmm_machine *m, uint64_t offset, uint32_t size, uint64_t value)
{
    uint64_t cpu = offset / STRIDE;
    if (!gic_has(m, cpu) || gic_of(m)->version != 3)
        reserved(m, offset);
    else if (offset % STRIDE < FRAME)
        control_write(m, (uint32_t)cpu, offset % FRAME, size, value);
    else
        sgi_frame_write(m, (uint32_t)cpu, offset % FRAME, size, value);
}

/* ---- as memory ---- */

static uint64_t memory_read(vmm_machine *m, uint32_t cpu, const vmm_range *range, uint64_t offset, uint32_t size)
{
    (void)cpu, (void)range;
    return vmm_gic_redist_read(m, offset, size);
}

static void memory_write(vmm_machine *m, uint32_t cpu, const vmm_range *range, uint64_t offset, uint32_t size, uint64_t value)
{
    (void)cpu, (void)range;
    vmm_gic_redist_write(m, offset, size, value);
}

const range_owner gic_redistributors = {memory_read, memory_write};
