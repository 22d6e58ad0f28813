/* The GICv3 CPU interface as system registers (IHI0069 12.2); what they do is in gicv3_icc.c. */
#include "api/vmm_gic.h"
#include "arm/sysreg.h"

/* System registers alone, and no bypass of IRQ or FIQ; so levels below have ICC_SRE_ELx, too (IHI0069, Enable). */
enum { SRE_ALL = 7, SRE_ENABLE = 8 };
enum { SCR_IRQ = 1 << 1, SCR_FIQ = 1 << 2, HCR_FMO = 1 << 3, HCR_IMO = 1 << 4 };

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

/* ---- access control: who routes a group's interrupts to EL3 has its registers there, who routes both all ---- */

static uint32_t routing_of(uint32_t number)
{
    switch (number) {
    case VMM_ICC_IAR0:
    case VMM_ICC_EOIR0:
    case VMM_ICC_HPPIR0:
    case VMM_ICC_BPR0:
    case VMM_ICC_AP0R0:
    case VMM_ICC_IGRPEN0:
        return SCR_FIQ;
    case VMM_ICC_IAR1:
    case VMM_ICC_EOIR1:
    case VMM_ICC_HPPIR1:
    case VMM_ICC_BPR1:
    case VMM_ICC_AP1R0:
    case VMM_ICC_IGRPEN1:
        return SCR_IRQ;
    default:
        return SCR_FIQ | SCR_IRQ;
    }
}

static int check_icc(vmm_vcpu *v, uint32_t number, bool read)
{
    (void)read;
    return arm_traps_to_el3(v, routing_of(number)) ? ACCESS_TRAP_EL3 : ACCESS_OK;
}

/* Virtual interrupts have no SGI registers: a hypervisor's guest traps to it. */
static int check_sgi(vmm_vcpu *v, uint32_t number, bool read)
{
    bool virtual = arm_of(v)->has_el2 && vmm_arm_el(v) == 1 && !arm_secure_below_el3(v)
                && arm_env_of(v)->cp15.hcr_el2 & (HCR_FMO | HCR_IMO);
    return virtual ? ACCESS_TRAP_EL2 : check_icc(v, number, read);
}

#define ICC(name, op1, crn, crm, op2, access, number) \
    {name, 3, op1, crn, crm, op2, false, access, number, read_icc, write_icc, check_icc}
#define A64_ROW(name, crm, op2, access, number) ICC(name "_EL1", 0, 12, crm, op2, access, number)
#define A32_ROW(name, crm, op2, access, number) {name, 0, 0, 12, crm, op2, false, access, number, read_icc, write_icc, check_icc}
#define SRE(name, op1, crm, access, value) {name, 3, op1, 12, crm, 5, false, access, value, read_sre, NULL, NULL}
#define SGI(name, op2, number) {name, 3, 0, 12, 11, op2, false, W1, number, NULL, write_icc, check_sgi}
#define SGI32(name, op1, number) {name, 0, op1, 0, 12, 0, true, W1, number, NULL, write_icc, check_sgi}

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
    ICC("ICC_PMR_EL1", 0, 4, 6, 0, R1 | W1, VMM_ICC_PMR),
    ICC("ICC_CTLR_EL3", 6, 12, 12, 4, R3 | W3, VMM_ICC_CTLR_EL3),
    ICC("ICC_IGRPEN1_EL3", 6, 12, 12, 7, R3 | W3, VMM_ICC_IGRPEN1_EL3),
    SRE("ICC_SRE_EL1", 0, 12, R1 | W1, SRE_ALL),
    SRE("ICC_SRE_EL2", 4, 9, R2 | W2, SRE_ALL | SRE_ENABLE),
    SRE("ICC_SRE_EL3", 6, 12, R3 | W3, SRE_ALL | SRE_ENABLE),
    SGI("ICC_SGI1R_EL1", 5, VMM_ICC_SGI1R),
    SGI("ICC_ASGI1R_EL1", 6, VMM_ICC_ASGI1R),
    SGI("ICC_SGI0R_EL1", 7, VMM_ICC_SGI0R),
};

static const arm_register A32[] = {
    COMMON(A32_ROW),
    {"ICC_PMR", 0, 0, 4, 6, 0, false, R1 | W1, VMM_ICC_PMR, read_icc, write_icc, check_icc},
    {"ICC_SRE", 0, 0, 12, 12, 5, false, R1 | W1, SRE_ALL, read_sre, NULL, NULL},
    SGI32("ICC_SGI1R", 0, VMM_ICC_SGI1R),
    SGI32("ICC_ASGI1R", 1, VMM_ICC_ASGI1R),
    SGI32("ICC_SGI0R", 2, VMM_ICC_SGI0R),
};

arm_registers arm_gic_registers(const vmm_vcpu *v)
{
    if (vmm_gic_version(v->machine) != 3)
        return (arm_registers){0};
    return arm_of(v)->aarch64 ? ARM_TABLE(A64) : ARM_TABLE(A32);
}
