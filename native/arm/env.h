/*
 * Unicorn 2.1.4's private ARM CPU state, the part the core uses. Nothing else in the house knows this layout.
 *
 * It is the same for A32 and A64 up to the vector registers; the few fields behind those are found from the end.
 * As on x86, the state is found by what it holds and proven against the public API before a guest runs.
 */
#ifndef VMM_ARM_ENV_H
#define VMM_ARM_ENV_H

#include <stdbool.h>

#include "api/vmm.h"

typedef struct { uint64_t raw; uint32_t mask, base_mask; } arm_tcr;
typedef struct { uint64_t cval, ctl; } arm_env_timer;

typedef struct {
    uint32_t regs[16];
    uint64_t xregs[32];
    uint64_t pc;
    uint32_t pstate;
    uint32_t aarch64;
    uint32_t hflags;
    uint32_t uncached_cpsr;
    uint32_t spsr;
    uint64_t banked_spsr[8];
    uint32_t banked_r13[8];
    uint32_t banked_r14[8];
    uint32_t usr_regs[5];
    uint32_t fiq_regs[5];
    uint32_t cf, vf, nf, zf, qf, ge;
    uint32_t thumb;
    uint32_t condexec_bits;
    uint32_t btype;
    uint64_t daif;
    uint64_t elr_el[4];
    uint64_t sp_el[4];
    struct {
        uint32_t c0_cpuid;
        uint64_t csselr_el[4];
        uint64_t sctlr_el[4];
        uint64_t cpacr_el1;
        uint64_t cptr_el[4];
        uint32_t c1_xscaleauxcr;
        uint64_t sder;
        uint32_t nsacr;
        uint64_t ttbr0_el[4];
        uint64_t ttbr1_el[4];
        uint64_t vttbr_el2;
        arm_tcr tcr_el[4];
        arm_tcr vtcr_el2;
        uint32_t c2_data;
        uint32_t c2_insn;
        uint64_t dacr[2];
        uint32_t pmsav5_data_ap;
        uint32_t pmsav5_insn_ap;
        uint64_t hcr_el2;
        uint64_t scr_el3;
        uint64_t ifsr[2]; /* non-secure, secure */
        uint64_t esr_el[4]; /* [1] is the non-secure DFSR */
        uint32_t c6_region[8];
        uint64_t far_el[4]; /* [1]: non-secure DFAR below, IFAR above */
        uint64_t hpfar_el2;
        uint64_t hstr_el2;
        uint64_t par_el[4];
        uint32_t c9_insn;
        uint32_t c9_data;
        uint64_t c9_pm[6];
        uint64_t mair_el[4];
        uint64_t vbar_el[4];
        uint32_t mvbar;
        uint32_t fcseidr[2];
        uint64_t contextidr_el[4];
        uint64_t tpidr_el[4];
        uint64_t tpidr_s[3];
        uint64_t tpidrro_el[1];
        uint64_t c14_cntfrq;
        uint64_t c14_cntkctl;
        uint32_t cnthctl_el2;
        uint64_t cntvoff_el2;
        arm_env_timer c14_timer[5];
        uint32_t c15[9];
        uint64_t dbg[4][16];
        uint64_t mdscr_el1;
        uint64_t oslsr_el1;
        uint64_t mdcr_el2;
        uint64_t mdcr_el3;
        uint64_t c15_ccnt;
        uint64_t c15_ccnt_delta;
        uint64_t c14_pm[3][31];
        uint64_t pmccfiltr_el0;
        uint64_t vpidr_el2;
        uint64_t vmpidr_el2;
    } cp15;
    uint32_t v7m[46];
    struct {
        uint32_t syndrome; /* in AArch64's format, also for AArch32 */
        uint32_t fsr;      /* AArch32's fault status */
        uint64_t vaddress;
        uint32_t target_el;
    } exception;
} arm_env;

/* The end of the state; between the two structs lie the pointer-authentication keys, in the A64 library only. */
typedef struct {
    uint64_t exclusive_addr; /* all ones: no address is monitored */
    uint64_t exclusive_val;
    uint64_t exclusive_high;
    uint64_t iwmmxt[25];
} arm_env_monitor;

typedef struct {
    uint64_t features; /* one bit an architectural feature */
    uint64_t pmsa[13];
    uint64_t pointers[3];
    void *breakpoints[16];
} arm_env_tail;

enum { /* bits of features */
    FEATURE_V7 = 5, FEATURE_NEON = 8, FEATURE_M = 9, FEATURE_GENERIC_TIMER = 18, FEATURE_AARCH64 = 28, FEATURE_EL2 = 32, FEATURE_EL3 = 33,
    FEATURE_OURS = 63 /* not of Unicorn's: a machine of ours has this vCPU, no other user of Unicorn in the process */
};

/* Unicorn's own functions that the core calls, by the names they are exported under. */
typedef struct {
    void (*cpu_loop_exit_noexc)(void *cpu) __attribute__((noreturn)); /* leave translated code; go on as the state says */
    void (*arm_rebuild_hflags)(void *env);
    uint32_t (*cpsr_read)(void *env);
    void (*cpsr_write)(void *env, uint32_t value, uint32_t mask, int type);
    void (*aarch64_sync_32_to_64)(void *env);
    void (*define_register)(void *cpu, const void *info, void *opaque);
    uint64_t (*physical_page)(void *cpu, uint64_t address, uint32_t *attributes); /* all ones: not mapped */
    void (*tlb_flush)(void *cpu);
    void (*hw_breakpoint_update_all)(void *cpu); /* Unicorn's breakpoints as the debug registers want them */
    uint32_t (*sve_length)(void *env, int el); /* in quadwords, less 1 */
    void (*sve_narrow)(void *env, unsigned quadwords); /* the A64 library alone */
    bool (*cpu_restore_state)(void *cpu, uintptr_t host_pc, bool will_exit); /* false: not in translated code */
} arm_calls;

static inline arm_env *arm_env_of(const vmm_vcpu *v)
{
    return v->env;
}

const arm_calls *arm_calls_of(const vmm_vcpu *v);
arm_env_tail *arm_tail_of(const vmm_vcpu *v);
arm_env_monitor *arm_monitor_of(const vmm_vcpu *v);


enum { ARM_VECTORS = 32 };
const void *arm_vector(const vmm_vcpu *v, unsigned n); /* V0 to V31 of A64, D0 to D31 of A32 */
unsigned arm_vector_apart(const vmm_vcpu *v); /* bytes from one to the next */
uint64_t arm_features(const void *env, bool aarch64); /* of whichever vCPU's state this is; 0 before the layout is known */

int arm_env_find(vmm_vcpu *v); /* 0, or -1 with machine->error */
int arm_env_prove(vmm_vcpu *v);
int arm_env_replace_pmu(vmm_vcpu *v);
int arm_env_take_away(vmm_vcpu *v);

#endif
