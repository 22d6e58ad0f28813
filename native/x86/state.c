/* Registers and segments of an x86 vCPU, kept consistent with Unicorn's derived flags. */
#include "unicorn/uc.h"
#include "x86/transaction.h"
#include "x86/x86.h"

uint64_t x86_register(vmm_vcpu *v, int uc_register)
{
    uint64_t value = 0;
    uc.reg_read(v->uc, uc_register, &value);
    return value;
}

uint64_t x86_flags(vmm_vcpu *v)
{
    return x86_register(v, UC_X86_REG_EFLAGS);
}

void x86_set_register(vmm_vcpu *v, int uc_register, uint64_t value)
{
    if (uc_register == UC_X86_REG_RIP)
        x86_set_pc(v, value);
    else
        uc.reg_write(v->uc, uc_register, &value);
}

/* Never by the public write, which would leave a stale flag behind; a code hook leaves translated code by itself. */
void x86_set_pc(vmm_vcpu *v, uint64_t rip)
{
    env_of(v)->eip = rip;
}

/* Unicorn's MSR calls run the guest's instruction, so our own intercept must look away meanwhile. */
static void msr_call(vmm_vcpu *v, uc_x86_msr *msr, bool write)
{
    uint64_t intercept = tail_of(v)->intercept;
    tail_of(v)->intercept = 0;
    if (write)
        uc.reg_write(v->uc, UC_X86_REG_MSR, msr);
    else
        uc.reg_read(v->uc, UC_X86_REG_MSR, msr);
    tail_of(v)->intercept = intercept;
}

uint64_t x86_msr_get(vmm_vcpu *v, uint32_t index)
{
    uc_x86_msr msr = {index, 0};
    msr_call(v, &msr, false);
    return msr.value;
}

void x86_msr_set(vmm_vcpu *v, uint32_t index, uint64_t value)
{
    uc_x86_msr msr = {index, value};
    msr_call(v, &msr, true);
}

uint32_t x86_descriptor_base(const uint32_t d[2])
{
    return d[0] >> 16 | (d[1] & 0xff) << 16 | (d[1] & 0xff000000);
}

uint32_t x86_descriptor_limit(const uint32_t d[2])
{
    uint32_t limit = (d[0] & 0xffff) | (d[1] & 0xf0000);
    return d[1] & DESC_G ? limit << 12 | 0xfff : limit;
}

void x86_load_descriptor(vmm_vcpu *v, int segment, uint32_t selector, const uint32_t d[2])
{
    x86_load_segment(v, segment, selector, x86_descriptor_base(d), x86_descriptor_limit(d), d[1]);
}

static void update_code_size(x86_env *env, uint32_t flags)
{
    if (env->hflags & HF_LMA && flags & DESC_L) {
        env->hflags |= HF_CS32 | HF_SS32 | HF_CS64;
        env->hflags &= ~(uint32_t)HF_ADDSEG;
        return;
    }
    env->hflags &= ~(uint32_t)(HF_CS32 | HF_CS64);
    if (flags & DESC_B)
        env->hflags |= HF_CS32;
}

/* Whether data accesses must add a base, and how wide the stack is. */
static void update_data_size(x86_env *env)
{
    uint32_t hflags = env->hflags & ~(uint32_t)(HF_SS32 | HF_ADDSEG);
    if (env->segs[VMM_SS].flags & DESC_B)
        hflags |= HF_SS32;
    bool flat_code = env->hflags & HF_CS64;
    bool selectors_are_paragraphs = !(env->cr[0] & CR0_PE) || env->eflags & FL_VM || !(env->hflags & HF_CS32);
    bool any_base = env->segs[VMM_DS].base | env->segs[VMM_ES].base | env->segs[VMM_SS].base;
    if (!flat_code && (selectors_are_paragraphs || any_base))
        hflags |= HF_ADDSEG;
    env->hflags = hflags;
}

void x86_load_segment(vmm_vcpu *v, int segment, uint32_t selector, uint64_t base, uint32_t limit, uint32_t flags)
{
    x86_env *env = env_of(v);
    bool code64 = segment == VMM_CS && env->hflags & HF_LMA && flags & DESC_L; /* where a base is none */
    env->segs[segment] = (x86_seg){selector, code64 ? 0 : base, limit, flags};
    if (segment == VMM_CS)
        update_code_size(env, flags);
    if (segment == VMM_SS)
        env->hflags = (env->hflags & ~(uint32_t)HF_CPL) | desc_dpl(flags);
    update_data_size(env);
}

x86_fault x86_descriptor(vmm_vcpu *v, uint32_t selector, uint32_t d[2], uint64_t *address, uint8_t vector, uint32_t ext)
{
    const x86_seg *table = selector & 4 ? &env_of(v)->ldt : &env_of(v)->gdt;
    uint32_t index = selector & 0xfff8;
    if (index + 7 > table->limit || (selector & 4 && !(table->selector & 0xfffc)))
        return x86_fault_code(vector, (selector & 0xfffc) | ext);
    *address = table->base + index;
    return x86_load(v, *address, d, 8);
}

/* SDM vol. 3A table 9-1: the state after RESET. */
void x86_reset(vmm_vcpu *v)
{
    enum { FLAGS_FIXED = 2, DATA16 = DESC_P | DESC_S | DESC_RW | DESC_ACCESSED, CODE16 = DATA16 | DESC_CODE, EFER = 0xc0000080 };
    x86_env *env = env_of(v);
    if (x86_transacting(v))
        x86_abort(v, 0, VMM_TX_INTERRUPT);
    x86_set_register(v, UC_X86_REG_CR0, 0x60000010); /* leaves long mode, which Unicorn starts in, by the front door */
    x86_msr_set(v, EFER, 0);
    env->efer = 0;
    x86_set_register(v, UC_X86_REG_CR4, 0);
    env->hflags &= HF_GUEST;
    env->hflags2 &= ~(uint32_t)HF2_NMI;
    x86_set_register(v, UC_X86_REG_CR0, 0x60000010);
    for (int i = 0; i < 16; i++)
        env->regs[i] = 0;
    for (int i = VMM_ES; i <= VMM_GS; i++)
        x86_load_segment(v, i, 0, 0, 0xffff, DATA16);
    x86_load_segment(v, VMM_CS, 0xf000, 0xffff0000, 0xffff, CODE16);
    env->ldt = (x86_seg){0, 0, 0xffff, DESC_P | 2 << 8};
    env->tr = (x86_seg){0, 0, 0xffff, DESC_P | 11 << 8};
    env->gdt = env->idt = (x86_seg){0, 0, 0xffff, 0};
    x86_set_register(v, UC_X86_REG_EFLAGS, FLAGS_FIXED);
    x86_set_register(v, UC_X86_REG_FPCW, 0x40);
    x86_set_register(v, UC_X86_REG_FPTAG, 0x5555);
    x86_set_register(v, UC_X86_REG_MXCSR, 0x1f80);
    x86_set_register(v, UC_X86_REG_DR6, 0xffff0ff0);
    x86_set_register(v, UC_X86_REG_DR7, 0x400);
    x86_debug_status_known(v);
    env->cr[2] = env->cr[3] = env->cr[8] = 0;
    env->regs[R_DX] = 0x663; /* family, model, stepping as CPUID names them */
    env->eip = 0xfff0;
    tail_of(v)->old_exception = -1;
    x86_of(v)->rep_seen = VMM_NEVER;
    uc.ctl(v->uc, UC_CTL_FLUSH_TLB);
}

uint64_t vmm_x86_get(vmm_vcpu *v, int uc_register)
{
    if (!v->machine->running)
        x86_wrap_eip(v);
    return x86_register(v, uc_register);
}

void vmm_x86_set(vmm_vcpu *v, int uc_register, uint64_t value)
{
    x86_set_register(v, uc_register, value);
}

static int vector_register(uint32_t number)
{
    enum { XMMS = 16, STACK = 8 };
    if (number < XMMS)
        return UC_X86_REG_XMM0 + (int)number;
    return number < XMMS + STACK ? UC_X86_REG_ST0 + (int)(number - XMMS) : 0;
}

int vmm_x86_vector_get(vmm_vcpu *v, uint32_t number, uint8_t bytes[16])
{
    int uc_register = vector_register(number);
    return uc_register && !uc.reg_read(v->uc, uc_register, bytes) ? 0 : -1;
}

int vmm_x86_vector_set(vmm_vcpu *v, uint32_t number, const uint8_t bytes[16])
{
    int uc_register = vector_register(number);
    return uc_register && !uc.reg_write(v->uc, uc_register, bytes) ? 0 : -1;
}

static x86_seg *segment_of(vmm_vcpu *v, int segment)
{
    x86_env *env = env_of(v);
    switch (segment) {
    case VMM_LDTR:
        return &env->ldt;
    case VMM_TR:
        return &env->tr;
    case VMM_GDTR:
        return &env->gdt;
    case VMM_IDTR:
        return &env->idt;
    }
    return &env->segs[segment >= VMM_ES && segment <= VMM_GS ? segment : VMM_ES];
}

void vmm_x86_get_segment(vmm_vcpu *v, int segment, vmm_segment *out)
{
    const x86_seg *s = segment_of(v, segment);
    *out = (vmm_segment){(uint16_t)s->selector, s->base, s->limit, s->flags};
}

void vmm_x86_set_segment(vmm_vcpu *v, int segment, const vmm_segment *in)
{
    if (segment >= VMM_ES && segment <= VMM_GS)
        x86_load_segment(v, segment, in->selector, in->base, in->limit, in->attributes);
    else
        *segment_of(v, segment) = (x86_seg){in->selector, in->base, in->limit, in->attributes};
}

uint32_t vmm_x86_cpl(vmm_vcpu *v)
{
    return env_of(v)->hflags & HF_CPL;
}

int vmm_x86_nmi_blocked(vmm_vcpu *v)
{
    return (env_of(v)->hflags2 & HF2_NMI) != 0;
}

uint64_t vmm_x86_linear_pc(vmm_vcpu *v)
{
    x86_env *env = env_of(v);
    uint64_t linear = env->segs[VMM_CS].base + env->eip;
    return env->hflags & HF_CS64 ? env->eip : (uint32_t)linear;
}

void vmm_x86_a20(vmm_vcpu *v, int enabled)
{
    env_of(v)->a20_mask = enabled ? -1 : ~(1 << 20);
    uc.ctl(v->uc, UC_CTL_FLUSH_TLB);
}
