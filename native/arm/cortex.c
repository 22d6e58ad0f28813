/*
 * The IMPLEMENTATION DEFINED control registers of Cortex-A53, A57 and A72, which Unicorn leaves out and firmware writes before
 * all else (Arm DDI0488 4.2, DDI0500 4.2, DDI0095 4.2). They keep what is written; nothing here does what they switch.
 */
#include <string.h>

#include "arm/sysreg.h"

enum { L2CTLR = 0, OTHERS_SHIFT = 24, MOST_OTHERS = 3 };

static uint64_t read_control(vmm_vcpu *v, uint32_t number)
{
    return arm_of(v)->cortex[number];
}

static void write_control(vmm_vcpu *v, uint32_t number, uint64_t value)
{
    arm_of(v)->cortex[number] = value;
}

/* Bits 25 to 24 are read-only: how many cores a cluster has beside the first. */
static void write_l2ctlr(vmm_vcpu *v, uint32_t number, uint64_t value)
{
    uint64_t others = v->machine->cpus > MOST_OTHERS ? MOST_OTHERS : v->machine->cpus - 1;
    write_control(v, number, (value & ~((uint64_t)MOST_OTHERS << OTHERS_SHIFT)) | others << OTHERS_SHIFT);
}

#define CONTROL(name, crn, crm, op2, number) \
    {name, 3, 1, crn, crm, op2, false, R1 | W1, number, read_control, write_control, NULL, TIDCP}

static const arm_register A64[VMM_CORTEX_REGISTERS] = {
    {"L2CTLR_EL1", 3, 1, 11, 0, 2, false, R1 | W1, L2CTLR, read_control, write_l2ctlr, NULL, TIDCP},
    CONTROL("L2ECTLR_EL1", 11, 0, 3, 1),
    CONTROL("L2ACTLR_EL1", 15, 0, 0, 2),
    CONTROL("CPUACTLR_EL1", 15, 2, 0, 3),
    CONTROL("CPUECTLR_EL1", 15, 2, 1, 4),
    CONTROL("CPUMERRSR_EL1", 15, 2, 2, 5),
    CONTROL("L2MERRSR_EL1", 15, 2, 3, 6),
};

void arm_cortex_reset(vmm_vcpu *v)
{
    memset(arm_of(v)->cortex, 0, sizeof arm_of(v)->cortex);
    write_l2ctlr(v, L2CTLR, 0);
}

arm_registers arm_cortex_registers(const vmm_vcpu *v)
{
    return arm_of(v)->is_cortex ? ARM_TABLE(A64) : (arm_registers){0};
}
