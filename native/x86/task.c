/* Task switches: Intel SDM vol. 3A 7.3, steps in its order. */
#include <string.h>

#include "api/vmm_registers.h"
#include "core/trace.h"
#include "x86/x86.h"

enum { TSS16_AVAILABLE = 1, TSS32_AVAILABLE = 9, TYPE_BUSY = 2 << 8, LDT_TYPE = 2 };
enum { CR3_AT = 0x1c, LINK_AT = 0, TRAP_AT = 0x64, DEBUG_TASK_SWITCH = 1 << 15 };

/* Where a TSS keeps things: the 32-bit and the 16-bit layout (figures 7-2 and 7-10). */
typedef struct {
    unsigned width, minimum, ip, flags, registers, segments, segment_step, segment_count, ldt;
} layout;

static const layout TSS32 = {4, 103, 0x20, 0x24, 0x28, 0x48, 4, 6, 0x60};
static const layout TSS16 = {2, 43, 0x0e, 0x10, 0x12, 0x22, 2, 4, 0x2a};

static uint32_t get(const uint8_t *tss, unsigned at, unsigned width)
{
    uint32_t value = 0;
    memcpy(&value, tss + at, width);
    return value;
}

static void put(uint8_t *tss, unsigned at, unsigned width, uint64_t value)
{
    memcpy(tss + at, &value, width);
}

static const layout *layout_of(uint32_t high)
{
    return desc_type(high) & 8 ? &TSS32 : &TSS16;
}

static x86_fault save_old(vmm_vcpu *v, uint64_t rip, uint64_t flags)
{
    x86_env *env = env_of(v);
    const layout *l = layout_of(env->tr.flags);
    uint8_t tss[104];
    x86_fault fault = x86_load(v, env->tr.base, tss, l->minimum + 1);
    if (fault.raised)
        return fault;
    put(tss, l->ip, l->width, rip);
    put(tss, l->flags, l->width, flags);
    for (unsigned i = 0; i < 8; i++)
        put(tss, l->registers + i * l->width, l->width, env->regs[i]);
    for (unsigned i = 0; i < l->segment_count; i++)
        put(tss, l->segments + i * l->segment_step, 2, env->segs[i].selector);
    return x86_store(v, env->tr.base, tss, l->minimum + 1);
}

static x86_fault load_ldt(vmm_vcpu *v, uint32_t selector)
{
    x86_env *env = env_of(v);
    uint32_t d[2], error = selector & 0xfffc;
    uint64_t address;
    env->ldt = (x86_seg){selector, 0, 0, 0};
    if (!error)
        return x86_no_fault();
    if (selector & 4)
        return x86_fault_code(X86_TS, error);
    x86_fault fault = x86_descriptor(v, selector, d, &address, X86_TS, 0);
    if (fault.raised)
        return fault;
    if (d[1] & DESC_S || desc_type(d[1]) != LDT_TYPE || !(d[1] & DESC_P))
        return x86_fault_code(X86_TS, error);
    env->ldt = (x86_seg){selector, x86_descriptor_base(d), x86_descriptor_limit(d), d[1]};
    return x86_no_fault();
}

/* Table 7-1: what each segment register of the new task must be. */
static x86_fault load_task_segment(vmm_vcpu *v, int segment, uint32_t selector, unsigned cpl)
{
    uint32_t d[2], error = selector & 0xfffc;
    uint64_t address;
    bool code = segment == VMM_CS, ss = segment == VMM_SS;
    if (!error) {
        if (code || ss)
            return x86_fault_code(X86_TS, 0);
        x86_load_segment(v, segment, selector, 0, 0, 0);
        return x86_no_fault();
    }
    x86_fault fault = x86_descriptor(v, selector, d, &address, X86_TS, 0);
    if (fault.raised)
        return fault;
    unsigned rpl = selector & 3, dpl = desc_dpl(d[1]);
    bool is_code = d[1] & DESC_CODE, conforming = is_code && d[1] & DESC_CONFORMING;
    bool readable = !is_code || d[1] & DESC_RW;
    bool right;
    if (code)
        right = is_code && (conforming ? dpl <= rpl : dpl == rpl);
    else if (ss)
        right = !is_code && d[1] & DESC_RW && dpl == cpl && rpl == cpl;
    else
        right = readable && (conforming || (dpl >= cpl && dpl >= rpl));
    if (!(d[1] & DESC_S) || !right)
        return x86_fault_code(X86_TS, error);
    if (!(d[1] & DESC_P))
        return x86_fault_code(ss ? X86_SS : X86_NP, error);
    x86_load_descriptor(v, segment, selector, d);
    return x86_no_fault();
}

/* Step 11. Until step 12 has loaded them the descriptors stay, with which a handler in an inconsistent task may live. */
static void load_selectors(vmm_vcpu *v, const uint32_t *selectors)
{
    for (int segment = VMM_ES; segment <= VMM_GS; segment++)
        env_of(v)->segs[segment].selector = selectors[segment];
}

static x86_fault load_segments(vmm_vcpu *v, const uint32_t *selectors, bool vm86)
{
    static const int ORDER[] = {VMM_CS, VMM_SS, VMM_ES, VMM_DS, VMM_FS, VMM_GS};
    enum { VM86_DATA = DESC_P | DESC_S | DESC_RW | DESC_ACCESSED | 3 << 13 };
    for (int i = 0; i < 6; i++) {
        int segment = ORDER[i];
        if (vm86) {
            x86_load_segment(v, segment, selectors[segment], selectors[segment] << 4, 0xffff, VM86_DATA);
            continue;
        }
        x86_fault fault = load_task_segment(v, segment, selectors[segment], selectors[VMM_CS] & 3);
        if (fault.raised)
            return fault;
    }
    return x86_no_fault();
}

static x86_fault push_error(vmm_vcpu *v, const layout *l, uint32_t error)
{
    x86_env *env = env_of(v);
    const x86_seg *ss = &env->segs[VMM_SS];
    uint64_t mask = ss->flags & DESC_B ? 0xffffffffu : 0xffff, sp = (env->regs[R_SP] - l->width) & mask;
    if (sp + l->width - 1 > ss->limit)
        return x86_fault_code(X86_SS, 0);
    x86_fault fault = x86_store(v, ss->base + sp, &error, l->width);
    if (!fault.raised)
        env->regs[R_SP] = (env->regs[R_SP] & ~mask) | sp;
    return fault;
}

/* Step 5: who goes for good is no longer busy. */
static void leave_old(vmm_vcpu *v)
{
    uint64_t address;
    uint32_t d[2];
    if (x86_descriptor(v, env_of(v)->tr.selector, d, &address, X86_TS, 0).raised)
        return;
    d[1] &= ~(uint32_t)TYPE_BUSY;
    x86_store(v, address + 4, &d[1], 4);
}

x86_fault x86_task_switch(vmm_vcpu *v, uint32_t selector, const x86_event *event, uint32_t ext, x86_task_way way)
{
    enum { DR7_LOCAL = 0x155 };
    const bool nests = way == TASK_CALL, returns = way == TASK_RETURN;
    x86_env *env = env_of(v);
    uint32_t d[2], error = (selector & 0xfffc) | ext;
    uint64_t address;
    if (selector & 4 || !(selector & 0xfffc))
        return x86_fault_code(X86_GP, error);
    x86_fault fault = x86_descriptor(v, selector, d, &address, X86_GP, ext);
    if (fault.raised)
        return fault;
    unsigned type = desc_type(d[1]) ^ (returns ? TYPE_BUSY >> 8 : 0);
    if (d[1] & DESC_S || (type != TSS16_AVAILABLE && type != TSS32_AVAILABLE))
        return x86_fault_code(returns ? X86_TS : X86_GP, error);
    if (!(d[1] & DESC_P))
        return x86_fault_code(X86_NP, error);
    const layout *l = layout_of(d[1]);
    uint64_t base = x86_descriptor_base(d);
    if (x86_descriptor_limit(d) < l->minimum)
        return x86_fault_code(X86_TS, error);

    uint8_t tss[104];
    fault = x86_load(v, base, tss, l->minimum + 1);
    if (!fault.raised)
        fault = x86_check_store(v, base, l->width);
    if (!fault.raised)
        fault = x86_check_store(v, address + 4, 4);
    uint64_t old_flags = returns ? event->flags & ~(uint64_t)FL_NT : event->flags;
    if (!fault.raised)
        fault = save_old(v, event->rip, event->fault ? old_flags | FL_RF : old_flags);
    if (fault.raised)
        return fault;

    /* The commit point: from here on a fault belongs to the new task. */
    uint16_t link = (uint16_t)env->tr.selector;
    uint32_t busy = d[1] | TYPE_BUSY;
    if (nests)
        x86_store(v, base + LINK_AT, &link, 2);
    else
        leave_old(v);
    x86_store(v, address + 4, &busy, 4);
    env->tr = (x86_seg){selector, base, x86_descriptor_limit(d), busy};
    x86_set_register(v, UC_X86_REG_CR0, env->cr[0] | CR0_TS);
    trace_note(v->machine, VMM_EV_TASK, selector, 0);

    uint32_t new_flags = get(tss, l->flags, l->width) | 2, selectors[6] = {0};
    if (l->width == 4 && env->cr[0] >> 31)
        x86_set_register(v, UC_X86_REG_CR3, get(tss, CR3_AT, 4));
    x86_set_register(v, UC_X86_REG_EFLAGS, nests ? new_flags | FL_NT : new_flags);
    for (unsigned i = 0; i < 8; i++)
        env->regs[i] = get(tss, l->registers + i * l->width, l->width) | (l->width == 2 ? 0xffff0000u : 0);
    for (unsigned i = 0; i < l->segment_count; i++)
        selectors[i] = get(tss, l->segments + i * l->segment_step, 2);
    uint64_t dr7 = x86_register(v, UC_X86_REG_DR7);
    if (dr7 & DR7_LOCAL)
        x86_set_register(v, UC_X86_REG_DR7, dr7 & ~(uint64_t)DR7_LOCAL);
    x86_set_pc(v, get(tss, l->ip, l->width));

    load_selectors(v, selectors);
    fault = load_ldt(v, get(tss, l->ldt, 2));
    if (!fault.raised)
        fault = load_segments(v, selectors, new_flags & FL_VM);
    if (!fault.raised && event->has_error)
        fault = push_error(v, l, event->error);
    if (!fault.raised && get(tss, l->ip, l->width) > env->segs[VMM_CS].limit)
        fault = x86_fault_code(X86_GP, 0);
    if (!fault.raised && l->width == 4 && get(tss, TRAP_AT, 2) & 1)
        x86_trap_pending(v, DEBUG_TASK_SWITCH);
    fault.in_new_task = fault.raised;
    return fault;
}
