/*
 * EL2: HCR_EL2 and what it makes of the levels below. All levels above EL0 are AArch64 (HCR_EL2.RW and SCR_EL3.RW are
 * RAO/WI): Unicorn has parts of AArch32 there, which would be announced and fail.
 */
#include "arm/hypervisor.h"
#include "arm/sysreg.h"

#define HCR_V8_0 ((1ull << 34) - 1)
#define HCR_TLOR (1ull << 35)
#define HCR_API_APK (3ull << 40)

enum { MDCR_TDE = 1 << 8 };
enum { SCR_RES1 = 3 << 4, SCR_V8_0 = 0x3fbf, SCR_HCE = 1 << 8, SCR_RW = 1 << 10, SCR_TLOR = 1 << 14, SCR_APK_API = 3 << 16 };
enum { NIBBLE = 0xf, MMFR1_VH = 8, MMFR1_LO = 16, ISAR1_PAUTH = 0xff000ff0 };

bool arm_el2_enabled(const vmm_vcpu *v)
{
    return arm_of(v)->has_el2 && !arm_secure_below_el3(v);
}

/* DDI0487 D13.2.48, TGE: EL2 takes their interrupts, and the traps of what EL1 does are off. */
uint64_t arm_hcr(const vmm_vcpu *v)
{
    uint64_t hcr = arm_of(v)->has_el2 ? arm_env_of(v)->cp15.hcr_el2 : 0;
    if (!arm_el2_enabled(v))
        return 0;
    if (hcr & HCR_TGE)
        hcr = (hcr | HCR_FMO | HCR_IMO | HCR_AMO) & ~(HCR_TID3 | HCR_TSC | HCR_TTLB | HCR_HCD | HCR_FB | HCR_TVM | HCR_TRVM);
    if (hcr & HCR_TGE && hcr & HCR_E2H)
        hcr &= ~HCR_TPU;
    return hcr;
}

/* DDI0487 D2.5: MDCR_EL2.TDE and HCR_EL2.TGE route them to EL2. */
uint32_t arm_debug_target(const vmm_vcpu *v)
{
    return arm_el2_enabled(v) && (arm_hcr(v) & HCR_TGE || arm_env_of(v)->cp15.mdcr_el2 & MDCR_TDE) ? 2 : 1;
}

static bool has_pointer_authentication(vmm_vcpu *v)
{
    uint64_t isar1 = 0;
    vmm_arm_system_get(v, 3, 0, 0, 6, 1, &isar1);
    return isar1 & ISAR1_PAUTH;
}

static uint64_t read_hcr(vmm_vcpu *v, uint32_t number)
{
    (void)number;
    return arm_env_of(v)->cp15.hcr_el2;
}

static void write_hcr(vmm_vcpu *v, uint32_t number, uint64_t value)
{
    (void)number;
    arm_env *env = arm_env_of(v);
    uint64_t valid = HCR_V8_0 & ~(arm_of(v)->has_el3 ? HCR_HCD : 0);
    valid |= arm_of(v)->mmfr1 >> MMFR1_LO & NIBBLE ? HCR_TLOR : 0;
    valid |= arm_of(v)->has_pauth ? HCR_API_APK : 0;
    valid |= arm_of(v)->has_vhe ? HCR_E2H : 0;
    value = (value & valid) | HCR_RW;
    if ((env->cp15.hcr_el2 ^ value) & (HCR_VM | HCR_PTW | HCR_DC | HCR_E2H))
        arm_calls_of(v)->tlb_flush(v->cpu);
    env->cp15.hcr_el2 = value;
}

static uint64_t read_scr(vmm_vcpu *v, uint32_t number)
{
    (void)number;
    return arm_env_of(v)->cp15.scr_el3;
}

static void write_scr(vmm_vcpu *v, uint32_t number, uint64_t value)
{
    (void)number;
    uint64_t valid = SCR_V8_0 & ~(arm_of(v)->has_el2 ? 0 : SCR_HCE);
    valid |= arm_of(v)->mmfr1 >> MMFR1_LO & NIBBLE ? SCR_TLOR : 0;
    valid |= arm_of(v)->has_pauth ? SCR_APK_API : 0;
    arm_env_of(v)->cp15.scr_el3 = (value & valid) | SCR_RES1 | SCR_RW;
}

static uint64_t read_mmfr1(vmm_vcpu *v, uint32_t number)
{
    (void)number;
    return arm_of(v)->mmfr1;
}

/* Before the first snapshot, and before reset is told what it is. */
void arm_choose_widths(vmm_vcpu *v)
{
    arm_env *env = arm_env_of(v);
    if (!arm_of(v)->aarch64)
        return;
    vmm_arm_system_get(v, 3, 0, 0, 7, 1, &arm_of(v)->mmfr1);
    arm_of(v)->has_vhe = arm_of(v)->has_el2 && arm_of(v)->mmfr1 >> MMFR1_VH & NIBBLE;
    if (!arm_of(v)->has_vhe)
        arm_of(v)->mmfr1 &= ~((uint64_t)NIBBLE << MMFR1_VH);
    arm_of(v)->has_pauth = has_pointer_authentication(v);
    env->cp15.hcr_el2 |= HCR_RW;
    env->cp15.scr_el3 |= SCR_RW;
    env->cp15.vmpidr_el2 = arm_of(v)->mpidr;
}

static const arm_register A64[] = {
    {"HCR_EL2", 3, 4, 1, 1, 0, false, R2 | W2, 0, read_hcr, write_hcr, NULL, 0},
    {"SCR_EL3", 3, 6, 1, 1, 0, false, R3 | W3, 0, read_scr, write_scr, NULL, 0},
    {"ID_AA64MMFR1_EL1", 3, 0, 0, 7, 1, false, R1, 0, read_mmfr1, NULL, NULL, TID3},
};

arm_registers arm_hypervisor_registers(const vmm_vcpu *v)
{
    return arm_of(v)->aarch64 ? ARM_TABLE(A64) : (arm_registers){0};
}
