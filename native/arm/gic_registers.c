/* The GICv3 CPU interface as system registers (IHI0069 12.2); what they do is in gicv3_icc.c. */
#include "api/vmm_gic.h"
#include "arm/sysreg.h"

enum { SRE_ALL = 7 }; /* system registers alone, and no bypass of IRQ or FIQ */

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

static uint64_t read_sre(vmm_vcpu *v, uint32_t number)
{
    (void)v, (void)number;
    return SRE_ALL;
}

#define A64_ROW(name, crm, op2, access, number) {name, 3, 0, 12, crm, op2, false, access, number, read_icc, write_icc, NULL}
#define A32_ROW(name, crm, op2, access, number) {name, 0, 0, 12, crm, op2, false, access, number, read_icc, write_icc, NULL}

#define COMMON(ROW) \
    ROW("ICC_IAR0", 8, 0, R1, VMM_ICC_IAR0), ROW("ICC_EOIR0", 8, 1, W1, VMM_ICC_EOIR0), \
    ROW("ICC_HPPIR0", 8, 2, R1, VMM_ICC_HPPIR0), ROW("ICC_BPR0", 8, 3, R1 | W1, VMM_ICC_BPR0), \
    ROW("ICC_AP0R0", 8, 4, R1 | W1, VMM_ICC_AP0R0), \
    ROW("ICC_AP1R0", 9, 0, R1 | W1, VMM_ICC_AP1R0), \
    ROW("ICC_DIR", 11, 1, W1, VMM_ICC_DIR), ROW("ICC_RPR", 11, 3, R1, VMM_ICC_RPR), \
    ROW("ICC_IAR1", 12, 0, R1, VMM_ICC_IAR1), ROW("ICC_EOIR1", 12, 1, W1, VMM_ICC_EOIR1), \
    ROW("ICC_HPPIR1", 12, 2, R1, VMM_ICC_HPPIR1), ROW("ICC_BPR1", 12, 3, R1 | W1, VMM_ICC_BPR1), \
    ROW("ICC_CTLR", 12, 4, R1 | W1, VMM_ICC_CTLR), ROW("ICC_IGRPEN0", 12, 6, R1 | W1, VMM_ICC_IGRPEN0), \
    ROW("ICC_IGRPEN1", 12, 7, R1 | W1, VMM_ICC_IGRPEN1)

static const arm_register A64[] = {
    COMMON(A64_ROW),
    {"ICC_PMR_EL1", 3, 0, 4, 6, 0, false, R1 | W1, VMM_ICC_PMR, read_icc, write_icc, NULL},
    {"ICC_SRE_EL1", 3, 0, 12, 12, 5, false, R1 | W1, 0, read_sre, NULL, NULL},
    {"ICC_SRE_EL2", 3, 4, 12, 9, 5, false, R2 | W2, 0, read_sre, NULL, NULL},
    {"ICC_SRE_EL3", 3, 6, 12, 12, 5, false, R3 | W3, 0, read_sre, NULL, NULL},
    {"ICC_SGI1R_EL1", 3, 0, 12, 11, 5, false, W1, VMM_ICC_SGI1R, NULL, write_icc, NULL},
    {"ICC_ASGI1R_EL1", 3, 0, 12, 11, 6, false, W1, VMM_ICC_ASGI1R, NULL, write_icc, NULL},
    {"ICC_SGI0R_EL1", 3, 0, 12, 11, 7, false, W1, VMM_ICC_SGI0R, NULL, write_icc, NULL},
};

static const arm_register A32[] = {
    COMMON(A32_ROW),
    {"ICC_PMR", 0, 0, 4, 6, 0, false, R1 | W1, VMM_ICC_PMR, read_icc, write_icc, NULL},
    {"ICC_SRE", 0, 0, 12, 12, 5, false, R1 | W1, 0, read_sre, NULL, NULL},
    {"ICC_SGI1R", 0, 0, 0, 12, 0, true, W1, VMM_ICC_SGI1R, NULL, write_icc, NULL},
    {"ICC_ASGI1R", 0, 1, 0, 12, 0, true, W1, VMM_ICC_ASGI1R, NULL, write_icc, NULL},
    {"ICC_SGI0R", 0, 2, 0, 12, 0, true, W1, VMM_ICC_SGI0R, NULL, write_icc, NULL},
};

arm_registers arm_gic_registers(const vmm_vcpu *v)
{
    if (vmm_gic_version(v->machine) != 3)
        return (arm_registers){0};
    return arm_of(v)->aarch64 ? ARM_TABLE(A64) : ARM_TABLE(A32);
}
