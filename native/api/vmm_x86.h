/* x86 vCPUs: their state and the calls over it. */
#ifndef VMM_X86_STATE_H
#define VMM_X86_STATE_H

#include "api/vmm.h"
#include "api/vmm_apic.h"

#define VMM_MAX_MSRS 64
#define VMM_MAX_CPUID 64

enum vmm_native { VMM_NATIVE_BEGINS = 1, VMM_NATIVE_ENDS = 2 };

enum vmm_shadow { VMM_SHADOW_NONE = 0, VMM_SHADOW_STI = 1, VMM_SHADOW_MOV_SS = 2 };

typedef struct {
    uint32_t leaf;
    uint32_t subleaf;
    uint8_t any_subleaf;
    uint32_t eax, ebx, ecx, edx;
} vmm_cpuid;

typedef struct {
    uint32_t index;
    uint8_t read_only;
    uint64_t value;
    uint64_t writable; /* bits a guest may set; others raise #GP */
} vmm_msr;

/* What Python is asked about before the guest sees it. */
typedef struct {
    uint64_t vectors[4]; /* of INT n, one bit each */
    uint32_t exceptions; /* one bit a vector */
    uint8_t hlt;
    uint8_t msr;  /* any: every MSR access */
    uint8_t port; /* any: those in `ports` */
    uint8_t ports[8192]; /* one bit each */
} vmm_x86_traps;

typedef struct {
    /* dynamic: what a snapshot keeps, up to `watch_hook` */
    uint32_t dr6_known;   /* DR6 as it was at the last #DB or write */
    uint16_t dr6_pending; /* DR6 bits of the #DB that VMM_PEND_DB announces */
    uint8_t native;        /* transient: enum vmm_native, where VMM_PEND_NATIVE stands */
    uint8_t watch_changed; /* transient: a debug register was written */
    uint8_t fpu_changed;   /* transient: an error of the x87 became pending, or may have ceased to be */
    uint8_t watch_hit;     /* transient: DR6 bits of data breakpoints hit by the present instruction */
    uint64_t simd_count;    /* transient: count when an SSE instruction that may fault had begun last, */
    uint64_t simd_value[2]; /* and the register it changes as it was then */
    uint32_t simd_register; /* Unicorn's public number */
    uint64_t iret_at;      /* transient: count when the last IRET had begun; 0: it has been seen to return */
    uint64_t iret_from[28]; /* transient: what it changes, as it was (return.c) */
    uint64_t rep_seen;     /* transient: count when a REP instruction last came back */
    uint64_t rep_mask;     /* transient: which bits of RCX count for it; 0: it is none */
    uint64_t tsc_offset;
    uint64_t tsc_adjust;
    vmm_lapic lapic;
    uint32_t msr_count;
    vmm_msr msr[VMM_MAX_MSRS];
    uint32_t chain_length;
    vmm_fault chain[VMM_CHAIN]; /* the faults of the last nested delivery, oldest first */

    size_t watch_hook;     /* Unicorn's hook while data breakpoints are on */
    uint64_t left_at;      /* where translated code called out last */
    uint8_t nmi_in_sti_shadow; /* configuration: 1 lets an NMI into an STI shadow (profile) */
    uint8_t syscall_anywhere; /* configuration: SYSCALL outside 64-bit mode, as AMD has it */
    uint8_t ferr_line; /* configuration: which line FERR# drives; 0: none */
    uint8_t breakpoint_in_ss_shadow; /* configuration: an instruction breakpoint holds in the shadow of MOV SS (AMD) */
    uint32_t cpuid_count;
    vmm_cpuid cpuid[VMM_MAX_CPUID];
    vmm_x86_traps traps;
    void *native_switch;   /* transient: a task switch of Unicorn's own, while it is under way (native_task.c) */
} vmm_x86;

/* ---- calls ---- */

int vmm_add_x86(vmm_machine *m, int cpu_model);  /* one more vCPU at the reset vector; Unicorn's model number */
vmm_x86 *vmm_x86_of(vmm_vcpu *v);                /* NULL: it is another architecture's */
vmm_lapic *vmm_lapic_of(vmm_vcpu *v);

/* Guest memory as the vCPU sees it now, at supervisor privilege; bytes done (short at the first unmapped page). */
uint64_t vmm_x86_read(vmm_vcpu *v, uint64_t linear, void *buffer, uint64_t size);
uint64_t vmm_x86_write(vmm_vcpu *v, uint64_t linear, const void *buffer, uint64_t size);
uint64_t vmm_x86_get(vmm_vcpu *v, int uc_register); /* by Unicorn's public register number, at most 64 bits */
void vmm_x86_set(vmm_vcpu *v, int uc_register, uint64_t value);
/* XMM0 to XMM15 are numbers 0 to 15, ST0 to ST7, of 80 bits, 16 to 23; -1: there is no such one. So for ARM. */
int vmm_x86_vector_get(vmm_vcpu *v, uint32_t number, uint8_t bytes[16]);
int vmm_x86_vector_set(vmm_vcpu *v, uint32_t number, const uint8_t bytes[16]);

enum vmm_x86_segment { VMM_ES = 0, VMM_CS = 1, VMM_SS = 2, VMM_DS = 3, VMM_FS = 4, VMM_GS = 5, VMM_LDTR = 6, VMM_TR = 7, VMM_GDTR = 8, VMM_IDTR = 9 };

typedef struct {
    uint16_t selector;
    uint64_t base;
    uint32_t limit;
    uint32_t attributes; /* descriptor bits 8-23 of its high half, in place */
} vmm_segment;

void vmm_x86_get_segment(vmm_vcpu *v, int segment, vmm_segment *out);
void vmm_x86_set_segment(vmm_vcpu *v, int segment, const vmm_segment *in);
uint32_t vmm_x86_cpl(vmm_vcpu *v);
int vmm_x86_nmi_blocked(vmm_vcpu *v);
int vmm_x86_shadow(vmm_vcpu *v); /* enum vmm_shadow at the present boundary */
uint64_t vmm_x86_linear_pc(vmm_vcpu *v);
/* What Unicorn's CPU model itself answers to CPUID: EAX EBX ECX EDX. Only before the vCPU has run. */
void vmm_x86_model_cpuid(vmm_vcpu *v, uint32_t leaf, uint32_t subleaf, uint32_t out[4]);
int vmm_x86_msr_read(vmm_vcpu *v, uint32_t index, uint64_t *value); /* -1 where the guest would get #GP */
int vmm_x86_msr_write(vmm_vcpu *v, uint32_t index, uint64_t value);
void vmm_x86_init(vmm_vcpu *v);      /* INIT, at its next boundary if it is the current one, else at once */
void vmm_x86_hand_over(vmm_vcpu *v); /* between runs: as firmware leaves it, but for the entry state of an image */
void vmm_x86_a20(vmm_vcpu *v, int enabled); /* the A20 gate: disabled, physical address bit 20 reads as 0 */

#endif
