/*
 * Far CALL and far JMP in protected and long mode, to code and through call gates (Intel SDM vol. 2A CALL and JMP, in the
 * order of their pseudo-code). Unicorn pushes as ring 0 whatever the ring, and errs in some vectors, error codes and limits.
 * Task switches stay Unicorn's.
 */
#include <string.h>

#include "x86/x86.h"

enum { DR6_BS = 1 << 14, MOST_PARAMETERS = 31 };
enum { TSS16 = 1, CALL_GATE16 = 4, TASK_GATE = 5, TSS32 = 9, CALL_GATE32 = 12 };
enum { CALL_IMMEDIATE = 0x9a, JMP_IMMEDIATE = 0xea, DIGIT_CALL = 3 };

typedef struct {
    bool call;
    unsigned width; /* bytes of the offset, and of a slot unless a gate says otherwise */
    uint32_t selector;
    uint64_t offset, next;
} far_branch;

typedef struct {
    uint32_t selector, d[2];
    uint64_t offset;
    unsigned width, parameters;
} target;

/* ---- where it goes ---- */

static bool both_sizes(const vmm_vcpu *v, uint32_t high)
{
    return x86_long_mode(v) && high & DESC_L && high & DESC_B;
}

static bool is_code(uint32_t high)
{
    return high & DESC_S && high & DESC_CODE;
}

static bool same_level(const vmm_vcpu *v, uint32_t high)
{
    unsigned cpl = env_of(v)->hflags & HF_CPL;
    return high & DESC_CONFORMING ? desc_dpl(high) <= cpl : desc_dpl(high) == cpl;
}

static x86_fault check_code(vmm_vcpu *v, const target *t)
{
    bool rpl_fits = t->d[1] & DESC_CONFORMING || (t->selector & 3) <= (env_of(v)->hflags & HF_CPL);
    if (!is_code(t->d[1]) || !same_level(v, t->d[1]) || !rpl_fits || both_sizes(v, t->d[1]))
        return x86_fault_code(X86_GP, t->selector & 0xfffc);
    return t->d[1] & DESC_P ? x86_no_fault() : x86_fault_code(X86_NP, t->selector & 0xfffc);
}

static x86_fault read_gate(vmm_vcpu *v, const far_branch *b, const uint32_t low[2], target *t)
{
    uint32_t upper[2], error = b->selector & 0xfffc;
    uint64_t address;
    bool long_mode = x86_long_mode(v), wide = desc_type(low[1]) == CALL_GATE32;
    if (desc_dpl(low[1]) < (env_of(v)->hflags & HF_CPL) || desc_dpl(low[1]) < (b->selector & 3))
        return x86_fault_code(X86_GP, error);
    if (!(low[1] & DESC_P))
        return x86_fault_code(X86_NP, error);
    t->selector = low[0] >> 16;
    t->offset = (low[0] & 0xffff) | (wide ? low[1] & 0xffff0000 : 0);
    t->width = long_mode ? 8 : wide ? 4 : 2;
    t->parameters = long_mode ? 0 : low[1] & MOST_PARAMETERS;
    if (!long_mode)
        return x86_no_fault();
    x86_fault fault = x86_descriptor(v, b->selector + 8, upper, &address, X86_GP, 0);
    if (fault.raised)
        return fault.vector == X86_GP ? x86_fault_code(X86_GP, error) : fault;
    t->offset |= (uint64_t)upper[0] << 32;
    return upper[1] & 0x1f00 ? x86_fault_code(X86_GP, error) : x86_no_fault();
}

static x86_fault check_code_of_gate(vmm_vcpu *v, const far_branch *b, target *t)
{
    uint64_t address;
    uint32_t error = t->selector & 0xfffc;
    if (!error)
        return x86_fault_code(X86_GP, 0);
    x86_fault fault = x86_descriptor(v, t->selector, t->d, &address, X86_GP, 0);
    if (fault.raised)
        return fault;
    uint32_t high = t->d[1];
    bool reachable = b->call ? desc_dpl(high) <= (env_of(v)->hflags & HF_CPL) : same_level(v, high);
    bool width_wrong = x86_long_mode(v) && (!(high & DESC_L) || high & DESC_B);
    if (!is_code(high) || !reachable || width_wrong)
        return x86_fault_code(X86_GP, error);
    return high & DESC_P ? x86_no_fault() : x86_fault_code(X86_NP, error);
}

static x86_fault check_offset(vmm_vcpu *v, const target *t)
{
    bool code64 = x86_long_mode(v) && t->d[1] & DESC_L;
    bool inside = code64 ? x86_canonical(v, t->offset) : t->offset <= x86_descriptor_limit(t->d);
    return inside ? x86_no_fault() : x86_fault_code(X86_GP, 0);
}

/* ---- the stack ---- */

typedef struct {
    x86_seg ss;
    uint64_t pointer, mask;
    bool flat, program; /* program: pushed with the rights of the ring that calls, not by the switch to an inner one */
    unsigned width;
} stack;

static uint64_t linear_at(const stack *s, uint64_t offset)
{
    return s->flat ? offset & s->mask : (uint32_t)(s->ss.base + (offset & s->mask));
}

static uint64_t mask_of(const x86_seg *ss, bool flat)
{
    return flat ? ~0ull : ss->flags & DESC_B ? 0xffffffff : 0xffff;
}

static stack present_stack(const vmm_vcpu *v, unsigned width)
{
    const x86_env *env = env_of(v);
    bool flat = env->hflags & HF_CS64 || width == 8;
    const x86_seg *ss = &env->segs[VMM_SS];
    return (stack){*ss, env->regs[R_SP], mask_of(ss, flat), flat, true, width};
}

static x86_fault push(vmm_vcpu *v, stack *s, uint64_t value)
{
    uint64_t pointer = s->pointer - s->width;
    uint64_t linear = linear_at(s, pointer);
    x86_fault fault =
        s->program ? x86_program_store(v, linear, &value, s->width) : x86_store(v, linear, &value, s->width);
    if (fault.raised && fault.vector == X86_GP) /* not canonical, through SS */
        fault.vector = X86_SS;
    s->pointer = pointer;
    return fault;
}

static x86_fault push_return(vmm_vcpu *v, stack *s, uint64_t next)
{
    x86_fault fault = push(v, s, env_of(v)->segs[VMM_CS].selector);
    return fault.raised ? fault : push(v, s, next);
}

static x86_fault inner_stack(vmm_vcpu *v, const target *t, stack *s)
{
    x86_env *env = env_of(v);
    unsigned dpl = desc_dpl(t->d[1]);
    *s = (stack){.mask = ~0ull, .flat = true, .width = t->width};
    if (!x86_long_mode(v)) {
        x86_fault fault = x86_inner_stack(v, dpl, 0, &s->ss, &s->pointer);
        s->flat = false;
        s->mask = mask_of(&s->ss, false);
        return fault;
    }
    s->ss = (x86_seg){dpl, 0, 0, DESC_P | DESC_S | DESC_RW | DESC_ACCESSED | DESC_B | DESC_G | dpl << 13};
    if (4 + 8 * dpl + 7 > env->tr.limit)
        return x86_fault_code(X86_TS, env->tr.selector & 0xfffc);
    return x86_load(v, env->tr.base + 4 + 8 * dpl, &s->pointer, 8);
}

/* SS and SP of the caller, and as many parameters as the gate says, are copied to the inner stack. */
static x86_fault push_caller(vmm_vcpu *v, stack *s, unsigned parameters)
{
    stack outer = present_stack(v, s->width);
    uint64_t copied[MOST_PARAMETERS] = {0};
    x86_fault fault = x86_no_fault();
    for (unsigned i = 0; i < parameters && !fault.raised; i++)
        fault = x86_program_load(v, linear_at(&outer, outer.pointer + i * s->width), &copied[i], s->width);
    if (!fault.raised)
        fault = push(v, s, outer.ss.selector);
    if (!fault.raised)
        fault = push(v, s, outer.pointer);
    for (unsigned i = parameters; i-- > 0 && !fault.raised;)
        fault = push(v, s, copied[i]);
    return fault;
}

/* ---- the branch ---- */

static void enter(vmm_vcpu *v, const target *t, unsigned cpl)
{
    x86_load_descriptor(v, VMM_CS, (t->selector & 0xfffc) | cpl, t->d);
    env_of(v)->eip = t->offset;
}

static x86_fault to_inner(vmm_vcpu *v, const far_branch *b, const target *t)
{
    x86_env *env = env_of(v);
    stack s;
    x86_fault fault = inner_stack(v, t, &s);
    if (!fault.raised)
        fault = check_offset(v, t);
    if (!fault.raised)
        fault = push_caller(v, &s, t->parameters);
    if (!fault.raised)
        fault = push_return(v, &s, b->next);
    if (fault.raised)
        return fault;
    x86_load_segment(v, VMM_SS, s.ss.selector, s.ss.base, s.ss.limit, s.ss.flags);
    env->regs[R_SP] = s.flat ? s.pointer : (env->regs[R_SP] & ~s.mask) | (s.pointer & s.mask);
    enter(v, t, desc_dpl(t->d[1]));
    return x86_no_fault();
}

static x86_fault to_same(vmm_vcpu *v, const far_branch *b, const target *t)
{
    x86_env *env = env_of(v);
    stack s = present_stack(v, t->width);
    x86_fault fault = check_offset(v, t);
    if (!fault.raised && b->call)
        fault = push_return(v, &s, b->next);
    if (fault.raised)
        return fault;
    env->regs[R_SP] = (env->regs[R_SP] & ~s.mask) | (s.pointer & s.mask);
    enter(v, t, env->hflags & HF_CPL);
    return x86_no_fault();
}

typedef enum { DONE, FAULT, NATIVE } outcome;

/* SDM vol. 3B 20.1.1: as in real-address mode, but within the rights of ring 3. */
static x86_fault in_virtual_8086_mode(vmm_vcpu *v, const far_branch *b)
{
    x86_env *env = env_of(v);
    x86_seg *cs = &env->segs[VMM_CS];
    stack s = present_stack(v, b->width);
    x86_fault fault = b->offset > cs->limit ? x86_fault_code(X86_GP, 0) : x86_no_fault();
    if (!fault.raised && b->call)
        fault = push_return(v, &s, b->next);
    if (fault.raised)
        return fault;
    env->regs[R_SP] = (env->regs[R_SP] & ~s.mask) | (s.pointer & s.mask);
    x86_load_segment(v, VMM_CS, b->selector, (uint64_t)b->selector << 4, cs->limit, cs->flags);
    env->eip = b->offset;
    return x86_no_fault();
}

static outcome perform(vmm_vcpu *v, const far_branch *b, x86_fault *fault)
{
    if (env_of(v)->eflags & FL_VM) {
        *fault = in_virtual_8086_mode(v, b);
        return fault->raised ? FAULT : DONE;
    }
    target t = {.selector = b->selector, .offset = b->offset, .width = b->width};
    uint64_t address;
    *fault = x86_fault_code(X86_GP, b->selector & 0xfffc);
    if (!(b->selector & 0xfffc))
        return FAULT;
    *fault = x86_descriptor(v, b->selector, t.d, &address, X86_GP, 0);
    if (fault->raised)
        return FAULT;
    unsigned type = desc_type(t.d[1]);
    bool gate = !(t.d[1] & DESC_S), long_mode = x86_long_mode(v);
    if (gate && !long_mode && (type == TSS16 || type == TSS32 || type == TASK_GATE))
        return NATIVE;
    if (gate && type != CALL_GATE32 && (long_mode || type != CALL_GATE16))
        *fault = x86_fault_code(X86_GP, b->selector & 0xfffc);
    else if (gate)
        *fault = read_gate(v, b, (const uint32_t[2]){t.d[0], t.d[1]}, &t);
    if (!fault->raised)
        *fault = gate ? check_code_of_gate(v, b, &t) : check_code(v, &t);
    if (fault->raised)
        return FAULT;
    bool inner = b->call && gate && !(t.d[1] & DESC_CONFORMING) && desc_dpl(t.d[1]) < (env_of(v)->hflags & HF_CPL);
    *fault = inner ? to_inner(v, b, &t) : to_same(v, b, &t);
    return fault->raised ? FAULT : DONE;
}

/* ---- the instruction ---- */

static x86_fault read_pointer(vmm_vcpu *v, uint64_t linear, bool through_stack, far_branch *b)
{
    uint8_t bytes[10];
    x86_fault fault = x86_program_load(v, linear, bytes, b->width + 2);
    if (fault.raised && fault.vector == X86_GP && through_stack)
        fault.vector = X86_SS;
    if (fault.raised)
        return fault;
    memcpy(&b->offset, bytes, b->width);
    b->selector = (uint32_t)(bytes[b->width] | bytes[b->width + 1] << 8);
    return fault;
}

static x86_fault decode(vmm_vcpu *v, const x86_insn *insn, far_branch *b)
{
    x86_env *env = env_of(v);
    bool immediate = insn->opcode == CALL_IMMEDIATE || insn->opcode == JMP_IMMEDIATE;
    b->width = x86_operand_size(v, insn);
    b->call = insn->opcode == CALL_IMMEDIATE || (!immediate && (insn->modrm >> 3 & 7) == DIGIT_CALL);
    x86_operand operand = {.length = insn->length + b->width + 2};
    uint8_t bytes[16];
    x86_fault fault = x86_no_fault();
    if (!immediate) {
        operand = x86_memory_operand(v, insn);
        fault = read_pointer(v, operand.linear, operand.segment == VMM_SS, b);
    } else {
        vmm_x86_read(v, vmm_x86_linear_pc(v) + insn->length, bytes, b->width + 2);
        memcpy(&b->offset, bytes, b->width);
        b->selector = (uint32_t)(bytes[b->width] | bytes[b->width + 1] << 8);
    }
    b->next = env->eip + operand.length;
    return fault;
}

void x86_far_branch(vmm_vcpu *v, const x86_insn *insn)
{
    x86_env *env = env_of(v);
    far_branch b = {0};
    bool traps = env->eflags & FL_TF;
    if (insn->opcode == 0xff && insn->modrm >> 6 == 3) {
        x86_raise(v, X86_UD, false, 0, env->eip);
        return;
    }
    x86_fault fault = decode(v, insn, &b);
    outcome how = fault.raised ? FAULT : perform(v, &b, &fault);
    if (how == FAULT) {
        x86_raise(v, fault.vector, true, fault.error, env->eip);
    } else if (how == NATIVE) {
        env->hflags |= HF_NATIVE;
        x86_run_natively(v);
    } else {
        env->hflags &= ~(uint32_t)HF_INH;
        env->eflags &= ~(uint64_t)FL_RF;
        if (traps)
            x86_trap_pending(v, DR6_BS);
    }
}
