/* The performance monitors' registers (DDI0487 D13.4, DDI0406 C12.8); what they do is in cycles.c. */
#include "arm/cycles.h"
#include "arm/sysreg.h"

enum { USER_ENABLE = 1, USER_SOFTWARE = 2, USER_CYCLES = 4, USER_EVENTS = 8, SELECT_CYCLES = 31 };

#define FILTER_A32 (FILTER_P | FILTER_U | FILTER_NSK | FILTER_NSU | FILTER_NSH)
#define FILTER_A64 (FILTER_A32 | FILTER_M)

enum change { REPLACE, SET, CLEAR };

static uint64_t writable(vmm_vcpu *v, enum arm_cycles_field which)
{
    bool v8 = arm_of(v)->aarch64;
    switch (which) {
    case CONTROL: return PMCR_E | PMCR_D | PMCR_X | PMCR_DP | (v8 ? PMCR_LC : 0u);
    case USER: return v8 ? USER_ENABLE | USER_SOFTWARE | USER_CYCLES | USER_EVENTS : USER_ENABLE;
    case SELECTED: return SELECT_CYCLES;
    default: return CYCLES;
    }
}

#define NUMBER(field, change) ((uint32_t)(field) | (uint32_t)(change) << 8)

static uint64_t read_field(vmm_vcpu *v, uint32_t number)
{
    arm_cycles_settle(v);
    return *cycles_field(v, number & 0xff);
}

static void write_field(vmm_vcpu *v, uint32_t number, uint64_t value)
{
    enum arm_cycles_field which = number & 0xff;
    uint64_t mask = writable(v, which), *field = cycles_field(v, which), bits = value & mask;
    arm_cycles_settle(v);
    switch ((enum change)(number >> 8)) {
    case REPLACE: *field = (*field & ~mask) | bits; break;
    case SET: *field |= bits; break;
    case CLEAR: *field &= ~bits; break;
    }
    if (which == CONTROL && value & PMCR_C)
        arm_of(v)->cycles.count = arm_of(v)->cycles.residue = 0;
    arm_cycles_update(v);
}

static uint64_t read_cycles(vmm_vcpu *v, uint32_t number)
{
    (void)number;
    arm_cycles_settle(v);
    return arm_of(v)->cycles.count;
}

static void write_cycles(vmm_vcpu *v, uint32_t number, uint64_t value)
{
    (void)number;
    arm_cycles_settle(v);
    arm_of(v)->cycles.count = value;
    arm_cycles_update(v);
}

static void write_cycles_low(vmm_vcpu *v, uint32_t number, uint64_t value) /* a 32-bit access leaves the upper half */
{
    write_cycles(v, number, (read_cycles(v, number) & ~0xffffffffull) | (uint32_t)value);
}

static uint64_t read_filter(vmm_vcpu *v, uint32_t mask)
{
    return arm_env_of(v)->cp15.pmccfiltr_el0 & mask;
}

static void write_filter(vmm_vcpu *v, uint32_t mask, uint64_t value)
{
    uint64_t *filter = &arm_env_of(v)->cp15.pmccfiltr_el0;
    arm_cycles_settle(v);
    *filter = (*filter & ~(uint64_t)mask) | (value & mask);
    arm_cycles_update(v);
}

/* PMXEVTYPER is the selected counter's; of a counter that does not exist it is RAZ/WI here (CONSTRAINED UNPREDICTABLE). */
static uint64_t read_selected_type(vmm_vcpu *v, uint32_t mask)
{
    return *cycles_field(v, SELECTED) == SELECT_CYCLES ? read_filter(v, mask) : 0;
}

static void write_selected_type(vmm_vcpu *v, uint32_t mask, uint64_t value)
{
    if (*cycles_field(v, SELECTED) == SELECT_CYCLES)
        write_filter(v, mask, value);
}

/* DDI0487 D13.4, PMUSERENR_EL0: EN admits EL0 to everything, the others to what they name. */
static int admitted(vmm_vcpu *v, uint64_t bits)
{
    return vmm_arm_el(v) == 0 && !(*cycles_field(v, USER) & bits) ? ACCESS_TRAP : ACCESS_OK;
}

static int check_user(vmm_vcpu *v, uint32_t number, bool read)
{
    (void)number, (void)read;
    return admitted(v, USER_ENABLE);
}

static int check_cycles(vmm_vcpu *v, uint32_t number, bool read)
{
    (void)number;
    return admitted(v, USER_ENABLE | (read ? USER_CYCLES : 0u));
}

static int check_software(vmm_vcpu *v, uint32_t number, bool read)
{
    (void)number, (void)read;
    return admitted(v, USER_ENABLE | USER_SOFTWARE);
}

static int check_selection(vmm_vcpu *v, uint32_t number, bool read)
{
    (void)number, (void)read;
    return admitted(v, USER_ENABLE | USER_EVENTS);
}

static int check_events(vmm_vcpu *v, uint32_t number, bool read)
{
    (void)number;
    return admitted(v, USER_ENABLE | (read ? USER_EVENTS : 0u));
}

#define FIELD(field, change) NUMBER(field, change), read_field, write_field

/* row(name, lowest number that selects it, access, number, read, write, check, controls) */
#define COMMON(ROW, SUFFIX, KERNEL, FILTER) \
    ROW("PMCR" SUFFIX, 3, 12, 0, R0 | W0, FIELD(CONTROL, REPLACE), check_user, TPM | TPMCR), \
    ROW("PMCNTENSET" SUFFIX, 3, 12, 1, R0 | W0, FIELD(ENABLED, SET), check_user, TPM), \
    ROW("PMCNTENCLR" SUFFIX, 3, 12, 2, R0 | W0, FIELD(ENABLED, CLEAR), check_user, TPM), \
    ROW("PMOVSCLR" SUFFIX, 3, 12, 3, R0 | W0, FIELD(OVERFLOWED, CLEAR), check_user, TPM), \
    ROW("PMSWINC" SUFFIX, 3, 12, 4, W0, 0, NULL, NULL, check_software, TPM), \
    ROW("PMSELR" SUFFIX, 3, 12, 5, R0 | W0, FIELD(SELECTED, REPLACE), check_selection, TPM), \
    ROW("PMXEVTYPER" SUFFIX, 3, 13, 1, R0 | W0, FILTER, read_selected_type, write_selected_type, check_user, TPM), \
    ROW("PMXEVCNTR" SUFFIX, 3, 13, 2, R0 | W0, 0, NULL, NULL, check_events, TPM), \
    ROW("PMUSERENR" SUFFIX, 3, 14, 0, R0 | W1, FIELD(USER, REPLACE), NULL, TPM), \
    ROW("PMINTENSET" KERNEL, 0, 14, 1, R1 | W1, FIELD(INTERRUPTS, SET), NULL, TPM), \
    ROW("PMINTENCLR" KERNEL, 0, 14, 2, R1 | W1, FIELD(INTERRUPTS, CLEAR), NULL, TPM), \
    ROW("PMOVSSET" SUFFIX, 3, 14, 3, R0 | W0, FIELD(OVERFLOWED, SET), check_user, TPM)

#define A64_ROW(name, op1, crm, op2, access, ...) {name, 3, op1, 9, crm, op2, false, access, __VA_ARGS__}
#define A32_ROW(name, op1, crm, op2, access, ...) {name, 0, 0, 9, crm, op2, false, access, __VA_ARGS__}

static const arm_register A64[] = {
    COMMON(A64_ROW, "_EL0", "_EL1", FILTER_A64),
    {"PMCCNTR_EL0", 3, 3, 9, 13, 0, false, R0 | W0, 0, read_cycles, write_cycles, check_cycles, TPM},
    {"PMCCFILTR_EL0", 3, 3, 14, 15, 7, false, R0 | W0, FILTER_A64, read_filter, write_filter, check_user, TPM},
};

static const arm_register A32[] = {
    COMMON(A32_ROW, "", "", FILTER_A32),
    {"PMCCNTR", 0, 0, 9, 13, 0, false, R0 | W0, 0, read_cycles, write_cycles_low, check_cycles, TPM},
    /* from here on ARMv8's */
    {"PMCCFILTR", 0, 0, 14, 15, 7, false, R0 | W0, FILTER_A32, read_filter, write_filter, check_user, TPM},
    {"PMCCNTR (64 bits)", 0, 0, 0, 9, 0, true, R0 | W0, 0, read_cycles, write_cycles, check_cycles, TPM},
};
enum { OF_ARMV8 = 2 };

arm_registers arm_cycle_registers(const vmm_vcpu *v)
{
    return arm_of(v)->aarch64 ? ARM_TABLE(A64) : (arm_registers){0};
}

arm_registers arm_cycle_registers32(const vmm_vcpu *v)
{
    arm_registers table = ARM_TABLE(A32);
    table.count -= arm_of(v)->aarch64 ? 0 : OF_ARMV8;
    return table;
}
