/*
 * RETF and IRET to protected and long mode (Intel SDM vol. 2A IRET, vol. 2B RET), in the order of their pseudo-code. Unicorn
 * pops as ring 0 whatever the ring, takes VM from any image, and looks at no limit and at no canonical form: what it does
 * wrong comes here. Task returns and returns to virtual-8086 mode do not.
 */
#include "api/vmm_registers.h"
#include "x86/x86.h"

enum { DR6_BS = 1 << 14, FL_ALL_16 = 0x4dd5 /* CF PF AF ZF SF TF DF OF NT */, FL_ID = 1 << 21 };

typedef struct {
    vmm_vcpu *v;
    uint64_t pointer, mask;
    unsigned width;
    x86_fault fault; /* the first */
} popper;

static uint64_t stack_mask(const vmm_vcpu *v)
{
    if (env_of(v)->hflags & HF_CS64)
        return ~0ull;
    return env_of(v)->segs[VMM_SS].flags & DESC_B ? 0xffffffff : 0xffff;
}

static uint64_t pop(popper *p)
{
    const x86_seg *ss = &env_of(p->v)->segs[VMM_SS];
    bool flat = env_of(p->v)->hflags & HF_CS64;
    uint64_t value = 0, offset = p->pointer & p->mask, linear = flat ? offset : (uint32_t)(ss->base + offset);
    if (p->fault.raised)
        return 0;
    p->fault = x86_program_load(p->v, linear, &value, p->width);
    if (p->fault.raised && p->fault.vector == X86_GP) /* not canonical, through SS */
        p->fault.vector = X86_SS;
    p->pointer += p->width;
    return value;
}

static x86_fault check_code(vmm_vcpu *v, uint32_t selector, uint32_t d[2])
{
    uint64_t address;
    uint32_t error = selector & 0xfffc;
    unsigned rpl = selector & 3;
    if (!error)
        return x86_fault_code(X86_GP, 0);
    x86_fault fault = x86_descriptor(v, selector, d, &address, X86_GP, 0);
    if (fault.raised)
        return fault;
    bool is_code = d[1] & DESC_S && d[1] & DESC_CODE, both_sizes = x86_long_mode(v) && d[1] & DESC_L && d[1] & DESC_B;
    bool level = d[1] & DESC_CONFORMING ? desc_dpl(d[1]) <= rpl : desc_dpl(d[1]) == rpl;
    if (!is_code || rpl < (env_of(v)->hflags & HF_CPL) || !level || both_sizes)
        return x86_fault_code(X86_GP, error);
    return d[1] & DESC_P ? x86_no_fault() : x86_fault_code(X86_NP, error);
}

static bool to_64bit(const vmm_vcpu *v, const uint32_t code[2])
{
    return x86_long_mode(v) && code[1] & DESC_L;
}

/* `d`: of the new SS; a null one is for 64-bit code in the inner rings alone. */
static x86_fault check_stack(vmm_vcpu *v, uint32_t selector, unsigned rpl, const uint32_t code[2], uint32_t d[2])
{
    uint64_t address;
    uint32_t error = selector & 0xfffc;
    if (!error) {
        d[0] = 0xffff;
        d[1] = DESC_P | DESC_S | DESC_RW | DESC_ACCESSED | DESC_B | DESC_G | 0xf0000 | rpl << 13;
        return to_64bit(v, code) && rpl != 3 ? x86_no_fault() : x86_fault_code(X86_GP, 0);
    }
    x86_fault fault = x86_descriptor(v, selector, d, &address, X86_GP, 0);
    if (fault.raised)
        return fault;
    bool writable_data = d[1] & DESC_S && !(d[1] & DESC_CODE) && d[1] & DESC_RW;
    if ((selector & 3) != rpl || !writable_data || desc_dpl(d[1]) != rpl)
        return x86_fault_code(X86_GP, error);
    return d[1] & DESC_P ? x86_no_fault() : x86_fault_code(X86_SS, error);
}

static x86_fault check_target(vmm_vcpu *v, uint64_t rip, const uint32_t code[2])
{
    bool inside = to_64bit(v, code) ? x86_canonical(v, rip) : rip <= x86_descriptor_limit(code);
    return inside ? x86_no_fault() : x86_fault_code(X86_GP, 0);
}

/* SDM vol. 2B RET: what the outer ring may not have becomes null; bases of FS and GS stay, as in vol. 3A 5.8.1. */
static void drop_inner_segments(vmm_vcpu *v, unsigned cpl)
{
    static const int DATA[] = {VMM_ES, VMM_DS, VMM_FS, VMM_GS};
    for (int i = 0; i < 4; i++) {
        const x86_seg *s = &env_of(v)->segs[DATA[i]];
        bool conforming = s->flags & DESC_CODE && s->flags & DESC_CONFORMING;
        if (s->selector & 0xfffc && desc_dpl(s->flags) < cpl && !conforming)
            x86_load_segment(v, DATA[i], 0, DATA[i] >= VMM_FS ? s->base : 0, 0, 0);
    }
}

static void set_flags(vmm_vcpu *v, uint64_t image, unsigned width, unsigned cpl)
{
    uint64_t now = x86_flags(v), mask = FL_ALL_16;
    if (width > 2)
        mask |= FL_RF | FL_AC | FL_ID;
    if (cpl <= (now & FL_IOPL) >> 12)
        mask |= FL_IF;
    if (cpl == 0)
        mask |= FL_IOPL;
    x86_set_register(v, UC_X86_REG_EFLAGS, (now & ~mask) | (image & mask));
}

typedef struct {
    bool iret;
    unsigned width, released; /* bytes of a slot; of parameters, which RETF imm16 drops from both stacks */
} far_return;

static x86_fault perform(vmm_vcpu *v, const far_return *r)
{
    x86_env *env = env_of(v);
    popper p = {.v = v, .pointer = env->regs[R_SP], .mask = stack_mask(v), .width = r->width};
    unsigned cpl = env->hflags & HF_CPL;
    uint64_t rip = pop(&p), image = 0, sp = 0, mask = p.mask;
    uint32_t cs = (uint16_t)pop(&p), ss = 0, code[2], data[2];
    if (r->iret)
        image = pop(&p);
    if (p.fault.raised)
        return p.fault;
    x86_fault fault = check_code(v, cs, code);
    if (fault.raised)
        return fault;
    unsigned rpl = cs & 3;
    bool pops_stack = rpl > cpl || (r->iret && env->hflags & HF_CS64);
    p.pointer += r->released;
    if (pops_stack) {
        sp = pop(&p);
        ss = (uint16_t)pop(&p);
        fault = p.fault.raised ? p.fault : check_stack(v, ss, rpl, code, data);
    }
    if (!fault.raised)
        fault = check_target(v, rip, code);
    if (fault.raised)
        return fault;

    x86_load_descriptor(v, VMM_CS, cs, code);
    if (pops_stack) {
        x86_load_descriptor(v, VMM_SS, ss, data);
        mask = stack_mask(v);
        p.pointer = sp + r->released;
    }
    if (rpl > cpl)
        drop_inner_segments(v, rpl);
    env->regs[R_SP] = (env->regs[R_SP] & ~mask) | (p.pointer & mask);
    env->eip = rip;
    if (r->iret)
        set_flags(v, image, r->width, cpl);
    return x86_no_fault();
}

/* SDM vol. 2A IRET "RETURN-FROM-VIRTUAL-8086-MODE", which stays there; IOPL is 3, or it had faulted. */
static x86_fault perform_in_virtual_8086_mode(vmm_vcpu *v, const far_return *r)
{
    x86_env *env = env_of(v);
    x86_seg *cs = &env->segs[VMM_CS];
    popper p = {.v = v, .pointer = env->regs[R_SP], .mask = stack_mask(v), .width = r->width};
    uint64_t rip = pop(&p);
    uint32_t selector = (uint16_t)pop(&p);
    uint64_t image = pop(&p);
    if (!p.fault.raised && rip > cs->limit)
        return x86_fault_code(X86_GP, 0);
    if (p.fault.raised)
        return p.fault;
    x86_load_segment(v, VMM_CS, selector, (uint64_t)selector << 4, cs->limit, cs->flags);
    env->regs[R_SP] = (env->regs[R_SP] & ~p.mask) | (p.pointer & p.mask);
    env->eip = rip;
    set_flags(v, image, r->width, 3);
    return x86_no_fault();
}

static void finish(vmm_vcpu *v, const far_return *r)
{
    x86_env *env = env_of(v);
    uint64_t before = v->flags_before;
    x86_fault fault = env->eflags & FL_VM ? perform_in_virtual_8086_mode(v, r) : perform(v, r);
    if (r->iret) {
        env->hflags2 &= ~(uint32_t)HF2_NMI; /* SDM 6.7.1: even one that faults */
        x86_note_masks(v);
    }
    if (fault.raised) {
        x86_raise(v, fault.vector, true, fault.error, env->eip);
        return;
    }
    env->hflags &= ~(uint32_t)HF_INH;
    if (!r->iret)
        env->eflags &= ~(uint64_t)FL_RF;
    if (before & FL_TF)
        x86_trap_pending(v, DR6_BS);
}

void x86_retf(vmm_vcpu *v, const x86_insn *insn)
{
    enum { RETF_IMM16 = 0xca };
    unsigned released = insn->opcode == RETF_IMM16 ? insn->modrm | insn->sib << 8 : 0;
    finish(v, &(far_return){.width = x86_operand_size(v, insn), .released = released});
}

/* What Unicorn would do wrong and cannot be mended afterwards: it pops as ring 0, and clears the bases of FS and GS. */
bool x86_iret_is_ours(const vmm_vcpu *v)
{
    const x86_env *env = env_of(v);
    const x86_seg *fs = &env->segs[VMM_FS], *gs = &env->segs[VMM_GS];
    if (!(env->cr[0] & CR0_PE))
        return false;
    if (env->eflags & FL_VM)
        return (env->eflags & FL_IOPL) == FL_IOPL;
    if (x86_long_mode(v) && ((fs->selector & 0xfffc && fs->base) || (gs->selector & 0xfffc && gs->base)))
        return true;
    return env->hflags & HF_CPL && (x86_long_mode(v) || !(env->eflags & FL_NT));
}

void x86_iret(vmm_vcpu *v, const x86_insn *insn)
{
    if (env_of(v)->eflags & FL_NT && !(env_of(v)->eflags & FL_VM)) /* SDM vol. 2A IRET: there are no nested tasks in IA-32e mode */
        x86_general_protection(v);
    else
        finish(v, &(far_return){.iret = true, .width = x86_operand_size(v, insn)});
}

/*
 * In real-address and virtual-8086 mode Unicorn's RETF has written EIP by the time it loads CS. Where that load calls back,
 * EIP is the instruction's again, and would stay so.
 */
void x86_goes_on(vmm_vcpu *v)
{
    enum { RETF_IMM16 = 0xca };
    x86_env *env = env_of(v);
    x86_insn insn;
    bool protected = env->cr[0] & CR0_PE && !(env->eflags & FL_VM);
    if (protected || !x86_decode(v, vcpu_here(v), &insn) || insn.map || (insn.opcode & ~1) != RETF_IMM16)
        return;
    uint64_t ip = 0, offset = env->regs[R_SP] & stack_mask(v);
    uint64_t width = x86_operand_size(v, &insn);
    if (vmm_x86_read(v, (uint32_t)(env->segs[VMM_SS].base + offset), &ip, width) == width)
        env->eip = ip;
}
