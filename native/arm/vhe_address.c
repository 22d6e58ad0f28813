/*
 * Address translation instructions with HCR_EL2.E2H (DDI0487 D5.2.11): AT S1E2* is of the EL2&0 regime, and so are AT S1E1* and
 * S1E0* of a host. Unicorn's are always of EL1's regime or of EL2's plain one; but it translates for EL1's by the registers
 * that hold EL1's, so those are lent EL2's for the call. Its function is noted as Unicorn defines the instruction.
 */
#include "arm/hypervisor.h"
#include "arm/regime.h"
#include "arm/sysreg.h"

static void (*translate)(void *env, const arm_register_info *info, uint64_t value);

void arm_note_translation(const arm_register_info *info)
{
    bool at_s1e1r = info->opc0 == 1 && info->opc1 == 0 && info->crn == 7 && info->crm == 8 && info->opc2 == 0;
    if (at_s1e1r && !translate)
        translate = info->write;
}

bool arm_can_translate(void)
{
    return translate;
}

typedef struct { uint64_t sctlr, ttbr0, ttbr1, mair, hcr; arm_tcr tcr; } regime;

static regime regime_of(const arm_env *env, int el)
{
    return (regime){env->cp15.sctlr_el[el], env->cp15.ttbr0_el[el], env->cp15.ttbr1_el[el], env->cp15.mair_el[el],
                    env->cp15.hcr_el2,      env->cp15.tcr_el[el]};
}

static void lend_el1(arm_env *env, regime r)
{
    env->cp15.sctlr_el[1] = r.sctlr;
    env->cp15.ttbr0_el[1] = r.ttbr0;
    env->cp15.ttbr1_el[1] = r.ttbr1;
    env->cp15.mair_el[1] = r.mair;
    env->cp15.tcr_el[1] = r.tcr;
    env->cp15.hcr_el2 = r.hcr;
}

/* The number of a row: CRm and op2 of the instruction of EL1's. */
#define AT(crm, op2) ((crm) << 8 | (op2))

static void translate_as_el1(vmm_vcpu *v, uint32_t number, uint64_t address)
{
    const arm_register_info info = {.opc0 = 1, .crn = 7, .crm = (uint8_t)(number >> 8), .opc2 = (uint8_t)number};
    translate(v->env, &info, address);
}

static void translate_as_host(vmm_vcpu *v, uint32_t number, uint64_t address)
{
    arm_env *env = arm_env_of(v);
    regime el1 = regime_of(env, 1), el2 = regime_of(env, 2);
    el2.hcr &= ~(HCR_TGE | HCR_DC | HCR_VM); /* which would say that EL1 translates otherwise */
    lend_el1(env, el2);
    translate_as_el1(v, number, address);
    lend_el1(env, el1);
}

static void write_at(vmm_vcpu *v, uint32_t number, uint64_t address)
{
    bool host = arm_e2h(v) && arm_hcr(v) & HCR_TGE; /* also at EL3, of the levels below */
    (host ? translate_as_host : translate_as_el1)(v, number, address);
}

static void write_at_el2(vmm_vcpu *v, uint32_t number, uint64_t address)
{
    const arm_register_info plain = {.opc0 = 1, .opc1 = 4, .crn = 7, .crm = 8, .opc2 = (uint8_t)number};
    if (arm_e2h(v))
        translate_as_host(v, number, address);
    else
        translate(v->env, &plain, address);
}

static const arm_register A64[] = {
    {"AT S1E1R", 1, 0, 7, 8, 0, false, W1, AT(8, 0), NULL, write_at, NULL, 0},
    {"AT S1E1W", 1, 0, 7, 8, 1, false, W1, AT(8, 1), NULL, write_at, NULL, 0},
    {"AT S1E0R", 1, 0, 7, 8, 2, false, W1, AT(8, 2), NULL, write_at, NULL, 0},
    {"AT S1E0W", 1, 0, 7, 8, 3, false, W1, AT(8, 3), NULL, write_at, NULL, 0},
    {"AT S1E1RP", 1, 0, 7, 9, 0, false, W1, AT(9, 0), NULL, write_at, NULL, 0},
    {"AT S1E1WP", 1, 0, 7, 9, 1, false, W1, AT(9, 1), NULL, write_at, NULL, 0},
    {"AT S1E2R", 1, 4, 7, 8, 0, false, W2, AT(8, 0), NULL, write_at_el2, NULL, 0},
    {"AT S1E2W", 1, 4, 7, 8, 1, false, W2, AT(8, 1), NULL, write_at_el2, NULL, 0},
};

arm_registers arm_address_registers(const vmm_vcpu *v)
{
    return arm_of(v)->has_vhe ? ARM_TABLE(A64) : (arm_registers){0};
}
