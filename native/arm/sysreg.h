/* System registers that are ours: a row each, defined in Unicorn under its AArch64 or AArch32 encoding. */
#ifndef VMM_ARM_SYSREG_H
#define VMM_ARM_SYSREG_H

#include "arm/arm.h"

enum arm_access { /* the lowest exception level that may read and write */
    NOBODY = 0, R0 = 0xaa, W0 = 0x55, R1 = 0xa8, W1 = 0x54, R2 = 0xa0, W2 = 0x50, R3 = 0x80, W3 = 0x40
};

/* Controls of EL2 and EL3 that trap accesses from below; what each is, controls.c says. */
enum arm_control {
    TID3 = 1 << 0, TTLB = 1 << 1, TPU = 1 << 2, SGI = 1 << 3, TDA = 1 << 4, TPM = 1 << 5, TPMCR = 1 << 6, EL1PCTEN = 1 << 7,
    EL1PCEN = 1 << 8, GROUP0 = 1 << 9, GROUP1 = 1 << 10, EITHER_GROUP = 1 << 11,
    TVM = 1 << 12, TRVM = 1 << 13, TCPAC = 1 << 14, TIDCP = 1 << 15,
    CONTROLS = 16
};

enum arm_form { SINGLE = 0, PAIR = 1 /* AArch32: MCRR and MRRC */, SVE_ACCESS = 2 /* held as SVE is */ };

enum arm_check { ACCESS_OK = 0, ACCESS_TRAP = 1, ACCESS_UNDEFINED = 2, ACCESS_TRAP_EL2 = 3, ACCESS_TRAP_EL3 = 4 };

typedef struct {
    const char *name;
    uint8_t op0; /* 0: an AArch32 register of CP15 */
    uint8_t op1, crn, crm, op2;
    uint8_t form; /* enum arm_form */
    uint8_t access; /* enum arm_access */
    uint32_t number; /* what the functions below are told */
    uint64_t (*read)(vmm_vcpu *v, uint32_t number);
    void (*write)(vmm_vcpu *v, uint32_t number, uint64_t value);
    int (*check)(vmm_vcpu *v, uint32_t number, bool read); /* EL1's say over EL0, enum arm_check; NULL: it has none */
    uint32_t controls; /* enum arm_control: who above traps it */
} arm_register;

typedef struct {
    const arm_register *rows;
    size_t count;
} arm_registers;

arm_registers arm_timer_registers(const vmm_vcpu *v);
arm_registers arm_timer_registers32(const vmm_vcpu *v); /* as AArch32 names them, beside AArch64's own */
arm_registers arm_gic_registers(const vmm_vcpu *v);
arm_registers arm_debug_registers(const vmm_vcpu *v);
arm_registers arm_identity_registers(const vmm_vcpu *v);
arm_registers arm_cortex_registers(const vmm_vcpu *v);
arm_registers arm_broadcast_registers(const vmm_vcpu *v); /* what several vCPUs must hear of each other */
arm_registers arm_hypervisor_registers(const vmm_vcpu *v);
arm_registers arm_host_timer_registers(const vmm_vcpu *v);
arm_registers arm_address_registers(const vmm_vcpu *v);
arm_registers arm_vhe_registers(const vmm_vcpu *v);
arm_registers arm_fp_registers(const vmm_vcpu *v);
arm_registers arm_cycle_registers(const vmm_vcpu *v);
arm_registers arm_cycle_registers32(const vmm_vcpu *v); /* as AArch32 names them */

/* controls.c */
int arm_control_check(vmm_vcpu *v, uint32_t controls, bool read);

int arm_check_e2h(vmm_vcpu *v, uint32_t number, bool read); /* of a name that exists only with HCR_EL2.E2H */
 /* enum arm_check */

#define ARM_TABLE(rows) ((arm_registers){(rows), sizeof(rows) / sizeof *(rows)})

#endif
