/* ARM vCPUs, AArch64 and ARMv7-A: their state and the calls over it. */
#ifndef VMM_ARM_STATE_H
#define VMM_ARM_STATE_H

#include "api/vmm.h"

enum vmm_arm_timer_index { VMM_TIMER_SECURE = 0, VMM_TIMER_PHYSICAL = 1, VMM_TIMER_VIRTUAL = 2, VMM_TIMER_HYPERVISOR = 3,
    VMM_TIMER_HYPERVISOR_VIRTUAL = 4, VMM_TIMER_CYCLES = 5 };

#define VMM_GENERIC_TIMERS 5

typedef struct {
    uint64_t compare; /* CVAL: counter ticks */
    uint32_t control; /* CTL: bit 0 ENABLE, bit 1 IMASK */
    uint8_t intid;    /* its PPI; configuration */
    uint8_t output;   /* the line to the GIC */
    uint32_t timer;   /* of the machine: fires when the condition becomes true */
} vmm_arm_timer;

/* The cycle counter; its control registers lie in Unicorn's state. */
typedef struct {
    uint64_t count; /* PMCCNTR at `since` */
    uint64_t since; /* the vCPU's count up to which it has been counted */
    uint8_t residue; /* cycles on the way to the next count, where PMCR.D divides */
    uint8_t running;
    uint8_t parked; /* no deadline is set: the vCPU sleeps, or it is another's turn */
    uint8_t output; /* the overflow interrupt's line to the GIC */
    uint32_t timer; /* of the machine */
} vmm_arm_cycles;

#define VMM_CORTEX_REGISTERS 7

/* An access as Unicorn announces it. */
typedef struct {
    uint64_t count;  /* of instructions, when it was made */
    uint16_t offset; /* in its page */
    uint8_t size;
    uint8_t write;
} vmm_arm_access;

typedef struct {
    uint64_t pc;
    uint8_t state; /* ITSTATE */
} vmm_it_return;

typedef struct {
    const char *name;
    uint8_t op0, op1, crn, crm, op2; /* op0 = 0: CP15 */
    uint8_t pair;   /* MCRR and MRRC */
    uint8_t access; /* two bits a level from EL0 on: write, read */
} vmm_arm_own;

/* What Python is asked about before the guest sees it. */
typedef struct {
    uint8_t svc; /* any */
    uint8_t hvc;
    uint8_t smc;
    uint8_t brk;
    uint8_t undefined;
    uint8_t *system; /* one bit an encoding; NULL: none */
} vmm_arm_traps;

typedef struct {
    /* dynamic: what a snapshot keeps, up to `watch_hook` */
    vmm_it_return it_return; /* where the last exception return went */
    uint32_t loops;      /* how often in a row a vector's own first instruction raised what led to it */
    uint64_t skipped_at; /* count at which boundaries of skipped instructions have been run, up to skipped_to */
    uint64_t skipped_to;
    uint8_t it_known;   /* transient: the state holds the true ITSTATE although translated code runs */
    vmm_arm_cycles cycles;
    uint64_t serror;  /* ISS of the pending SError */
    uint64_t serror_raised;
    vmm_arm_timer timer[VMM_GENERIC_TIMERS];
    uint64_t cntfrq;  /* what firmware wrote there */
    uint64_t cntvoff;
    uint32_t cntkctl;
    uint32_t cnthctl;
    uint64_t cortex[VMM_CORTEX_REGISTERS]; /* its own control registers, see cortex.c */

    size_t watch_hook;  /* Unicorn's hook while a watchpoint is enabled */
    size_t leftover_hook[2]; /* and those of MRS and MSR while somebody is told of them */
    vmm_arm_access access; /* transient: the last one, while it is */
    uint64_t filled; /* transient: the virtual page that came into Unicorn's TLB last */
    uint8_t strict; /* derived: regimes, one bit each, whose code is translated so that data must be aligned */
    uint64_t returned;  /* transient: where the last exception return went, and the count (low half) above */
    uint64_t hook_frame; /* transient: where translated code's calls return, see it.c */
    uint8_t unredirected; /* transient: a name means its own register, whoever runs: a script asks */
    uint8_t aarch64;  /* configuration: the processor is one of AArch64 */
    uint8_t has_el2;  /* configuration */
    uint8_t has_el3;
    uint8_t has_pan;  /* configuration: PSTATE.PAN exists */
    uint8_t has_random; /* configuration: RNDR */
    uint8_t has_vhe;    /* configuration: HCR_EL2.E2H */
    uint8_t has_pauth;  /* configuration: pointer authentication */
    uint8_t is_cortex;  /* configuration: a Cortex-A53, A57 or A72 */
    uint8_t conduit;  /* configuration: enum vmm_arm_conduit, firmware calls */
    uint8_t several;    /* configuration: of several vCPUs */
    uint64_t mpidr;
    uint64_t pfr;       /* configuration: ID_AA64PFR0_EL1 or ID_PFR1 */
    uint64_t mmfr1;     /* configuration: ID_AA64MMFR1_EL1 */
    uint64_t counter_hz;
    void *reset;      /* the state at reset, as Unicorn keeps it */
    vmm_arm_traps traps;
} vmm_arm;

enum vmm_arm_conduit { VMM_CONDUIT_NONE = 0, VMM_CONDUIT_HVC = 1, VMM_CONDUIT_SMC = 2 };

/* ---- calls ---- */

/* One more AArch64 or ARMv7-A vCPU, switched off unless it is the first; Unicorn's model number. */
int vmm_add_arm(vmm_machine *m, int aarch64, int cpu_model, int has_el2, int has_el3);
vmm_arm *vmm_arm_of(vmm_vcpu *v);   /* NULL: it is another architecture's */
void vmm_arm_start(vmm_vcpu *v, uint64_t entry, uint64_t argument); /* on, from reset, argument in X0 or R0 */
void vmm_arm_off(vmm_vcpu *v);
void vmm_arm_wait(vmm_vcpu *v); /* as WFI */
uint64_t vmm_arm_read(vmm_vcpu *v, uint64_t address, void *buffer, uint64_t size); /* as vmm_x86_read */
uint64_t vmm_arm_write(vmm_vcpu *v, uint64_t address, const void *buffer, uint64_t size);
uint64_t vmm_arm_timer_count(vmm_vcpu *v, uint32_t which); /* what its CVAL is held against */
uint64_t vmm_arm_get(vmm_vcpu *v, int uc_register);
void vmm_arm_set(vmm_vcpu *v, int uc_register, uint64_t value);
int vmm_arm_vector_get(vmm_vcpu *v, uint32_t number, uint8_t bytes[16]); /* V0 to V31, ARMv7: D0 to D31 of 64 bits */
int vmm_arm_vector_set(vmm_vcpu *v, uint32_t number, const uint8_t bytes[16]);
uint64_t vmm_arm_pc(vmm_vcpu *v);
void vmm_arm_set_pc(vmm_vcpu *v, uint64_t pc); /* bit 0: Thumb, where there is any */
uint32_t vmm_arm_pstate(vmm_vcpu *v); /* as an SPSR would show it: PSTATE or CPSR, IT bits as they truly are */
void vmm_arm_set_pstate(vmm_vcpu *v, uint32_t value);
/* A system register by its encoding (op0 = 0: CP15), without side effects; -1: there is none. */
int vmm_arm_system_get(vmm_vcpu *v, uint32_t op0, uint32_t op1, uint32_t crn, uint32_t crm, uint32_t op2, uint64_t *value);
int vmm_arm_system_set(vmm_vcpu *v, uint32_t op0, uint32_t op1, uint32_t crn, uint32_t crm, uint32_t op2, uint64_t value);
/* The nth of the registers that are not Unicorn's own, of whichever access; -1: there are no more. */
int vmm_arm_own_register(vmm_vcpu *v, uint32_t n, vmm_arm_own *own);
uint32_t vmm_arm_el(vmm_vcpu *v);
uint32_t vmm_arm_it(vmm_vcpu *v);     /* ITSTATE[7:0] at the present boundary */
void vmm_arm_serror(vmm_vcpu *v, uint32_t iss);
int vmm_arm_trap_system(vmm_vcpu *v, uint32_t number); /* ask Python about a system register; number as VMM_TRAP_SYSREG's */

#endif
