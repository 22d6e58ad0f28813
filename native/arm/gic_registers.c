/* The GICv3 CPU interface as system registers (IHI0069 12.2); what they do is in gicv3_icc.c. */
#include "api/vmm_gic.h"
#include "arm/sysreg.h"

/* System registers alone, and no bypass of IRQ or FIQ; so levels below have ICC_SRE_ELx, too (IHI0069, Enable). */
enum { SRE_ALL = 7, SRE_ENABLE = 8 };

static uint64_t read_icc(vmm_vcpu *v, uint32_t number)
{
    arm_tell_gic(v);
    return vmm_gic_icc_read(v->machine, v->index, (int)number, arm_gic_access(v));
}

static void write_icc(vmm_vcpu *v, uint32_t number, uint64_t value)
{
    arm_tell_gic(v);
    vmm_gic_icc_write(v->machine, v->index, (int)number, arm_gic_access(v), value);
}

static uint64_t read_sre(vmm_vcpu *v, uint32_t value)
{
    (void)v;
    return value;
}

/* Who routes a group's interrupts to EL3 has its registers there, who routes both all (IHI0069 12.2). */
#define ICC(name, op1, crn, crm, op2, access, number, controls) \
    {name, 3, op1, crn, crm, op2, false, access, number, read_icc, write_icc, NULL, controls}
#define A64_ROW(name, crm, op2, access, number, controls) ICC(name "_EL1", 0, 12, crm, op2, access, number, controls)
#define A32_ROW(name, crm, op2, access, number, controls) \
    {name, 0, 0, 12, crm, op2, false, access, number, read_icc, write_icc, NULL, controls}
#define SRE(name, op1, crm, access, value) {name, 3, op1, 12, crm, 5, false, access, value, read_sre, NULL, NULL, 0}
#define SGI_ROW(name, op2, number) {name, 3, 0, 12, 11, op2, false, W1, number, NULL, write_icc, NULL, SGI | EITHER_GROUP}
#define SGI_ROW32(name, op1, number) {name, 0, op1, 0, 12, 0, true, W1, number, NULL, write_icc, NULL, SGI | EITHER_GROUP}

#define COMMON(ROW) \
    ROW("ICC_IAR0", 8, 0, R1, VMM_ICC_IAR0, GROUP0), ROW("ICC_EOIR0", 8, 1, W1, VMM_ICC_EOIR0, GROUP0), \
    ROW("ICC_HPPIR0", 8, 2, R1, VMM_ICC_HPPIR0, GROUP0), ROW("ICC_BPR0", 8, 3, R1 | W1, VMM_ICC_BPR0, GROUP0), \
    ROW("ICC_AP0R0", 8, 4, R1 | W1, VMM_ICC_AP0R0, GROUP0), \
    ROW("ICC_AP1R0", 9, 0, R1 | W1, VMM_ICC_AP1R0, GROUP1), \
    ROW("ICC_DIR", 11, 1, W1, VMM_ICC_DIR, EITHER_GROUP), ROW("ICC_RPR", 11, 3, R1, VMM_ICC_RPR, EITHER_GROUP), \
    ROW("ICC_IAR1", 12, 0, R1, VMM_ICC_IAR1, GROUP1), ROW("ICC_EOIR1", 12, 1, W1, VMM_ICC_EOIR1, GROUP1), \
    ROW("ICC_HPPIR1", 12, 2, R1, VMM_ICC_HPPIR1, GROUP1), ROW("ICC_BPR1", 12, 3, R1 | W1, VMM_ICC_BPR1, GROUP1), \
    ROW("ICC_CTLR", 12, 4, R1 | W1, VMM_ICC_CTLR, EITHER_GROUP), ROW("ICC_IGRPEN0", 12, 6, R1 | W1, VMM_ICC_IGRPEN0, GROUP0), \
    ROW("ICC_IGRPEN1", 12, 7, R1 | W1, VMM_ICC_IGRPEN1, GROUP1)

static const arm_register A64[] = {
    COMMON(A64_ROW),
    ICC("ICC_PMR_EL1", 0, 4, 6, 0, R1 | W1, VMM_ICC_PMR, EITHER_GROUP),
    ICC("ICC_CTLR_EL3", 6, 12, 12, 4, R3 | W3, VMM_ICC_CTLR_EL3, 0),
    ICC("ICC_IGRPEN1_EL3", 6, 12, 12, 7, R3 | W3, VMM_ICC_IGRPEN1_EL3, 0),
    SRE("ICC_SRE_EL1", 0, 12, R1 | W1, SRE_ALL),
    SRE("ICC_SRE_EL2", 4, 9, R2 | W2, SRE_ALL | SRE_ENABLE),
    SRE("ICC_SRE_EL3", 6, 12, R3 | W3, SRE_ALL | SRE_ENABLE),
    SGI_ROW("ICC_SGI1R_EL1", 5, VMM_ICC_SGI1R),
    SGI_ROW("ICC_ASGI1R_EL1", 6, VMM_ICC_ASGI1R),
    SGI_ROW("ICC_SGI0R_EL1", 7, VMM_ICC_SGI0R),
};

static const arm_register A32[] = {
    COMMON(A32_ROW),
    {"ICC_PMR", 0, 0, 4, 6, 0, false, R1 | W1, VMM_ICC_PMR, read_icc, write_icc, NULL, EITHER_GROUP},
    {"ICC_SRE", 0, 0, 12, 12, 5, false, R1 | W1, SRE_ALL, read_sre, NULL, NULL, 0},
    SGI_ROW32("ICC_SGI1R", 0, VMM_ICC_SGI1R),
    SGI_ROW32("ICC_ASGI1R", 1, VMM_ICC_ASGI1R),
    SGI_ROW32("ICC_SGI0R", 2, VMM_ICC_SGI0R),
};

arm_registers arm_gic_registers(const vmm_vcpu *v)
{
    if (vmm_gic_version(v->machine) != 3)
        return (arm_registers){0};
    return arm_of(v)->aarch64 ? ARM_TABLE(A64) : ARM_TABLE(A32);
}
