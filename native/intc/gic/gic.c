/*
 * The core of GICv2 and GICv3: what is pending, what is best, what a CPU is interrupted by, acknowledge and end
 * (Arm IHI0048B chapter 3, IHI0069 chapter 4).
 *
 * Decisions where the manuals leave room:
 * - 32 priorities, bits [7:3], and as many preemption levels, in GICv2 (as GIC-400) and GICv3 alike.
 * - Of equal priorities the lowest INTID goes first, of one SGI's sources the lowest CPU.
 * - A pending interrupt whose group only the CPU interface disables still is the highest pending one and hides those
 *   below it; the distributor does not forward a group that it disables (IHI0048B 4.3.1, 4.4.1, IHI0069 4.7.2).
 * - An end that names another interrupt than the running one is UNPREDICTABLE: if the named one was preempted, its own
 *   priority is dropped and the running one stays; any other is ignored. Both are reported.
 * - An interrupt that goes to any one CPU (IHI0069 2.3.2, 1 of N) goes to the first that is awake with its group on.
 */
#include <string.h>

#include "core/clock.h"
#include "core/trace.h"
#include "intc/gic/state.h"

/* ---- pending ---- */

static void note_pending(vmm_machine *m, uint32_t cpu, uint32_t bank, uint32_t bits)
{
    vmm_gic_bank *b = gic_bank(m, cpu, bank);
    for (; bits; bits &= bits - 1) {
        uint32_t n = (uint32_t)__builtin_ctz(bits), flags = b->latched >> n & 1 ? VMM_REQUEST_STAYS : 0;
        b->raised[n] = insns_so_far(m);
        trace_note_request(m, VMM_EV_PENDING, 32 * bank + n, bank ? 0 : cpu, flags);
    }
}

void gic_latch(vmm_machine *m, uint32_t cpu, uint32_t bank, uint32_t bits)
{
    vmm_gic_bank *b = gic_bank(m, cpu, bank);
    uint32_t fresh = bits & ~gic_pending(b);
    b->latched |= bits;
    note_pending(m, cpu, bank, fresh);
    gic_bank_changed(m, cpu, bank);
}

static void set_line(vmm_machine *m, uint32_t cpu, uint32_t intid, bool level)
{
    uint32_t bank = intid / 32, bit = 1u << intid % 32;
    vmm_gic_bank *b = gic_bank(m, cpu, bank);
    if (level == ((b->line & bit) != 0))
        return;
    uint32_t before = gic_pending(b);
    b->line ^= bit;
    if (level)
        b->latched |= b->edge & bit;
    note_pending(m, cpu, bank, gic_pending(b) & ~before);
    gic_bank_changed(m, cpu, bank);
}

void vmm_gic_set_spi(vmm_machine *m, uint32_t spi, int level)
{
    if (spi < VMM_GIC_SPIS && gic_has(m, 0))
        set_line(m, 0, 32 + spi, level != 0);
}

static bool spi_enabled(const vmm_machine *m, uint32_t spi)
{
    return spi < VMM_GIC_SPIS && gic_of(m)->spi[spi / 32].enabled >> spi % 32 & 1;
}

static bool is_ppi(const vmm_machine *m, uint32_t cpu, uint32_t intid)
{
    return gic_has(m, cpu) && intid >= GIC_SGIS && intid < 32;
}

void vmm_gic_set_ppi(vmm_machine *m, uint32_t cpu, uint32_t intid, int level)
{
    if (!is_ppi(m, cpu, intid))
        return;
    vmm_gic_cpu *c = gic_cpu(m, cpu);
    c->until_served &= ~(1u << intid);
    bool changes = (c->local.line >> intid & 1) != (level != 0);
    if (changes && m->current && cpu < m->vcpu_count)
        trace_derived(m->vcpus[cpu], VMM_EV_PPI, intid, level != 0);
    set_line(m, cpu, intid, level != 0);
}

void vmm_gic_ppi_until_served(vmm_machine *m, uint32_t cpu, uint32_t intid)
{
    if (!is_ppi(m, cpu, intid))
        return;
    vmm_gic_set_ppi(m, cpu, intid, 1);
    gic_cpu(m, cpu)->until_served |= 1u << intid;
}

/* GICv2 keeps one pending state for each CPU that an SGI comes from (IHI0048B 3.2.2), GICv3 one for all. */
void gic_sgi(vmm_machine *m, uint32_t from, uint32_t to, uint32_t intid)
{
    vmm_gic_cpu *c = gic_cpu(m, to);
    uint32_t bit = 1u << intid;
    if (gic_of(m)->version == 2) {
        bool queues = c->sgi_from[intid] && !(c->sgi_from[intid] >> from & 1);
        c->sgi_from[intid] |= (uint8_t)(1u << from);
        if (queues)
            trace_note(m, VMM_EV_PENDING, intid, to);
    }
    if (!(c->local.latched & bit))
        gic_latch(m, to, 0, bit);
}

/* ---- the highest priority pending interrupt ---- */

static uint32_t forwarded(const vmm_gic *g, const vmm_gic_bank *b)
{
    return (g->groups & 1u << VMM_GIC_G0 ? ~b->group & ~b->modifier : 0)
         | (g->groups & 1u << VMM_GIC_G1 ? b->group : 0)
         | (g->groups & 1u << VMM_GIC_G1S ? ~b->group & b->modifier : 0);
}

static bool is_first_participant(const vmm_gic *g, uint32_t cpu, uint32_t cls)
{
    for (uint32_t i = 0; i < cpu; i++)
        if (!g->cpu[i].asleep && g->cpu[i].groups >> cls & 1)
            return false;
    return !g->cpu[cpu].asleep && g->cpu[cpu].groups >> cls & 1;
}

static uint32_t reaches_any(const vmm_gic *g, uint32_t cpu, uint32_t spi_bank, uint32_t bits)
{
    const vmm_gic_bank *b = &g->spi[spi_bank];
    uint32_t mine = 0;
    for (bits &= g->anyone[spi_bank]; bits; bits &= bits - 1) {
        uint32_t n = (uint32_t)__builtin_ctz(bits);
        if (is_first_participant(g, cpu, gic_class(b, n)))
            mine |= 1u << n;
    }
    return mine;
}

static void consider(vmm_gic_cpu *c, const vmm_gic_bank *b, uint32_t first, uint32_t bits)
{
    for (; bits; bits &= bits - 1) {
        uint32_t n = (uint32_t)__builtin_ctz(bits);
        if (c->best != VMM_GIC_NONE && b->priority[n] >= c->best_priority)
            continue;
        c->best = first + n;
        c->best_priority = b->priority[n];
        c->best_class = gic_class(b, n);
    }
}

static void find_best(vmm_gic *g, uint32_t cpu)
{
    vmm_gic_cpu *c = &g->cpu[cpu];
    c->best = VMM_GIC_NONE;
    if (c->local.ready)
        consider(c, &c->local, 0, c->local.ready & forwarded(g, &c->local));
    for (uint32_t busy = g->busy; busy; busy &= busy - 1) {
        uint32_t i = (uint32_t)__builtin_ctz(busy);
        vmm_gic_bank *b = &g->spi[i];
        uint32_t bits = b->ready & forwarded(g, b);
        bool only = g->version == 2 && g->cpus == 1; /* whatever its targets say (IHI0048B 4.3.12) */
        consider(c, b, 32 + 32 * i, only ? bits : bits & (c->reached[i] | reaches_any(g, cpu, i, bits)));
    }
    bool lpi_counts = c->lpi != VMM_GIC_NONE && g->groups & 1u << VMM_GIC_G1;
    if (lpi_counts && (c->best == VMM_GIC_NONE || c->lpi_priority < c->best_priority)) {
        c->best = c->lpi;
        c->best_priority = c->lpi_priority;
        c->best_class = VMM_GIC_G1;
    }
}

/* ---- signalling ---- */

/* The bits of a priority that preempt; group 1 on its own binary point has one more (IHI0048B 3.3.3, IHI0069 4.8.2). */
static uint32_t group_priority_mask(const vmm_gic_cpu *c, uint32_t cls)
{
    if (cls == VMM_GIC_G0 || c->cbpr[cls])
        return 0xffu << (c->bpr[VMM_GIC_G0] + 1);
    return 0xffu << (cls == VMM_GIC_G1 ? c->bpr[cls] : c->bpr[cls] + 1);
}

static uint32_t active_levels(const vmm_gic_cpu *c)
{
    return c->apr[VMM_GIC_G0] | c->apr[VMM_GIC_G1] | c->apr[VMM_GIC_G1S];
}

/* Priority, or GIC_IDLE. */
static uint32_t running_priority(const vmm_gic_cpu *c)
{
    uint32_t levels = active_levels(c);
    return levels ? (uint32_t)__builtin_ctz(levels) << (8 - GIC_PRIORITY_BITS) : GIC_IDLE;
}

/* Strictly above the mask, and in a group priority strictly above the running one (IHI0048B 3.3.1-2, IHI0069 4.8). */
bool gic_can_take(const vmm_gic_cpu *c)
{
    return c->best != VMM_GIC_NONE && !c->asleep && c->groups >> c->best_class & 1 && c->best_priority < c->pmr
       && (c->best_priority & group_priority_mask(c, c->best_class)) < running_priority(c);
}

/* IHI0048B 4.4.1 (FIQEn); IHI0069 4.6.2: group 0 is a FIQ, and group 1 too where it is not the present state's own. */
static bool is_fiq(const vmm_gic *g, const vmm_gic_cpu *c, uint32_t cls)
{
    if (g->version == 2)
        return cls == VMM_GIC_G0 && c->ctlr & GICC_FIQ_EN;
    if (cls == VMM_GIC_G0)
        return true;
    if (!g->two_states)
        return false;
    return cls == VMM_GIC_G1S ? c->nonsecure || c->el3 : !c->nonsecure;
}

static bool best_is_fiq(const vmm_gic *g, const vmm_gic_cpu *c)
{
    return is_fiq(g, c, c->best_class);
}

bool gic_may_interrupt(const vmm_gic *g, const vmm_gic_cpu *c)
{
    bool any = false;
    for (uint32_t cls = VMM_GIC_G0; cls <= VMM_GIC_G1S; cls++)
        any |= (g->groups & c->groups) >> cls & 1 && !is_fiq(g, c, cls);
    return any && !c->asleep && c->pmr && running_priority(c);
}

static void drive(vmm_machine *m, uint32_t cpu, uint8_t output)
{
    gic_cpu(m, cpu)->output = output;
    if (cpu >= m->vcpu_count)
        return;
    const gic_processor *processor = m->vcpus[cpu]->arch->processor;
    processor->inputs(m->vcpus[cpu], output & 1, output >> 1);
}

void gic_refresh(vmm_machine *m, uint32_t cpu)
{
    vmm_gic *g = gic_of(m);
    vmm_gic_cpu *c = &g->cpu[cpu];
    find_best(g, cpu);
    uint8_t withdrawn = c->withdrawn && gic_may_interrupt(g, c);
    uint8_t output = !gic_can_take(c) ? withdrawn : best_is_fiq(g, c) ? 2 : 1;
    if (output != c->output)
        drive(m, cpu, output);
}

void gic_refresh_all(vmm_machine *m)
{
    const vmm_gic *g = gic_of(m);
    for (uint32_t cpu = 0; cpu < g->cpus; cpu++)
        gic_refresh(m, cpu);
}

void gic_bank_changed(vmm_machine *m, uint32_t cpu, uint32_t bank)
{
    vmm_gic_bank *b = gic_bank(m, cpu, bank);
    b->ready = gic_pending(b) & b->enabled & ~b->active;
    if (!bank) {
        gic_refresh(m, cpu);
        return;
    }
    vmm_gic *g = gic_of(m);
    uint32_t bit = 1u << (bank - 1);
    g->busy = b->ready ? g->busy | bit : g->busy & ~bit;
    gic_refresh_all(m);
}

irq_request gic_best(vmm_machine *m, uint32_t cpu, bool fiq)
{
    const vmm_gic *g = gic_of(m);
    const vmm_gic_cpu *c = &g->cpu[cpu];
    if (cpu >= g->cpus || !gic_can_take(c) || best_is_fiq(g, c) != fiq)
        return (irq_request){.vector = VMM_GIC_NONE, .source = VMM_SRC_SPURIOUS, .raised = insns_so_far(m)};
    if (c->best >= VMM_GIC_FIRST_LPI)
        return (irq_request){.vector = c->best, .source = VMM_SRC_LPI, .raised = gic_lpi_raised(m, c->best)};
    const vmm_gic_bank *b = gic_bank(m, cpu, c->best / 32);
    irq_request a = {.vector = c->best, .source = VMM_SRC_LINE, .raised = b->raised[c->best % 32]};
    if (c->best < GIC_SGIS) {
        a.source = VMM_SRC_SGI;
        a.pin = (uint8_t)gic_sgi_source(c, c->best);
    } else if (c->best < 32) {
        a.source = VMM_SRC_PPI;
        a.pin = (uint8_t)c->best;
    } else {
        a.pin = (uint8_t)(c->best - 32);
    }
    return a;
}

/* ---- acknowledge ---- */

/* Takes the best interrupt out of pending; the CPU an SGI came from (GICv2), else 0. */
static uint32_t take(vmm_machine *m, uint32_t cpu)
{
    vmm_gic_cpu *c = gic_cpu(m, cpu);
    if (c->best >= VMM_GIC_FIRST_LPI) { /* an LPI is never active (IHI0069 4.1.2) */
        gic_lpi_taken(m, cpu);
        return 0;
    }
    vmm_gic_bank *b = gic_bank(m, cpu, c->best / 32);
    uint32_t n = c->best % 32, bit = 1u << n, source = 0;
    b->active |= bit;
    b->latched &= ~bit;
    if (gic_of(m)->version == 2 && c->best < GIC_SGIS) {
        source = gic_sgi_source(c, n);
        c->sgi_from[n] &= (uint8_t)(c->sgi_from[n] - 1);
        b->latched |= c->sgi_from[n] ? bit : 0;
    }
    if (gic_pending(b) & bit)
        b->raised[n] = insns_so_far(m);
    return source;
}

uint32_t gic_acknowledge(vmm_machine *m, uint32_t cpu, uint32_t classes)
{
    vmm_gic_cpu *c = gic_cpu(m, cpu);
    gic_forget_withdrawn(m, cpu);
    if (!gic_can_take(c) || !(classes >> c->best_class & 1)) {
        trace_note(m, VMM_EV_SPURIOUS, VMM_GIC_NONE, cpu);
        return VMM_GIC_NONE;
    }
    uint32_t intid = c->best, cls = c->best_class;
    uint32_t level = (c->best_priority & group_priority_mask(c, cls)) >> (8 - GIC_PRIORITY_BITS);
    uint32_t source = take(m, cpu);
    c->apr[cls] |= 1u << level;
    c->holder[level] = intid | source << 24;
    bool stays = intid < GIC_INTIDS && gic_pending(gic_bank(m, cpu, intid / 32)) >> intid % 32 & 1;
    trace_note_request(m, VMM_EV_ACKNOWLEDGED, intid, source, stays ? VMM_REQUEST_STAYS : 0);
    if (intid < GIC_INTIDS)
        gic_bank_changed(m, cpu, intid / 32);
    else
        gic_refresh(m, cpu);
    if (intid < 32 && c->until_served >> intid & 1)
        vmm_gic_set_ppi(m, cpu, intid, 0);
    return intid | source << 10;
}

/* ---- end of interrupt ---- */

/* The active priority that an interrupt's end drops: its own, else the running one if software set that; -1: none. */
static int level_held(const vmm_gic_cpu *c, uint32_t intid)
{
    uint32_t active = active_levels(c);
    for (uint32_t levels = active; levels; levels &= levels - 1) {
        int level = __builtin_ctz(levels);
        if (c->holder[level] != GIC_UNKNOWN_HOLDER && (c->holder[level] & 0xffffff) == intid)
            return level;
    }
    return active && c->holder[__builtin_ctz(active)] == GIC_UNKNOWN_HOLDER ? __builtin_ctz(active) : -1;
}

/* The group that a level is active in, among `classes`; -1: in another. */
static int class_of_level(const vmm_gic_cpu *c, int level, uint32_t classes)
{
    for (int cls = VMM_GIC_G0; cls <= VMM_GIC_G1S; cls++)
        if (classes >> cls & 1 && c->apr[cls] >> level & 1)
            return cls;
    return -1;
}

static void make_inactive(vmm_machine *m, uint32_t cpu, uint32_t intid, uint32_t classes)
{
    if (intid >= GIC_INTIDS)
        return;
    vmm_gic_bank *b = gic_bank(m, cpu, intid / 32);
    if (!(classes >> gic_class(b, intid % 32) & 1))
        return;
    b->active &= ~(1u << intid % 32);
    gic_bank_changed(m, cpu, intid / 32);
}

static bool is_special(uint32_t intid)
{
    return intid >= GIC_FIRST_SPECIAL && intid <= VMM_GIC_NONE;
}

void gic_end(vmm_machine *m, uint32_t cpu, uint32_t intid, uint32_t source, uint32_t classes, bool deactivate)
{
    vmm_gic_cpu *c = gic_cpu(m, cpu);
    if (is_special(intid))
        return;
    int level = level_held(c, intid), cls;
    if (level < 0 || (cls = class_of_level(c, level, classes)) < 0) {
        vmm_guest_error(m, level < 0 ? VMM_GE_EOI_NOTHING : VMM_GE_EOI_ORDER, intid);
        return;
    }
    bool known = c->holder[level] != GIC_UNKNOWN_HOLDER;
    if (level != __builtin_ctz(active_levels(c)) || (known && c->holder[level] >> 24 != source))
        vmm_guest_error(m, VMM_GE_EOI_ORDER, intid);
    c->apr[cls] &= ~(1u << level);
    trace_note(m, VMM_EV_ENDED, intid, deactivate ? VMM_END_DROPPED | VMM_END_DEACTIVATED : VMM_END_DROPPED);
    if (deactivate)
        make_inactive(m, cpu, intid, classes);
    gic_refresh(m, cpu);
}

void gic_deactivate(vmm_machine *m, uint32_t cpu, uint32_t intid, uint32_t classes)
{
    if (is_special(intid))
        return;
    if (intid >= GIC_INTIDS || !(gic_bank(m, cpu, intid / 32)->active >> intid % 32 & 1)) {
        vmm_guest_error(m, VMM_GE_DEACTIVATE, intid);
        return;
    }
    trace_note(m, VMM_EV_ENDED, intid, VMM_END_DEACTIVATED);
    make_inactive(m, cpu, intid, classes);
}

/* ---- registers of the CPU interface that both versions have ---- */

void gic_set_active_priorities(vmm_machine *m, uint32_t cpu, uint8_t cls, uint32_t levels)
{
    vmm_gic_cpu *c = gic_cpu(m, cpu);
    for (uint32_t fresh = levels & ~active_levels(c); fresh; fresh &= fresh - 1)
        c->holder[__builtin_ctz(fresh)] = GIC_UNKNOWN_HOLDER;
    c->apr[cls] = levels;
    gic_refresh(m, cpu);
}

/* With CBPR, group 1 shows group 0's point: Non-secure one more, saturated (IHI0048B 4.4.3, IHI0069 ICC_BPR1). */
uint8_t gic_bpr_shown(const vmm_gic_cpu *c, uint8_t cls)
{
    uint8_t common = c->bpr[VMM_GIC_G0];
    if (!c->cbpr[cls])
        return c->bpr[cls];
    return cls == VMM_GIC_G1 && common < 7 ? common + 1 : common;
}

void gic_set_own_bpr(vmm_machine *m, uint32_t cpu, uint8_t cls, uint64_t value)
{
    uint8_t lowest = cls == VMM_GIC_G1 ? GIC_LOWEST_BPR1 : GIC_LOWEST_BPR0, point = value & 7;
    gic_cpu(m, cpu)->bpr[cls] = point < lowest ? lowest : point;
    gic_refresh(m, cpu);
}

void gic_set_bpr(vmm_machine *m, uint32_t cpu, uint8_t cls, uint64_t value)
{
    if (!gic_cpu(m, cpu)->cbpr[cls])
        gic_set_own_bpr(m, cpu, cls, value);
}

uint8_t gic_pmr_shown(const vmm_gic_cpu *c, bool halved)
{
    return halved && !(c->pmr & 0x80) ? 0 : gic_priority_shown(c->pmr, halved);
}

/* A mask in the Secure half is not Non-secure software's to change (IHI0048B 4.4.2, IHI0069 4.8.1). */
void gic_set_pmr(vmm_machine *m, uint32_t cpu, uint64_t value, bool halved)
{
    vmm_gic_cpu *c = gic_cpu(m, cpu);
    if (halved && !(c->pmr & 0x80))
        return;
    c->pmr = gic_priority_meant(value, halved);
    gic_refresh(m, cpu);
}

uint8_t gic_running_shown(const vmm_gic_cpu *c, bool halved)
{
    uint32_t running = running_priority(c);
    if (running == GIC_IDLE)
        return 0xff;
    return halved && running < 0x80 ? 0 : gic_priority_shown((uint8_t)running, halved);
}

uint32_t vmm_gic_running(vmm_machine *m, uint32_t cpu)
{
    return gic_has(m, cpu) ? gic_running_shown(gic_cpu(m, cpu), false) : 0xff;
}

uint32_t vmm_gic_output(vmm_machine *m, uint32_t cpu)
{
    return gic_has(m, cpu) ? gic_cpu(m, cpu)->output : 0;
}

/* ---- begin and reset ---- */

vmm_gic *vmm_gic_of(vmm_machine *m)
{
    return controller_state(m, GIC_ROW);
}

uint32_t vmm_gic_version(const vmm_machine *m)
{
    const vmm_gic *g = gic_of(m);
    return g ? g->version : 0;
}

void vmm_gic_reset(vmm_machine *m)
{
    vmm_gic *g = gic_of(m), old = *g;
    *g = (vmm_gic){.version = old.version, .cpus = old.cpus, .two_states = old.two_states,
                   .raz_targets = old.raz_targets};
    for (uint32_t i = 0; i < VMM_GIC_SPI_BANKS; i++)
        g->spi[i].line = old.spi[i].line;
    for (uint32_t i = 0; i < g->cpus; i++) {
        vmm_gic_cpu *c = &g->cpu[i];
        c->nonsecure = old.cpu[i].nonsecure;
        c->el3 = old.cpu[i].el3;
        c->local.line = old.cpu[i].local.line;
        c->local.edge = 0xffff;
        c->local.enabled = g->version == 2 ? 0xffff : 0; /* GICv2: SGIs always are, as in GIC-400 */
        c->bpr[VMM_GIC_G0] = c->bpr[VMM_GIC_G1S] = GIC_LOWEST_BPR0;
        c->bpr[VMM_GIC_G1] = GIC_LOWEST_BPR1;
        c->asleep = g->version == 3;
        c->lpi = VMM_GIC_NONE;
        memset(c->reached, g->version == 3 && i == 0 ? 0xff : 0, sizeof c->reached); /* affinity 0.0.0.0 */
    }
    for (uint32_t i = 0; i < g->cpus; i++) {
        gic_bank_changed(m, i, 0);
        drive(m, i, g->cpu[i].output);
    }
}

int vmm_gic_init(vmm_machine *m, uint32_t version, uint32_t cpus, int two_states)
{
    if (version != 2 && version != 3)
        return fail(m, "no GIC version %u: 2 and 3 are known", version);
    if (!cpus || cpus > VMM_GIC_CPUS)
        return fail(m, "a GIC for %u vCPUs: 1 to %d are possible", cpus, VMM_GIC_CPUS);
    vmm_gic *g = vmm_gic_of(m);
    if (!g)
        return -1;
    *g = (vmm_gic){.version = (uint8_t)version, .cpus = (uint8_t)cpus, .two_states = two_states != 0};
    vmm_gic_reset(m);
    return 0;
}

void vmm_gic_state(vmm_machine *m, uint32_t cpu, int nonsecure, int el3)
{
    if (!gic_has(m, cpu))
        return;
    vmm_gic_cpu *c = gic_cpu(m, cpu);
    c->nonsecure = nonsecure != 0;
    c->el3 = el3 != 0;
    gic_refresh(m, cpu);
}

/* ---- as lines reach it ---- */

static uint32_t spi_intid(const vmm_machine *m, uint32_t spi)
{
    (void)m;
    return 32 + spi;
}

const line_end gic_spis = {vmm_gic_set_spi, spi_enabled, spi_intid, .ended_by_pin = false};

/* ---- two states of it ---- */

static bool bank_alike(const vmm_gic_bank *a, const vmm_gic_bank *b)
{
    return memcmp(a, b, offsetof(vmm_gic_bank, raised)) == 0;
}

static bool cpu_alike(const vmm_gic_cpu *a, const vmm_gic_cpu *b)
{
    enum { LOCAL = offsetof(vmm_gic_cpu, local), REST = offsetof(vmm_gic_cpu, until_served) };
    return memcmp(a, b, LOCAL) == 0 && bank_alike(&a->local, &b->local)
        && memcmp((const char *)a + REST, (const char *)b + REST, sizeof *a - REST) == 0;
}

bool gic_alike(const void *a, const void *b)
{
    enum { BANKS = offsetof(vmm_gic, spi), ROUTES = offsetof(vmm_gic, router), TIMES = offsetof(vmm_gic, lpi_raised) };
    const vmm_gic *one = a, *other = b;
    bool same = memcmp(a, b, BANKS) == 0 && memcmp((const char *)a + ROUTES, (const char *)b + ROUTES, TIMES - ROUTES) == 0;
    for (uint32_t bank = 0; same && bank < VMM_GIC_SPI_BANKS; bank++)
        same = bank_alike(&one->spi[bank], &other->spi[bank]);
    for (uint32_t cpu = 0; same && cpu < VMM_GIC_CPUS; cpu++)
        same = cpu_alike(&one->cpu[cpu], &other->cpu[cpu]);
    return same;
}
