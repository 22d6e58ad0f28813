/*
 * A third architecture and a third controller, by the seams that x86, ARM and their controllers have. This file is linked
 * with native/core alone: it stands in for Unicorn, too, by a processor whose every instruction is a step to the next.
 *
 * Prints the trace of a run, an event a line: kind, instructions begun, number, pc; then the same run again from a snapshot.
 */
#include <stdio.h>
#include <stdlib.h>

#include "core/boundary.h"
#include "core/clock.h"
#include "core/engine.h"
#include "core/trace.h"
#include "core/vcpu.h"
#include "unicorn/uc.h"
#include "unicorn/uc_accesses.h"
#include "unicorn/uc_blocks.h"
#include "unicorn/uc_pages.h"
#include "unicorn/uc_plt.h"
#include "unicorn/uc_rescue.h"

enum { FIRST_VECTOR = 0x40, HANDLERS = 0x1000, PIN = 5, LINE = 3, END_OF_INTERRUPT = 0 };

/* ---- the controller: eight pins that latch edges, the lowest first; a write of its register ends the one in service ---- */

typedef struct {
    uint8_t pending, in_service;
} toy_controller;

static void set_pin(vmm_machine *m, uint32_t pin, int level)
{
    toy_controller *c = controller_state(m, 1);
    if (!level)
        return;
    c->pending |= (uint8_t)(1 << pin);
    trace_note(m, VMM_EV_PENDING, pin, 0);
    m->vcpus[0]->pending |= VMM_PEND_INTR;
    vcpu_rearm(m->vcpus[0]);
}

static uint32_t acknowledge(vmm_machine *m)
{
    toy_controller *c = controller_state(m, 1);
    uint32_t pin = (uint32_t)__builtin_ctz(c->pending);
    c->in_service |= (uint8_t)(1 << pin);
    c->pending &= (uint8_t)~(1 << pin);
    return pin;
}

static uint64_t read_register(vmm_machine *m, uint32_t cpu, const vmm_range *range, uint64_t offset, uint32_t size)
{
    (void)cpu, (void)range, (void)offset, (void)size;
    return ((toy_controller *)controller_state(m, 1))->in_service;
}

static void write_register(vmm_machine *m, uint32_t cpu, const vmm_range *range, uint64_t offset, uint32_t size, uint64_t value)
{
    (void)cpu, (void)range, (void)size, (void)value;
    toy_controller *c = controller_state(m, 1);
    if (offset == END_OF_INTERRUPT && c->in_service) {
        trace_note(m, VMM_EV_ENDED, (uint32_t)__builtin_ctz(c->in_service), 0);
        c->in_service = 0;
    }
}

static uint32_t vector_of(const vmm_machine *m, uint32_t pin)
{
    (void)m;
    return FIRST_VECTOR + pin;
}

static const line_end PINS = {set_pin, NULL, vector_of, false};
static const range_owner REGISTER = {read_register, write_register};
static const struct vmm_controller CONTROLLERS[] = {
    {"machine", 0, NULL, NULL, {{0}}, {{0}}, NULL},
    {"toy", sizeof(toy_controller), NULL, NULL, {{"toy pins", &PINS}}, {{"toy register", &REGISTER}}, NULL},
};

/* ---- the architecture: an instruction at each address; a handler's second ends the interrupt, its third returns ---- */

typedef struct {
    uint64_t pc, interrupted;
} toy_cpu;

static toy_cpu *toy_of(const vmm_vcpu *v)
{
    return (toy_cpu *)(uintptr_t)v->state;
}

static uint64_t toy_pc(vmm_vcpu *v)
{
    return toy_of(v)->pc;
}

static void take_interrupt(vmm_vcpu *v)
{
    toy_cpu *cpu = toy_of(v);
    uint32_t pin = acknowledge(v->machine), vector = vector_of(v->machine, pin);
    vmm_event event = {.kind = VMM_EV_DELIVERED, .number = vector, .pc = cpu->pc, .source = VMM_SRC_LINE, .source_pin = (uint8_t)pin};
    v->pending &= ~(uint32_t)VMM_PEND_INTR;
    cpu->interrupted = cpu->pc;
    cpu->pc = HANDLERS + 0x100 * vector;
    trace_emit(v, &event);
}

static bool toy_boundary(vmm_vcpu *v)
{
    v->machine->current = v;
    clock_expire(v->machine);
    bool go = !must_stop(v) && keeps_turn(v);
    if (go && v->pending & VMM_PEND_INTR)
        take_interrupt(v);
    if (v->pending & VMM_PEND_STOP)
        vcpu_leave(v);
    vcpu_rearm(v);
    return go;
}

static void step(vmm_vcpu *v)
{
    toy_cpu *cpu = toy_of(v);
    v->recent[v->count++ & (VMM_RECENT - 1)] = cpu->pc;
    if (cpu->pc >= HANDLERS && (cpu->pc & 0xff) == 1)
        REGISTER.write(v->machine, v->index, NULL, END_OF_INTERRUPT, 1, 0);
    cpu->pc = cpu->pc >= HANDLERS && (cpu->pc & 0xff) == 2 ? cpu->interrupted : cpu->pc + 1;
}

static bool awake(vmm_vcpu *v)
{
    return v->pending & VMM_PEND_INTR;
}

static void nothing(vmm_vcpu *v)
{
    (void)v;
}

static size_t no_state(const vmm_vcpu *v)
{
    (void)v;
    return 0;
}

static void save(const vmm_vcpu *v, void *state)
{
    (void)v, (void)state;
}

static void restore(vmm_vcpu *v, const void *state)
{
    (void)v, (void)state;
}

static const struct vmm_arch TOY = {
    .boundary = toy_boundary, .wakes = awake, .can_wake = awake, .start_address = toy_pc, .pc = toy_pc,
    .interrupts_changed = nothing, .watch_masks = nothing, .state_bytes = sizeof(toy_cpu), .dynamic_bytes = sizeof(toy_cpu),
    .state_size = no_state, .save = save, .restore = restore,
};

/* ---- in Unicorn's place ---- */

static int execute(void *engine, uint64_t begin, uint64_t until, uint64_t timeout, size_t count)
{
    (void)begin, (void)until, (void)timeout, (void)count;
    vmm_vcpu *v = engine;
    while (v->count < v->attention_at || toy_boundary(v))
        step(v);
    return 0;
}

static int fine(void *engine)
{
    (void)engine;
    return 0;
}

static int controlled(void *engine, int control, ...)
{
    (void)engine, (void)control;
    return 0;
}

uc_calls uc = {.emu_start = execute, .emu_stop = fine, .close = fine, .ctl = controlled};
_Thread_local vmm_vcpu *uc_executing;

static void forget(void *engine, uint64_t from, uint64_t to)
{
    (void)engine, (void)from, (void)to;
}

bool uc_tell_accesses(vmm_vcpu *v, size_t *hook, void *callback, void *user)
{
    (void)v, (void)hook, (void)callback, (void)user;
    return true;
}

void uc_tell_accesses_no_more(vmm_vcpu *v, size_t *hook)
{
    (void)v, (void)hook;
}

bool uc_pages_attach(vmm_vcpu *v)
{
    v->make_clean = v->drop_code = forget;
    return true;
}

void uc_pages_drop_code(vmm_vcpu *v, uint64_t offset, uint64_t end)
{
    (void)v, (void)offset, (void)end;
}

void uc_blocks_opening(bool ours)
{
    (void)ours;
}

void uc_block_forget(vmm_block *b)
{
    (void)b;
}

bool uc_blocks_attach(vmm_vcpu *v)
{
    (void)v;
    return false;
}

void uc_blocks_free(vmm_vcpu *v)
{
    (void)v;
}

bool uc_gives_up(vmm_vcpu *v, uint64_t begin, int *error)
{
    *error = uc.emu_start(v->uc, begin, 0, 0, 0);
    return false;
}

/* ---- a run ---- */

static void show(const vmm_machine *m, uint64_t from)
{
    for (; from < m->trace.emitted; from++) {
        const vmm_event *e = &m->trace.ring[from & (m->trace.capacity - 1)];
        printf("%d %llu %#x %#llx\n", e->kind, (unsigned long long)e->count, e->number, (unsigned long long)e->pc);
    }
    printf("%#llx %#llx\n", (unsigned long long)toy_of(m->vcpus[0])->pc, (unsigned long long)m->trace.hash);
}

int main(void)
{
    vmm_machine *m = machine_new(CONTROLLERS, 2);
    vmm_vcpu *v = m && vmm_map_ram(m, 0, 1 << 20) == 0 ? vcpu_new(m, &TOY) : NULL;
    int pins = v ? vmm_line_end(m, "toy pins") : -1;
    if (pins < 0 || vmm_line_end(m, "pic") >= 0 || vmm_range_owner(m, "toy register") < 0)
        return 1;
    v->uc = v;
    if (vcpu_ready(v))
        return 1;
    m->lines[LINE].sink[0] = (uint8_t)pins;
    m->lines[LINE].pin[0] = PIN;
    m->timers[0] = (vmm_timer){.line = LINE, .toggles = 1, .hz_num = 1000000000, .hz_den = 1, .tick = 50};
    vmm_timer_wave(m, 0);
    vmm_run(m, 3);
    vmm_snapshot *taken = vmm_snapshot_take(m);
    if (!taken)
        return 1;
    for (int again = 0; again < 2; again++) {
        uint64_t from = m->trace.emitted;
        vmm_run(m, 9);
        show(m, from);
        if (vmm_snapshot_restore(m, taken))
            return 1;
    }
    vmm_snapshot_free(taken);
    vmm_free(m);
    return 0;
}
