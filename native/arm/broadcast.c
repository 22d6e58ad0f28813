/*
 * Maintenance that reaches other vCPUs: TLB and instruction cache operations of the inner shareable domain. Each vCPU is
 * an engine of its own with its own translations, so the others are told; they look when their turn begins. With one vCPU
 * Unicorn's own registers do.
 */
#include "arm/hypervisor.h"
#include "arm/sysreg.h"

enum { SCTLR_UCI = 1 << 26 };

static void invalidate_tlb(vmm_vcpu *v, uint32_t number, uint64_t value)
{
    (void)number, (void)value;
    arm_calls_of(v)->tlb_flush(v->cpu);
    for (uint32_t i = 0; i < v->machine->vcpu_count; i++)
        v->machine->vcpus[i]->flush_tlb |= v->machine->vcpus[i] != v;
}

static void invalidate_code(vmm_vcpu *v, uint32_t number, uint64_t value)
{
    (void)number, (void)value;
    for (uint32_t i = 0; i < v->machine->vcpu_count; i++)
        v->machine->vcpus[i]->flush_code |= v->machine->vcpus[i] != v;
}

/* DDI0487 D13.2.48, HCR_EL2.FB: a guest's own reach the others, too, for its vCPU may have run there. */
static bool is_forced(vmm_vcpu *v)
{
    return vmm_arm_el(v) == 1 && arm_hcr(v) & HCR_FB;
}

static void invalidate_local_tlb(vmm_vcpu *v, uint32_t number, uint64_t value)
{
    if (is_forced(v))
        invalidate_tlb(v, number, value);
    else
        arm_calls_of(v)->tlb_flush(v->cpu);
}

static void invalidate_local_code(vmm_vcpu *v, uint32_t number, uint64_t value)
{
    if (is_forced(v))
        invalidate_code(v, number, value);
}

static int check_user_cache(vmm_vcpu *v, uint32_t number, bool read)
{
    (void)number, (void)read;
    bool held = vmm_arm_el(v) == 0 && !(arm_env_of(v)->cp15.sctlr_el[arm_in_host(v) ? 2 : 1] & SCTLR_UCI);
    return held ? ACCESS_TRAP : ACCESS_OK;
}

#define TLBI(name, op1, op2, access) {name, 1, op1, 8, 3, op2, false, access, 0, NULL, invalidate_tlb, NULL, TTLB}
#define LOCAL(name, op2) {name, 1, 0, 8, 7, op2, false, W1, 0, NULL, invalidate_local_tlb, NULL, TTLB}
#define TLB32(name, op2) {name, 0, 0, 8, 3, op2, false, W1, 0, NULL, invalidate_tlb, NULL, TTLB}

static const arm_register A64[] = {
    TLBI("TLBI VMALLE1IS", 0, 0, W1), TLBI("TLBI VAE1IS", 0, 1, W1), TLBI("TLBI ASIDE1IS", 0, 2, W1),
    TLBI("TLBI VAAE1IS", 0, 3, W1), TLBI("TLBI VALE1IS", 0, 5, W1), TLBI("TLBI VAALE1IS", 0, 7, W1),
    TLBI("TLBI ALLE2IS", 4, 0, W2), TLBI("TLBI VAE2IS", 4, 1, W2), TLBI("TLBI ALLE1IS", 4, 4, W2),
    TLBI("TLBI VALE2IS", 4, 5, W2), TLBI("TLBI VMALLS12E1IS", 4, 6, W2),
    TLBI("TLBI ALLE3IS", 6, 0, W3), TLBI("TLBI VAE3IS", 6, 1, W3), TLBI("TLBI VALE3IS", 6, 5, W3),
    {"IC IALLUIS", 1, 0, 7, 1, 0, false, W1, 0, NULL, invalidate_code, NULL, TPU},
    {"IC IVAU", 1, 3, 7, 5, 1, false, W0, 0, NULL, invalidate_code, check_user_cache, TPU},
    /* from here on where EL2 can force them */
    LOCAL("TLBI VMALLE1", 0), LOCAL("TLBI VAE1", 1), LOCAL("TLBI ASIDE1", 2),
    LOCAL("TLBI VAAE1", 3), LOCAL("TLBI VALE1", 5), LOCAL("TLBI VAALE1", 7),
    {"IC IALLU", 1, 0, 7, 5, 0, false, W1, 0, NULL, invalidate_local_code, NULL, TPU},
};
enum { FORCED = 7 };

static const arm_register A32[] = {
    TLB32("TLBIALLIS", 0), TLB32("TLBIMVAIS", 1), TLB32("TLBIASIDIS", 2), TLB32("TLBIMVAAIS", 3),
    {"ICIALLUIS", 0, 0, 7, 1, 0, false, W1, 0, NULL, invalidate_code, NULL, TPU},
    {"ICIMVAU", 0, 0, 7, 5, 1, false, W1, 0, NULL, invalidate_code, NULL, TPU},
};

arm_registers arm_broadcast_registers(const vmm_vcpu *v)
{
    if (!arm_of(v)->several)
        return (arm_registers){0};
    arm_registers table = arm_of(v)->aarch64 ? ARM_TABLE(A64) : ARM_TABLE(A32);
    table.count -= arm_of(v)->aarch64 && !arm_of(v)->has_el2 ? FORCED : 0;
    return table;
}
