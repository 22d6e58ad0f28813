/*
 * Unicorn 2.1.4's private x86 CPU state, the part the core uses. Nothing else in the house knows these layouts.
 *
 * The state is found at start-up by what it holds (x86_env_find) and every field that is used is proven against the
 * public API or by behaviour (x86_env_prove) before a guest runs: another Unicorn fails with one line, not a guest.
 */
#ifndef VMM_X86_ENV_H
#define VMM_X86_ENV_H

#include "api/vmm.h"

typedef struct {
    uint32_t selector;
    uint64_t base;
    uint32_t limit;
    uint32_t flags; /* the descriptor's second doubleword */
} x86_seg;

typedef struct {
    uint64_t regs[16]; /* RAX RCX RDX RBX RSP RBP RSI RDI R8-R15 */
    uint64_t eip;
    uint64_t eflags; /* system bits; what it holds of arithmetic flags and DF, which are kept apart, may be stale */
    uint64_t cc_dst, cc_src, cc_src2;
    uint32_t cc_op; /* how the arithmetic flags follow from those three; CC_OP_EFLAGS: cc_src has them */
    int32_t df;
    uint32_t hflags;
    uint32_t hflags2;
    x86_seg segs[6]; /* ES CS SS DS FS GS */
    x86_seg ldt, tr, gdt, idt;
    uint64_t cr[9];
    int32_t a20_mask;
    uint64_t bounds[8];
    uint64_t bounds_config[3];
    uint64_t efer;
} x86_env;

/* The end of what a reset clears; its distance from the end is what uc_context_size tells. */
typedef struct {
    int32_t error_code;
    int32_t exception_is_int;
    uint64_t exception_next_eip;
    uint64_t dr[8];
    void *breakpoints[4];
    int32_t old_exception;
    uint64_t vm_vmcb;
    uint64_t tsc_offset;
    uint64_t intercept;
    uint16_t intercept_cr_read;
    uint16_t intercept_cr_write;
    uint16_t intercept_dr_read;
    uint16_t intercept_dr_write;
    uint32_t intercept_exceptions;
    uint64_t nested_cr3;
    uint32_t nested_pg_mode;
    uint8_t v_tpr;
    uintptr_t retaddr;
} x86_env_tail;

typedef struct { /* of the x87 */
    uint32_t top;
    uint16_t status; /* without TOP */
    uint16_t control;
} x86_fpu;

enum { CC_OP_EFLAGS = 1 };

enum { /* hflags */
    HF_CPL = 3,
    HF_INH = 1 << 3,
    HF_IOBPT = 1 << 24, /* some breakpoint is on a port */
    HF_CS32 = 1 << 4,
    HF_SS32 = 1 << 5,
    HF_ADDSEG = 1 << 6,
    HF_PE = 1 << 7,
    HF_LMA = 1 << 14,
    HF_CS64 = 1 << 15,
    HF_GUEST = 1 << 21,
    HF_NATIVE = 1 << 27  /* ours, unknown to Unicorn but as one more kind of block: what was stopped for us may run */
};

enum { HF2_NMI = 1 << 2 };

enum { R_AX, R_CX, R_DX, R_BX, R_SP, R_BP, R_SI, R_DI, R_11 = 11 };

static inline x86_env *env_of(const vmm_vcpu *v)
{
    return v->env;
}

x86_env_tail *tail_of(const vmm_vcpu *v);

extern struct x86_float_offsets { size_t fpu, mxcsr, simd_status, xmm; } x86_float_at; /* in the state; one Unicorn a process */

static inline x86_fpu *x86_fpu_of(const vmm_vcpu *v)
{
    return (x86_fpu *)((char *)v->env + x86_float_at.fpu);
}

static inline uint32_t *x86_mxcsr_of(const vmm_vcpu *v)
{
    return (uint32_t *)((char *)v->env + x86_float_at.mxcsr);
}

static inline void *x86_simd_status_of(const vmm_vcpu *v) /* what Unicorn's arithmetic is told to do for SSE */
{
    return (char *)v->env + x86_float_at.simd_status;
}

enum { X86_XMMS = 16, X86_XMM_BYTES = 16, X86_XMMS_APART = 64 /* each is the lowest part of a ZMM */ };

static inline const void *x86_xmm_of(const vmm_vcpu *v, unsigned n)
{
    return (const char *)v->env + x86_float_at.xmm + n * (size_t)X86_XMMS_APART;
}

void x86_update_dr7(vmm_vcpu *v, uint32_t value); /* with Unicorn's breakpoints */
uint64_t x86_physical_page(vmm_vcpu *v, uint64_t linear); /* all ones: not mapped; without a trace anywhere */
void x86_leave_translated_code(vmm_vcpu *v) __attribute__((noreturn)); /* go on as the state says */

/* Find env behind v->uc; 0, or -1 with machine->error. */
int x86_env_find(vmm_vcpu *v);
int x86_env_prove(vmm_vcpu *v);
int x86_env_find_exception_index(vmm_vcpu *v); /* leaves paging on; reset follows */

#endif
