/*
 * Interrupt and exception delivery: Intel SDM vol. 3A 6.10-6.14 and 20.1.4, in the order of the pseudo-code of
 * "INT n/INTO/INT3/INT1" in vol. 2A. A delivery either happens whole or raises a fault and has changed nothing.
 */
#include <string.h>

#include "core/clock.h"
#include "core/compare.h"
#include "core/nest.h"
#include "core/trace.h"
#include "x86/transaction.h"
#include "x86/x86.h"

enum { LEVEL_VM = 4 }; /* beside the CPL, in what is noted of a handler */
enum { ERROR_EXT = 1, ERROR_IDT = 2, DR7_GD = 1 << 13 };
enum { GATE_TASK = 5, GATE_INT16 = 6, GATE_TRAP16 = 7, GATE_INT32 = 14, GATE_TRAP32 = 15 };

typedef struct {
    uint32_t selector;
    uint64_t offset;
    unsigned type, dpl, ist;
    bool present, size32; /* size32: D, a 32-bit frame; 64-bit in long mode */
} gate;

/* A stack being filled top down before anything of the vCPU changes. */
typedef struct {
    uint64_t base, pointer, mask;
    uint32_t limit, flags;
    unsigned width; /* bytes of one slot */
    bool checked;   /* protected mode: the limit counts */
    bool has_error; /* the last slot is an error code */
} stack;

static bool is_software(const x86_event *e)
{
    return e->kind == EVENT_SOFTWARE;
}

/* EXT tells the handler that the program did not ask for it (SDM 6.13). */
static uint32_t ext_of(const x86_event *e)
{
    return is_software(e) ? 0 : ERROR_EXT;
}

/* ---- the frame ---- */

static bool inside(const stack *s, uint64_t offset, unsigned size)
{
    uint64_t last = offset + size - 1;
    if (!s->checked)
        return true;
    if (!(s->flags & DESC_CODE) && s->flags & DESC_EXPAND_DOWN)
        return offset > s->limit && last <= (s->flags & DESC_B ? 0xffffffffu : 0xffffu);
    return last <= s->limit;
}

static bool room_for(const stack *s, unsigned slots)
{
    for (unsigned i = 1; i <= slots; i++)
        if (!inside(s, (s->pointer - i * s->width) & s->mask, s->width))
            return false;
    return true;
}

/* The first slot, from the top as the processor pushes, that cannot be written: its address is what CR2 tells. */
static x86_fault first_bad_slot(vmm_vcpu *v, const stack *s, unsigned count, x86_fault otherwise)
{
    for (unsigned i = 1; i <= count; i++) {
        x86_fault fault = x86_check_store(v, s->base + ((s->pointer - i * s->width) & s->mask), s->width);
        if (fault.raised)
            return fault;
    }
    return otherwise;
}

static void note_frame(vmm_vcpu *v, uint64_t at, const uint8_t *bytes, unsigned size, const stack *s)
{
    vmm_frame frame = {.at = at, .size = (uint8_t)size, .width = (uint8_t)s->width, .has_error = s->has_error};
    memcpy(frame.bytes, bytes, size);
    compare_pushed(v, &frame);
}

/* In one store, so that a fault leaves nothing half-pushed; slot by slot only where the stack wraps round. */
static x86_fault push_all(vmm_vcpu *v, stack *s, const uint64_t *values, unsigned count)
{
    uint8_t frame[10 * 8];
    unsigned size = count * s->width;
    uint64_t pointer = (s->pointer - size) & s->mask;
    for (unsigned i = 0; i < count; i++)
        memcpy(frame + size - (i + 1) * s->width, &values[i], s->width);
    bool wraps = pointer > ((pointer + size - 1) & s->mask);
    unsigned part = wraps ? s->width : size;
    for (unsigned done = 0; done < size; done += part) {
        x86_fault fault = x86_store(v, s->base + ((pointer + done) & s->mask), frame + done, part);
        if (fault.raised)
            return first_bad_slot(v, s, count, fault);
    }
    if (unlikely(compares(v)))
        note_frame(v, s->base + pointer, frame, size, s);
    s->pointer = pointer;
    return x86_no_fault();
}

static void set_stack_pointer(vmm_vcpu *v, const stack *s)
{
    uint64_t *sp = &env_of(v)->regs[R_SP];
    *sp = (*sp & ~s->mask) | s->pointer;
}

static uint64_t saved_flags(const x86_event *e)
{
    return e->fault ? e->flags | FL_RF : e->flags;
}

static void enter(vmm_vcpu *v, uint64_t clear, uint64_t rip)
{
    env_of(v)->eflags &= ~clear;
    x86_set_pc(v, rip);
}

/* ---- real mode ---- */

static x86_fault deliver_real(vmm_vcpu *v, const x86_event *e)
{
    x86_env *env = env_of(v);
    if (e->vector * 4u + 3 > env->idt.limit)
        return (x86_fault){.raised = true, .vector = X86_GP};
    uint16_t target[2];
    x86_fault fault = x86_load(v, env->idt.base + e->vector * 4u, target, sizeof target);
    if (fault.raised)
        return fault;
    stack s = {.base = env->segs[VMM_SS].base, .pointer = env->regs[R_SP] & 0xffff, .mask = 0xffff, .limit = 0xffff,
               .width = 2, .checked = true};
    if (!room_for(&s, 3))
        return (x86_fault){.raised = true, .vector = X86_SS};
    const uint64_t frame[3] = {saved_flags(e), env->segs[VMM_CS].selector, e->rip};
    fault = push_all(v, &s, frame, 3);
    if (fault.raised)
        return fault;
    set_stack_pointer(v, &s);
    x86_seg *cs = &env->segs[VMM_CS];
    x86_load_segment(v, VMM_CS, target[1], (uint64_t)target[1] << 4, cs->limit, cs->flags);
    enter(v, FL_IF | FL_TF | FL_RF | FL_AC, target[0]);
    return x86_no_fault();
}

/* ---- gates ---- */

static bool known_type(unsigned type, bool long_mode)
{
    if (type == GATE_INT32 || type == GATE_TRAP32)
        return true;
    return !long_mode && (type == GATE_TASK || type == GATE_INT16 || type == GATE_TRAP16);
}

static x86_fault read_gate(vmm_vcpu *v, const x86_event *e, gate *g)
{
    x86_env *env = env_of(v);
    bool long_mode = x86_long_mode(v);
    uint32_t size = long_mode ? 16 : 8, raw[4] = {0};
    uint32_t error = e->vector * 8u | ERROR_IDT | ext_of(e);
    if (e->vector * size + size - 1 > env->idt.limit)
        return x86_fault_code(X86_GP, error);
    x86_fault fault = x86_load(v, env->idt.base + e->vector * size, raw, size);
    if (fault.raised)
        return fault;
    *g = (gate){
        .selector = raw[0] >> 16,
        .offset = (raw[0] & 0xffff) | (raw[1] & 0xffff0000) | (uint64_t)raw[2] << 32,
        .type = raw[1] >> 8 & 31, /* with the S bit, which must be 0 */
        .dpl = desc_dpl(raw[1]),
        .ist = long_mode ? raw[1] & 7 : 0,
        .present = raw[1] & DESC_P,
    };
    g->size32 = g->type & 8;
    if (!g->size32)
        g->offset &= 0xffff;
    if (!known_type(g->type, long_mode) || (is_software(e) && g->dpl < (env->hflags & HF_CPL)))
        return x86_fault_code(X86_GP, error);
    if (!g->present)
        return x86_fault_code(X86_NP, error);
    return x86_no_fault();
}

typedef struct {
    uint32_t descriptor[2];
    unsigned dpl;
    bool inner; /* a more privileged ring: the stack is switched */
} code_target;

static x86_fault check_code(vmm_vcpu *v, const gate *g, uint32_t ext, code_target *t)
{
    x86_env *env = env_of(v);
    uint64_t address;
    uint32_t error = (g->selector & 0xfffc) | ext;
    unsigned cpl = env->hflags & HF_CPL;
    if (!(g->selector & 0xfffc))
        return x86_fault_code(X86_GP, ext);
    x86_fault fault = x86_descriptor(v, g->selector, t->descriptor, &address, X86_GP, ext);
    if (fault.raised)
        return fault;
    uint32_t high = t->descriptor[1];
    t->dpl = desc_dpl(high);
    bool is_code = high & DESC_S && high & DESC_CODE;
    bool width_wrong = x86_long_mode(v) && (!(high & DESC_L) || high & DESC_B);
    if (!is_code || t->dpl > cpl || width_wrong)
        return x86_fault_code(X86_GP, error);
    if (!(high & DESC_P))
        return x86_fault_code(X86_NP, error);
    t->inner = !(high & DESC_CONFORMING) && t->dpl < cpl;
    if (env->eflags & FL_VM && (!t->inner || t->dpl != 0))
        return x86_fault_code(X86_GP, error);
    return x86_no_fault();
}

static uint64_t flags_to_clear(const gate *g)
{
    uint64_t always = FL_TF | FL_NT | FL_RF | FL_VM;
    return g->type & 1 ? always : always | FL_IF;
}

/* ---- protected mode ---- */

static stack stack_of(const x86_seg *ss, uint64_t pointer, unsigned width)
{
    uint64_t mask = ss->flags & DESC_B ? 0xffffffffu : 0xffff;
    return (stack){.base = ss->base, .pointer = pointer & mask, .mask = mask, .limit = ss->limit, .flags = ss->flags,
                   .width = width, .checked = true};
}

/* SSn:ESPn of the current TSS, with every check of the pseudo-code on the new SS. */
x86_fault x86_inner_stack(vmm_vcpu *v, unsigned dpl, uint32_t ext, x86_seg *ss, uint64_t *esp)
{
    x86_env *env = env_of(v);
    bool tss32 = desc_type(env->tr.flags) & 8;
    uint32_t at = tss32 ? dpl * 8 + 4 : dpl * 4 + 2, size = tss32 ? 6 : 4;
    if (at + size - 1 > env->tr.limit)
        return x86_fault_code(X86_TS, (env->tr.selector & 0xfffc) | ext);
    uint8_t raw[6] = {0};
    x86_fault fault = x86_load(v, env->tr.base + at, raw, size);
    if (fault.raised)
        return fault;
    uint32_t pointer = 0;
    uint16_t selector;
    memcpy(&pointer, raw, tss32 ? 4 : 2);
    memcpy(&selector, raw + (tss32 ? 4 : 2), 2);
    uint32_t error = (selector & 0xfffc) | ext, d[2];
    uint64_t address;
    if (!(selector & 0xfffc))
        return x86_fault_code(X86_TS, ext);
    fault = x86_descriptor(v, selector, d, &address, X86_TS, ext);
    if (fault.raised)
        return fault;
    bool writable_data = d[1] & DESC_S && !(d[1] & DESC_CODE) && d[1] & DESC_RW;
    if ((selector & 3) != dpl || desc_dpl(d[1]) != dpl || !writable_data)
        return x86_fault_code(X86_TS, error);
    if (!(d[1] & DESC_P))
        return x86_fault_code(X86_SS, error);
    *ss = (x86_seg){selector, x86_descriptor_base(d), x86_descriptor_limit(d), d[1]};
    *esp = pointer;
    return x86_no_fault();
}

static void load_null_data_segments(vmm_vcpu *v)
{
    static const int DATA[] = {VMM_ES, VMM_DS, VMM_FS, VMM_GS};
    for (int i = 0; i < 4; i++)
        x86_load_segment(v, DATA[i], 0, 0, 0, 0);
}

static x86_fault deliver_protected(vmm_vcpu *v, const x86_event *e)
{
    x86_env *env = env_of(v);
    uint32_t ext = ext_of(e);
    gate g;
    code_target t;
    x86_fault fault = read_gate(v, e, &g);
    if (fault.raised)
        return fault;
    if (g.type == GATE_TASK)
        return x86_task_switch(v, g.selector, e, ext, TASK_CALL);
    fault = check_code(v, &g, ext, &t);
    if (fault.raised)
        return fault;

    unsigned width = g.size32 ? 4 : 2, count = 0;
    uint64_t flags = saved_flags(e), frame[10];
    x86_seg ss = env->segs[VMM_SS];
    uint64_t esp = env->regs[R_SP];
    if (t.inner) {
        fault = x86_inner_stack(v, t.dpl, ext, &ss, &esp);
        if (fault.raised)
            return fault;
        if (flags & FL_VM) {
            static const int SAVED[] = {VMM_GS, VMM_FS, VMM_DS, VMM_ES};
            for (int i = 0; i < 4; i++)
                frame[count++] = env->segs[SAVED[i]].selector;
        }
        frame[count++] = env->segs[VMM_SS].selector;
        frame[count++] = env->regs[R_SP];
    }
    frame[count++] = flags;
    frame[count++] = env->segs[VMM_CS].selector;
    frame[count++] = e->rip;
    if (e->has_error)
        frame[count++] = e->error;

    stack s = stack_of(&ss, esp, width);
    s.has_error = e->has_error;
    if (!room_for(&s, count))
        return x86_fault_code(X86_SS, t.inner ? (ss.selector & 0xfffc) | ext : ext);
    if (g.offset > x86_descriptor_limit(t.descriptor))
        return x86_fault_code(X86_GP, ext);
    uint32_t outer = env->hflags;
    if (t.inner)
        env->hflags &= ~(uint32_t)HF_CPL;
    fault = push_all(v, &s, frame, count);
    env->hflags = outer;
    if (fault.raised)
        return fault;

    uint64_t clear = flags_to_clear(&g);
    if (flags & FL_VM) {
        env->eflags &= ~(uint64_t)FL_VM;
        load_null_data_segments(v);
    }
    if (t.inner) {
        x86_load_segment(v, VMM_SS, ss.selector, ss.base, ss.limit, ss.flags);
        env->regs[R_SP] = esp;
    }
    set_stack_pointer(v, &s);
    unsigned cpl = t.inner ? t.dpl : outer & HF_CPL;
    x86_load_descriptor(v, VMM_CS, (g.selector & 0xfffc) | cpl, t.descriptor);
    enter(v, clear, g.offset);
    return x86_no_fault();
}

/* ---- long mode ---- */

/* SDM 6.14.4-5: IST if the gate names one, else RSPn on a privilege change, else the stack as it is; then aligned. */
static x86_fault long_stack(vmm_vcpu *v, const gate *g, const code_target *t, uint32_t ext, uint64_t *rsp)
{
    x86_env *env = env_of(v);
    *rsp = env->regs[R_SP];
    if (g->ist || t->inner) {
        uint32_t at = g->ist ? 36 + 8 * (g->ist - 1) : 4 + 8 * t->dpl;
        if (at + 7 > env->tr.limit)
            return x86_fault_code(X86_TS, (env->tr.selector & 0xfffc) | ext);
        x86_fault fault = x86_load(v, env->tr.base + at, rsp, 8);
        if (fault.raised)
            return fault;
    }
    if (!x86_canonical(v, *rsp))
        return x86_fault_code(X86_SS, ext);
    *rsp &= ~15ull;
    return x86_no_fault();
}

static x86_fault deliver_long(vmm_vcpu *v, const x86_event *e)
{
    x86_env *env = env_of(v);
    uint32_t ext = ext_of(e);
    gate g;
    code_target t;
    uint64_t rsp;
    x86_fault fault = read_gate(v, e, &g);
    if (fault.raised)
        return fault;
    fault = check_code(v, &g, ext, &t);
    if (fault.raised)
        return fault;
    fault = long_stack(v, &g, &t, ext, &rsp);
    if (fault.raised)
        return fault;
    if (!x86_canonical(v, g.offset))
        return x86_fault_code(X86_GP, ext);

    uint64_t frame[6] = {env->segs[VMM_SS].selector, env->regs[R_SP], saved_flags(e), env->segs[VMM_CS].selector,
                      e->rip, e->error};
    stack s = {.pointer = rsp, .mask = ~0ull, .width = 8, .has_error = e->has_error};
    unsigned count = e->has_error ? 6 : 5;
    if (!x86_canonical(v, rsp - 8 * count))
        return x86_fault_code(X86_SS, ext);
    fault = push_all(v, &s, frame, count);
    if (fault.raised)
        return fault;

    unsigned cpl = t.inner ? t.dpl : env->hflags & HF_CPL;
    if (t.inner) /* SDM 6.14.4: SS is forced to NULL with the new CPL as its RPL */
        x86_load_segment(v, VMM_SS, cpl, 0, 0, DESC_P | DESC_S | DESC_RW | DESC_ACCESSED | DESC_B | DESC_G | cpl << 13);
    env->regs[R_SP] = s.pointer;
    x86_load_descriptor(v, VMM_CS, (g.selector & 0xfffc) | cpl, t.descriptor);
    enter(v, flags_to_clear(&g), g.offset);
    return x86_no_fault();
}

static x86_fault deliver_once(vmm_vcpu *v, const x86_event *e)
{
    if (!(env_of(v)->cr[0] & CR0_PE))
        return deliver_real(v, e);
    return x86_long_mode(v) ? deliver_long(v, e) : deliver_protected(v, e);
}

/* ---- faults of the delivery itself ---- */

typedef enum { BENIGN, CONTRIBUTORY, PAGE_FAULT, DOUBLE_FAULT } fault_class;

/* SDM vol. 3A table 6-4; an external or software interrupt is benign whatever its vector. */
static fault_class class_of(uint8_t vector, uint8_t kind)
{
    if (kind != EVENT_EXCEPTION)
        return BENIGN;
    switch (vector) {
    case X86_DE: case X86_TS: case X86_NP: case X86_SS: case X86_GP:
        return CONTRIBUTORY;
    case X86_PF:
        return PAGE_FAULT;
    case X86_DF:
        return DOUBLE_FAULT;
    }
    return BENIGN;
}

/* SDM vol. 3A table 6-5. */
static bool becomes_double(fault_class first, fault_class second)
{
    return (first == CONTRIBUTORY && second == CONTRIBUTORY)
        || (first == PAGE_FAULT && (second == CONTRIBUTORY || second == PAGE_FAULT));
}

static void record(vmm_vcpu *v, const x86_event *e)
{
    vmm_x86 *x = x86_of(v);
    if (x->chain_length < VMM_CHAIN)
        x->chain[x->chain_length++] = (vmm_fault){e->vector, e->has_error, e->source, e->error, e->rip};
}

typedef struct { /* what was interrupted */
    uint64_t pc;
    uint32_t flags;
    uint32_t base; /* of CS */
    uint16_t cs;
    uint8_t cpl;
} origin;

static void announce(vmm_vcpu *v, const x86_event *e, const origin *from)
{
    x86_env *env = env_of(v);
    bool requested = e->kind == EVENT_EXTERNAL || e->kind == EVENT_NMI;
    uint64_t latency = requested ? machine_insns(v->machine) - e->raised : 0;
    vmm_event event = {
        .kind = VMM_EV_DELIVERED, .number = e->vector, .source = e->source, .source_pin = e->pin, .error = e->error,
        .has_error = e->has_error, .pc = from->pc, .base = from->base, .cs = from->cs, .cpl = from->cpl,
        .flags = from->flags, .ss = (uint16_t)env->segs[VMM_SS].selector, .sp = env->regs[R_SP],
        .value = e->vector == X86_PF && e->kind == EVENT_EXCEPTION ? env->cr[2] : latency, .code = vmm_x86_linear_pc(v),
    };
    trace_emit(v, &event);
    stat_delivered(v, e->vector, e->source, e->pin, latency);
}

static void shut_down(vmm_vcpu *v)
{
    v->shutdown = 1;
    vcpu_request_stop(v, VMM_STOP_SHUTDOWN, 0, vmm_x86_linear_pc(v));
}

/* SDM vol. 1 16.3.8.2: a transaction's own exceptions are dropped; interrupts come at its fallback. */
static bool outlives_transaction(vmm_vcpu *v, x86_event *e)
{
    enum { STATUS_DEBUG = 16 };
    bool own = e->kind == EVENT_EXCEPTION || e->kind == EVENT_SOFTWARE;
    bool debug = own && (e->vector == X86_DB || e->vector == X86_BP);
    x86_abort(v, debug ? STATUS_DEBUG : 0, own ? VMM_TX_EXCEPTION : VMM_TX_INTERRUPT);
    e->rip = e->fault_rip = env_of(v)->eip;
    return !own;
}

void x86_deliver(vmm_vcpu *v, x86_event *e)
{
    x86_env *env = env_of(v);
    if (x86_transacting(v) && !outlives_transaction(v, e))
        return;
    uint64_t flags = e->flags = x86_flags(v), sp = env->regs[R_SP];
    origin from = {.flags = (uint32_t)flags, .base = env->hflags & HF_CS64 ? 0 : (uint32_t)env->segs[VMM_CS].base,
                   .cs = (uint16_t)env->segs[VMM_CS].selector, .cpl = env->hflags & HF_CPL};
    x86_of(v)->iret_at = 0; /* one that faults has not returned */
    x86_of(v)->chain_length = 0;
    tail_of(v)->old_exception = -1; /* Unicorn's own double-fault logic never forgets; ours is below */
    env->hflags &= ~(uint32_t)HF_INH;
    if (unlikely(compares(v)))
        compare_interrupted(v);
    for (;;) {
        from.pc = e->rip;
        x86_fault fault = deliver_once(v, e);
        if (!fault.raised) {
            v->event_count = v->count;
            if (e->vector == X86_DB && e->kind == EVENT_EXCEPTION)
                tail_of(v)->dr[7] &= ~(uint64_t)DR7_GD; /* SDM 17.2.4 */
            v->halted = 0;
            nest_enter(v, &(vmm_handler){.pc = from.base + from.pc, .sp = sp, .number = e->vector, .source = e->source,
                                         .pin = e->pin, .level = from.cpl | (flags & FL_VM ? LEVEL_VM : 0)});
            announce(v, e, &from);
            return;
        }
        record(v, e);
        if (fault.in_new_task) { /* SDM 7.3: the fault belongs to the new task, as if its first instruction had raised it */
            e->kind = EVENT_EXTERNAL;
            e->fault_rip = env->eip;
        }
        fault_class first = class_of(e->vector, e->kind), second = class_of(fault.vector, EVENT_EXCEPTION);
        uint8_t next = becomes_double(first, second) ? X86_DF : fault.vector;
        trace_note(v->machine, VMM_EV_FAULT_CHAIN, e->vector, next);
        if (first == DOUBLE_FAULT) {
            record(v, &(x86_event){.vector = fault.vector, .has_error = fault.has_error, .error = fault.error,
                                   .source = VMM_SRC_EXCEPTION, .rip = e->fault_rip});
            shut_down(v);
            return;
        }
        bool pushes_error = fault.has_error && env->cr[0] & CR0_PE;
        *e = (x86_event){.flags = fault.in_new_task ? x86_flags(v) : flags, .vector = next, .kind = EVENT_EXCEPTION,
                         .source = VMM_SRC_EXCEPTION, .rip = e->fault_rip, .fault_rip = e->fault_rip,
                         .has_error = pushes_error || (next == X86_DF && env->cr[0] & CR0_PE),
                         .error = next == X86_DF ? 0 : fault.error, .fault = next != X86_DF};
    }
}
