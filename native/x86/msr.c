/* Model-specific registers (SDM vol. 4): which exist, where they live, and what may be written to them. */
#include "core/clock.h"
#include "intc/apic/apic.h"
#include "unicorn/uc.h"
#include "x86/x86.h"

enum { TSC = 0x10, APIC_BASE = 0x1b, TSC_ADJUST = 0x3b, PAT = 0x277, MTRR_FIRST = 0x200, MTRR_LAST = 0x2ff, EFER = 0xc0000080 };
enum { EFER_LME = 1 << 8, EFER_LMA = 1 << 10, EFER_WRITABLE = 1 | EFER_LME | 1 << 11 };

typedef enum { ANY, LOW32, CANONICAL } rule;

/* Those that Unicorn keeps itself, because its instructions read them. */
static const struct { uint32_t first, last; rule what; } NATIVE[] = {
    {0x174, 0x174, LOW32},                /* IA32_SYSENTER_CS */
    {0x175, 0x176, CANONICAL},            /* IA32_SYSENTER_ESP, _EIP */
    {0x1a0, 0x1a0, ANY},                  /* IA32_MISC_ENABLE */
    {0x200, 0x20f, ANY},                  /* IA32_MTRR_PHYSBASEn, _PHYSMASKn */
    {0x250, 0x250, ANY},                  /* IA32_MTRR_FIX64K_00000 */
    {0x258, 0x259, ANY},                  /* IA32_MTRR_FIX16K_* */
    {0x268, 0x26f, ANY},                  /* IA32_MTRR_FIX4K_* */
    {0x2ff, 0x2ff, ANY},                  /* IA32_MTRR_DEF_TYPE */
    {0xc0000081, 0xc0000081, ANY},        /* IA32_STAR */
    {0xc0000082, 0xc0000083, CANONICAL},  /* IA32_LSTAR, IA32_CSTAR */
    {0xc0000084, 0xc0000084, LOW32},      /* IA32_FMASK */
    {0xc0000100, 0xc0000102, CANONICAL},  /* IA32_FS_BASE, IA32_GS_BASE, IA32_KERNEL_GS_BASE */
    {0xc0000103, 0xc0000103, LOW32},      /* IA32_TSC_AUX */
};

static bool native_rule(uint32_t index, rule *what)
{
    for (unsigned i = 0; i < sizeof NATIVE / sizeof *NATIVE; i++) {
        if (index < NATIVE[i].first || index > NATIVE[i].last)
            continue;
        *what = NATIVE[i].what;
        return true;
    }
    return false;
}

bool x86_msr_beyond_reset(uint32_t n, uint32_t *index)
{
    for (unsigned i = 0; i < sizeof NATIVE / sizeof *NATIVE; i++) {
        uint32_t count = NATIVE[i].last - NATIVE[i].first + 1;
        bool mtrr = NATIVE[i].first >= MTRR_FIRST && NATIVE[i].last <= MTRR_LAST;
        if (mtrr && n < count) {
            *index = NATIVE[i].first + n;
            return true;
        }
        n -= mtrr ? count : 0;
    }
    return false;
}

static bool allowed(const vmm_vcpu *v, rule what, uint64_t value)
{
    if (what == LOW32)
        return value >> 32 == 0;
    return what != CANONICAL || x86_canonical_at_all(v, value);
}

/* The rest are plain values that the CPU model lists. */
static vmm_msr *listed(vmm_vcpu *v, uint32_t index)
{
    for (uint32_t i = 0; i < x86_of(v)->msr_count && i < VMM_MAX_MSRS; i++)
        if (x86_of(v)->msr[i].index == index)
            return &x86_of(v)->msr[i];
    return NULL;
}

/* One tick a virtual nanosecond. */
uint64_t x86_tsc(const vmm_vcpu *v)
{
    return vmm_now(v->machine) + x86_of(v)->tsc_offset;
}

bool x86_rdmsr(vmm_vcpu *v, uint32_t index, uint64_t *value)
{
    rule what;
    const vmm_msr *plain;
    if (lapic_has_msr(index))
        return lapic_rdmsr(v, index, value);
    if (native_rule(index, &what) || index == PAT)
        *value = x86_msr_get(v, index);
    else if (index == TSC)
        *value = x86_tsc(v);
    else if (index == TSC_ADJUST)
        *value = x86_of(v)->tsc_adjust;
    else if (index == APIC_BASE)
        *value = x86_of(v)->lapic.base;
    else if (index == EFER)
        *value = env_of(v)->efer;
    else if ((plain = listed(v, index)))
        *value = plain->value;
    else
        return false;
    return true;
}

/* SDM vol. 3A 2.2.1: LME cannot change while paging is on; LMA is the processor's own. */
static bool write_efer(vmm_vcpu *v, uint64_t value)
{
    x86_env *env = env_of(v);
    bool paging = env->cr[0] >> 31 & 1;
    if (value & ~(uint64_t)(EFER_WRITABLE | EFER_LMA) || (paging && (value ^ env->efer) & EFER_LME))
        return false;
    x86_msr_set(v, EFER, value);
    uc.ctl(v->uc, UC_CTL_FLUSH_TLB);
    return true;
}

/* SDM vol. 3A table 11-10: memory types 2 and 3 are reserved, and so is all above 7. */
static bool write_pat(vmm_vcpu *v, uint64_t value)
{
    for (int i = 0; i < 64; i += 8) {
        unsigned type = value >> i & 255;
        if (type == 2 || type == 3 || type > 7)
            return false;
    }
    x86_msr_set(v, PAT, value);
    return true;
}

/* SDM vol. 3B 17.17.3: a write of one moves the other by as much. */
static bool move_tsc(vmm_vcpu *v, uint64_t by)
{
    x86_of(v)->tsc_offset += by;
    x86_of(v)->tsc_adjust += by;
    lapic_timer_rearm(v);
    return true;
}

bool x86_wrmsr(vmm_vcpu *v, uint32_t index, uint64_t value)
{
    rule what;
    vmm_msr *plain;
    if (lapic_has_msr(index))
        return lapic_wrmsr(v, index, value);
    switch (index) {
    case EFER:
        return write_efer(v, value);
    case APIC_BASE:
        if (!lapic_write_base(v, value))
            return false;
        x86_apic_page_moved(v);
        return true;
    case PAT:
        return write_pat(v, value);
    case TSC:
        return move_tsc(v, value - x86_tsc(v));
    case TSC_ADJUST:
        return move_tsc(v, value - x86_of(v)->tsc_adjust);
    }
    if (native_rule(index, &what)) {
        if (!allowed(v, what, value))
            return false;
        x86_msr_set(v, index, value);
        return true;
    }
    plain = listed(v, index);
    if (!plain || plain->read_only || value & ~plain->writable)
        return false;
    plain->value = value;
    return true;
}

int vmm_x86_msr_read(vmm_vcpu *v, uint32_t index, uint64_t *value)
{
    return x86_rdmsr(v, index, value) ? 0 : -1;
}

int vmm_x86_msr_write(vmm_vcpu *v, uint32_t index, uint64_t value)
{
    return x86_wrmsr(v, index, value) ? 0 : -1;
}
