/* What the ARM files share: events, the boundary, system registers, timers. */
#ifndef VMM_ARM_H
#define VMM_ARM_H

#include "api/vmm_arm.h"
#include "arm/env.h"
#include "core/vcpu.h"

static inline vmm_arm *arm_of(const vmm_vcpu *v)
{
    return (vmm_arm *)v->state;
}

enum { /* PSTATE and CPSR */
    PSTATE_SP = 1, PSTATE_NRW = 1 << 4, PSTATE_F = 1 << 6, PSTATE_I = 1 << 7, PSTATE_A = 1 << 8,
    PSTATE_D = 1 << 9, PSTATE_DAIF = 0xf << 6, PSTATE_IL = 1 << 20, PSTATE_PAN = 1 << 22,
    CPSR_E = 1 << 9, CPSR_J = 1 << 24, CPSR_M = 31
};

enum { /* AArch32 modes */
    MODE_USR = 0x10, MODE_FIQ = 0x11, MODE_IRQ = 0x12, MODE_SVC = 0x13, MODE_ABT = 0x17, MODE_UND = 0x1b
};

enum { /* exception classes, DDI0487 D13.2.37 */
    EC_UNKNOWN = 0x00, EC_FP_ACCESS = 0x07, EC_ILLEGAL_STATE = 0x0e, EC_SMC64 = 0x17, EC_SYSREG = 0x18, EC_SVE_ACCESS = 0x19, EC_PC_ALIGNMENT = 0x22,
    EC_SP_ALIGNMENT = 0x26, EC_SERROR = 0x2f
};

#define SYNDROME(ec, iss) ((uint32_t)(ec) << 26 | 1u << 25 | (iss))

/* The four vectors of each group of AArch64's table (DDI0487 D1.10.2). */
typedef enum { ARM_SYNC, ARM_IRQ, ARM_FIQ, ARM_SERROR } arm_kind;

/* AArch32's vectors by their offset (DDI0406 B1.8.1). */
typedef enum {
    VECTOR_UNDEFINED = 0x04, VECTOR_SVC = 0x08, VECTOR_PREFETCH = 0x0c, VECTOR_DATA = 0x10, VECTOR_IRQ = 0x18,
    VECTOR_FIQ = 0x1c
} arm32_vector;

typedef struct {
    arm_kind kind;
    arm32_vector vector32;
    uint8_t source;    /* enum vmm_source */
    uint8_t pin;
    bool has_far;
    uint32_t target;   /* exception level, 1-3 */
    uint32_t number;   /* INTID, or exception class */
    uint32_t syndrome; /* ESR_ELx */
    uint32_t fsr;      /* AArch32: DFSR or IFSR */
    uint64_t far;
    uint64_t raised;   /* machine's instruction count of the request */
} arm_event;

static inline bool arm_wants_a_look(const vmm_vcpu *v) /* before the next instruction begins */
{
    return v->count >= v->attention_at || (arm_env_of(v)->daif ^ v->masks) & v->watch;
}
static inline bool arm_is_a64(const vmm_vcpu *v)
{
    return arm_env_of(v)->aarch64;
}
static inline uint64_t arm_pc(const vmm_vcpu *v)
{
    const arm_env *env = arm_env_of(v);
    return env->aarch64 ? env->pc : env->regs[15];
}

/* state.c */
void arm_reset(vmm_vcpu *v);

/* cortex.c */
void arm_cortex_reset(vmm_vcpu *v);

/* keep.c */
void arm_keep(vmm_vcpu *v, struct vmm_registers *out);
struct vmm_vectors arm_vectors(const vmm_vcpu *v);

/* return.c */
vmm_handler arm_interrupted(vmm_vcpu *v, const arm_event *e); /* by e, which is about to be delivered */
void arm_returns(void *cpu, void *opaque);  /* Unicorn calls it before each exception return, */
void arm_returned(void *cpu, void *opaque);                   /* and behind it */

/* leftover.c */
void arm_leftover_accessed(vmm_vcpu *v, bool write); /* ELR_EL1 and SPSR_EL1, by an exception or a return */
uint64_t arm_leftover(vmm_vcpu *v, const void *saved);
int arm_watch_leftover(vmm_vcpu *v, bool on);
void arm_leave_leftover_out(const vmm_vcpu *v, arm_env *then); /* of a state that is held against the present one */

/* leftover32.c */
uint64_t arm32_leftover(const vmm_vcpu *v, const arm_env *then);
void arm32_leave_leftover_out(const vmm_vcpu *v, arm_env *then);
void arm32_mode_changes(vmm_vcpu *v, uint32_t to, bool by_exception); /* it is about to */
const char *arm_watch_modes(void *library); /* once a process; the line that says why not, or NULL */

/* deliver.c, deliver32.c */
void arm_deliver(vmm_vcpu *v, const arm_event *event);
uint64_t arm_spsr64(vmm_vcpu *v); /* of the exception level that it is at, which is AArch64 */
void arm32_enter(vmm_vcpu *v, const arm_event *event, vmm_event *record);

/* boundary.c */
bool arm_boundary(vmm_vcpu *v); /* false: PC changed or the run ends; the instruction must not begin */
bool arm_fetch_attempt(vmm_vcpu *v); /* a fetch fails here: runs its boundary; false: something else came first */
bool arm_wakes(vmm_vcpu *v);
bool arm_can_wake(vmm_vcpu *v);
void arm_attach_boundary(vmm_vcpu *v);
void arm_cover(vmm_vcpu *v, uint64_t pc); /* before the instruction at pc, for who collects that */

/* security.c */
bool arm_secure_below_el3(const vmm_vcpu *v);
int arm_gic_access(vmm_vcpu *v); /* enum vmm_gic_access: what its accesses to the GIC's system registers are */
void arm_tell_gic(vmm_vcpu *v);  /* before it looks at the vCPU's Security state */

/* inputs.c */
void arm_inputs(vmm_vcpu *v, bool irq, bool fiq); /* as the GIC drives them now */
void arm_note_masks(vmm_vcpu *v); /* a look at DAIF; arm_hold_masked must follow */
void arm_hold_masked(vmm_vcpu *v); /* which pending inputs need no look at each boundary */

/* it.c */
const char *arm_watch_blocks(void *library); /* once a process; the line that says why not, or NULL */
void arm_it_goes_on(vmm_vcpu *v); /* ITSTATE out of the state again */
void arm_it_restore(vmm_vcpu *v); /* ITSTATE into the state, in the middle of a load or store */
void arm_it_returned(vmm_vcpu *v); /* from an exception */
static inline void arm_note_return(vmm_vcpu *v) /* that in it_return is behind the instruction that began last */
{
    arm_of(v)->returned = arm_of(v)->it_return.pc ^ v->count << 32;
}

bool arm_boundaries_skipped(vmm_vcpu *v); /* run those before instructions that an IT block skipped; false as arm_boundary */

/* intercept.c */
void arm_check_lockup(vmm_vcpu *v, bool fetch); /* after the delivery of an abort */
void arm_attach_intercepts(vmm_vcpu *v);

/* debug.c */
void arm_watch_update(vmm_vcpu *v); /* after DBGWVR or DBGWCR changed */
bool arm_step_begins(vmm_vcpu *v); /* software step is active from here on: what is translated does not know it */

/* snapshot.c */
size_t arm_state_size(const vmm_vcpu *v);
void arm_save(const vmm_vcpu *v, void *state);
void arm_restore(vmm_vcpu *v, const void *state);
bool arm_alike(vmm_vcpu *v, const void *state, const void *saved);
uint64_t arm_aftermath(vmm_vcpu *v);

/* abort.c */
uint32_t arm_told_status(uint32_t syndrome, uint32_t fsr); /* an abort's syndrome, with the fault that `fsr` says */
void arm_bus_error(vmm_vcpu *v, uint64_t physical, int access);

/* sysreg.c, timer.c, gic_registers.c */
int arm_define_registers(vmm_vcpu *v);
void arm_timers_reset(vmm_vcpu *v);
void arm_timer_expired(vmm_vcpu *v, uint32_t which);

#endif
