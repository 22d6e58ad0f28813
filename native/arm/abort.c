/* An access that nothing on the bus answers: a synchronous external abort (DDI0487 D4.5, DDI0406 B3.12.5). */
#include "arm/access.h"
#include "arm/blocks.h"
#include "arm/hypervisor.h"
#include "unicorn/uc_tlb.h"

enum { SCR_EA = 1 << 3, TTBCR_EAE = 1u << 31 };
enum { EC_IABT_LOWER = 0x20, EC_DABT_LOWER = 0x24, SAME_LEVEL = 1, EXTERNAL = 0x10, WNR = 1 << 6, FNV = 1 << 10 };
enum { FSR_EXTERNAL = 0x008, FSR_EXTERNAL_LONG = 0x210, FSR_WRITE = 1 << 11 };

static uint32_t target_of(const vmm_vcpu *v, uint32_t now)
{
    if (arm_of(v)->has_el3 && arm_env_of(v)->cp15.scr_el3 & SCR_EA)
        return 3;
    if (now == 0 && arm_hcr(v) & HCR_TGE)
        return 2;
    return now ? now : 1;
}

/* What was asked for, also where it is a walk for it that nothing answers. */
typedef struct {
    bool fetch, write, known; /* `known`: its virtual address, of a fetch PC */
    uint64_t address;
} attempt;

static attempt attempt_of(vmm_vcpu *v, uint64_t physical, int access)
{
    bool walk = access == VMM_ACCESS_WALK;
    attempt a = {.fetch = access == VMM_ACCESS_FETCH || (walk && uc_filling == UC_FETCHES),
                 .write = access == VMM_ACCESS_WRITE || (walk && uc_filling > UC_FETCHES && uc_fill.write)};
    a.known = a.fetch || (walk ? uc_filling != 0 : arm_virtual_address(v, physical, &a.address));
    if (walk)
        a.address = uc_fill.address;
    return a;
}

/* Where the virtual address is not known, FAR is said to be invalid. */
static arm_event abort_of(vmm_vcpu *v, uint64_t physical, const attempt *a)
{
    const arm_env *env = arm_env_of(v);
    uint32_t now = vmm_arm_el(v), target = target_of(v, now);
    bool same = now == target;
    uint32_t ec = (a->fetch ? EC_IABT_LOWER : EC_DABT_LOWER) + (same ? SAME_LEVEL : 0);
    uint32_t iss = EXTERNAL | (a->write ? WNR : 0u) | (a->known ? 0u : FNV);
    bool long_format = env->cp15.tcr_el[1].raw & TTBCR_EAE;
    return (arm_event){.kind = ARM_SYNC, .vector32 = a->fetch ? VECTOR_PREFETCH : VECTOR_DATA, .source = VMM_SRC_EXCEPTION,
                       .target = target, .number = ec, .syndrome = SYNDROME(ec, iss), .has_far = true,
                       .fsr = (long_format ? FSR_EXTERNAL_LONG : FSR_EXTERNAL) | (a->write ? FSR_WRITE : 0u),
                       .far = a->fetch ? arm_pc(v) : a->known ? a->address : physical};
}

void arm_bus_error(vmm_vcpu *v, uint64_t physical, int access)
{
    attempt a = attempt_of(v, physical, access);
    if (a.fetch && !arm_fetch_attempt(v)) { /* before anything is told: it comes again */
        uc_filling = 0;
        arm_calls_of(v)->cpu_loop_exit_noexc(v->cpu);
    }
    bool settled = arm_settle_walk(v);
    vmm_guest_error(v->machine, VMM_GE_UNMAPPED, physical);
    if (!a.fetch && !settled)
        arm_it_restore(v);
    arm_event e = abort_of(v, physical, &a);
    arm_deliver(v, &e);
    arm_check_lockup(v, a.fetch);
    arm_calls_of(v)->cpu_loop_exit_noexc(v->cpu);
}
