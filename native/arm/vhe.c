/*
 * The Virtualization Host Extension (DDI0487 D5.6, D13.1.3): with HCR_EL2.E2H a kernel runs at EL2 as if it were EL1. The names
 * of EL1's registers then mean EL2's there, and EL1's own have names of their own. Unicorn translates for that regime, but
 * redirects no register.
 */
#include "arm/alignment.h"
#include "arm/hypervisor.h"
#include "arm/sysreg.h"

enum { SPSR_EL1 = 1, SPSR_EL2 = 6 /* where Unicorn keeps them */ };

typedef enum { NOTHING, FLUSH, ALIGN } side_effect;

typedef struct {
    size_t el1, el2; /* fields of the state; 0: reads as zero */
    side_effect effect;
} pair;

#define CP(field) offsetof(arm_env, cp15.field)
#define BOTH(field) CP(field[1]), CP(field[2])

enum which { SCTLR, CPACR, TTBR0, TTBR1, TCR, SPSR, ELR, AFSR0, AFSR1, ESR, FAR, MAIR, AMAIR, VBAR, CONTEXTIDR };

static const pair PAIRS[] = {
    [SCTLR] = {BOTH(sctlr_el), FLUSH},
    [CPACR] = {CP(cpacr_el1), CP(cptr_el[2]), NOTHING},
    [TTBR0] = {BOTH(ttbr0_el), FLUSH},
    [TTBR1] = {BOTH(ttbr1_el), FLUSH},
    [TCR] = {CP(tcr_el[1].raw), CP(tcr_el[2].raw), FLUSH},
    [SPSR] = {offsetof(arm_env, banked_spsr[SPSR_EL1]), offsetof(arm_env, banked_spsr[SPSR_EL2]), NOTHING},
    [ELR] = {offsetof(arm_env, elr_el[1]), offsetof(arm_env, elr_el[2]), NOTHING},
    [AFSR0] = {0, 0, NOTHING},
    [AFSR1] = {0, 0, NOTHING},
    [ESR] = {BOTH(esr_el), NOTHING},
    [FAR] = {BOTH(far_el), NOTHING},
    [MAIR] = {BOTH(mair_el), NOTHING},
    [AMAIR] = {0, 0, NOTHING},
    [VBAR] = {BOTH(vbar_el), ALIGN},
    [CONTEXTIDR] = {BOTH(contextidr_el), NOTHING},
};

bool arm_e2h(const vmm_vcpu *v)
{
    return arm_of(v)->has_vhe && arm_hcr(v) & HCR_E2H;
}

bool arm_in_host(vmm_vcpu *v)
{
    uint32_t el = vmm_arm_el(v);
    return arm_e2h(v) && (el == 2 || (el == 0 && arm_hcr(v) & HCR_TGE));
}

bool arm_redirects(vmm_vcpu *v)
{
    return !arm_of(v)->unredirected && arm_in_host(v);
}

#define OWN 0x100 /* in a row's number: EL1's register, whoever asks */

static uint64_t *field_of(vmm_vcpu *v, uint32_t number)
{
    const pair *p = &PAIRS[number & 0xff];
    size_t offset = !(number & OWN) && arm_redirects(v) ? p->el2 : p->el1;
    return offset ? (uint64_t *)((char *)v->env + offset) : NULL;
}

static uint64_t read_pair(vmm_vcpu *v, uint32_t number)
{
    const uint64_t *field = field_of(v, number);
    return field ? *field : 0;
}

static void write_pair(vmm_vcpu *v, uint32_t number, uint64_t value)
{
    uint64_t *field = field_of(v, number), changed = field ? *field ^ value : 0;
    side_effect effect = PAIRS[number & 0xff].effect;
    if (!field)
        return;
    *field = effect == ALIGN ? value & ~(uint64_t)0x1f : value;
    if (effect == FLUSH && changed) {
        arm_calls_of(v)->tlb_flush(v->cpu);
        arm_alignment_changed(v); /* SCTLR */
    }
}

int arm_check_e2h(vmm_vcpu *v, uint32_t number, bool read)
{
    (void)number, (void)read;
    return arm_of(v)->has_el2 && arm_env_of(v)->cp15.hcr_el2 & HCR_E2H ? ACCESS_OK : ACCESS_UNDEFINED;
}

/* SVE's vector length: what a shorter one leaves over is lost (DDI0584, ZCR_EL1). */
static uint64_t *zcr_of(vmm_vcpu *v, uint32_t number)
{
    enum { LEVELS = 4 };
    uint64_t *zcr = &arm_monitor_of(v)->exclusive_addr - LEVELS;
    return &zcr[!(number & OWN) && arm_redirects(v) ? 2 : 1];
}

static uint64_t read_zcr(vmm_vcpu *v, uint32_t number)
{
    return *zcr_of(v, number);
}

static void write_zcr(vmm_vcpu *v, uint32_t number, uint64_t value)
{
    enum { LENGTH = 0xf };
    const arm_calls *calls = arm_calls_of(v);
    int el = (int)vmm_arm_el(v);
    uint32_t before = calls->sve_length(v->env, el);
    *zcr_of(v, number) = value & LENGTH;
    uint32_t after = calls->sve_length(v->env, el);
    if (after < before)
        calls->sve_narrow(v->env, after + 1);
}

#define REDIRECTED(name, which, crn, crm, op2, controls) \
    {name "_EL1", 3, 0, crn, crm, op2, false, R1 | W1, which, read_pair, write_pair, NULL, controls}, \
    {name "_EL12", 3, 5, crn, crm, op2, false, R2 | W2, (which) | OWN, read_pair, write_pair, arm_check_e2h, \
     (controls) & TCPAC}

#define ZCR_ROW(name, op1, access, number, check) \
    {name, 3, op1, 1, 2, 0, SVE_ACCESS, access, number, read_zcr, write_zcr, check, 0}

static const arm_register A64[] = {
    REDIRECTED("SCTLR", SCTLR, 1, 0, 0, TVM | TRVM), REDIRECTED("CPACR", CPACR, 1, 0, 2, TCPAC), REDIRECTED("TTBR0", TTBR0, 2, 0, 0, TVM | TRVM),
    REDIRECTED("TTBR1", TTBR1, 2, 0, 1, TVM | TRVM), REDIRECTED("TCR", TCR, 2, 0, 2, TVM | TRVM), REDIRECTED("SPSR", SPSR, 4, 0, 0, 0),
    REDIRECTED("ELR", ELR, 4, 0, 1, 0), REDIRECTED("AFSR0", AFSR0, 5, 1, 0, TVM | TRVM), REDIRECTED("AFSR1", AFSR1, 5, 1, 1, TVM | TRVM),
    REDIRECTED("ESR", ESR, 5, 2, 0, TVM | TRVM), REDIRECTED("FAR", FAR, 6, 0, 0, TVM | TRVM), REDIRECTED("MAIR", MAIR, 10, 2, 0, TVM | TRVM),
    REDIRECTED("AMAIR", AMAIR, 10, 3, 0, TVM | TRVM), REDIRECTED("VBAR", VBAR, 12, 0, 0, 0),
    REDIRECTED("CONTEXTIDR", CONTEXTIDR, 13, 0, 1, TVM | TRVM),
    ZCR_ROW("ZCR_EL1", 0, R1 | W1, 0, NULL), ZCR_ROW("ZCR_EL12", 5, R2 | W2, OWN, arm_check_e2h),
};

arm_registers arm_vhe_registers(const vmm_vcpu *v)
{
    return arm_of(v)->has_vhe ? ARM_TABLE(A64) : (arm_registers){0};
}
