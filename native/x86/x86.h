/* What the x86 files share: guest memory, decoding, events and the boundary. */
#ifndef VMM_X86_H
#define VMM_X86_H

#include <stdbool.h>

#include "api/vmm_x86.h"
#include "core/vcpu.h"
#include "unicorn/uc_translate.h"
#include "x86/env.h"

static inline vmm_x86 *x86_of(const vmm_vcpu *v)
{
    return (vmm_x86 *)v->state;
}

static inline bool x86_is_covered(const vmm_vcpu *v, uint64_t physical) /* by registers of its own local APIC, whatever lies below */
{
    return (physical ^ v->covered_page) >> 12 == 0;
}

enum { /* exceptions, SDM vol. 3A table 6-1 */
    X86_DE = 0, X86_DB = 1, X86_NMI = 2, X86_BP = 3, X86_OF = 4, X86_BR = 5, X86_UD = 6, X86_NM = 7, X86_DF = 8,
    X86_TS = 10, X86_NP = 11, X86_SS = 12, X86_GP = 13, X86_PF = 14, X86_MF = 16, X86_AC = 17, X86_XM = 19
};

enum { /* RFLAGS */
    FL_CF = 1, FL_PF = 1 << 2, FL_AF = 1 << 4, FL_ZF = 1 << 6, FL_SF = 1 << 7, FL_DF = 1 << 10, FL_OF = 1 << 11,
    FL_TF = 1 << 8, FL_IF = 1 << 9, FL_IOPL = 3 << 12, FL_NT = 1 << 14, FL_RF = 1 << 16, FL_VM = 1 << 17,
    FL_AC = 1 << 18
};

enum { /* bits of a descriptor's second doubleword */
    DESC_ACCESSED = 1 << 8, DESC_RW = 1 << 9, DESC_CONFORMING = 1 << 10, DESC_EXPAND_DOWN = 1 << 10,
    DESC_CODE = 1 << 11, DESC_S = 1 << 12, DESC_P = 1 << 15, DESC_L = 1 << 21, DESC_B = 1 << 22, DESC_G = 1 << 23
};

enum { CR0_PE = 1, CR0_TS = 8 };
enum { CR4_LA57 = 1 << 12, CR4_SMAP = 1 << 21 };

static inline unsigned desc_dpl(uint32_t high) { return high >> 13 & 3; }
static inline unsigned desc_type(uint32_t high) { return high >> 8 & 15; }

typedef enum { EVENT_EXTERNAL, EVENT_NMI, EVENT_EXCEPTION, EVENT_SOFTWARE } x86_event_kind;

typedef struct {
    uint8_t vector;
    uint8_t kind;      /* x86_event_kind; SOFTWARE: INT n, INT3, INTO, which check the gate's DPL */
    uint8_t has_error;
    uint8_t source;    /* enum vmm_source */
    uint8_t pin;
    uint32_t error;
    uint64_t flags;    /* RFLAGS before the event; x86_deliver fills it */
    uint64_t rip;      /* what the frame saves */
    uint64_t fault_rip;/* where a fault of the delivery itself points: at the INT instruction, or rip */
    uint64_t raised;   /* instruction count of the request */
    bool fault;        /* fault class: RF is set in the saved flags */
} x86_event;

typedef struct {
    bool raised;
    bool has_error;
    bool in_new_task; /* a task switch was past its commit point */
    uint8_t vector;
    uint32_t error;
} x86_fault;

static inline x86_fault x86_no_fault(void)
{
    return (x86_fault){0};
}

static inline x86_fault x86_fault_code(uint8_t vector, uint32_t error)
{
    return (x86_fault){.raised = true, .has_error = true, .vector = vector, .error = error};
}

static inline bool x86_long_mode(const vmm_vcpu *v)
{
    return env_of(v)->hflags & HF_LMA;
}

static inline bool x86_canonical(const vmm_vcpu *v, uint64_t address)
{
    int64_t top = (int64_t)address >> (env_of(v)->cr[4] & CR4_LA57 ? 56 : 47);
    return !x86_long_mode(v) || top == 0 || top == -1;
}

/* mem.c: implicit supervisor accesses, or the program's own; a fault sets CR2 as the hardware does */
x86_fault x86_program_load(vmm_vcpu *v, uint64_t linear, void *bytes, uint32_t size);
x86_fault x86_program_store(vmm_vcpu *v, uint64_t linear, const void *bytes, uint32_t size);
x86_fault x86_load(vmm_vcpu *v, uint64_t linear, void *bytes, uint32_t size);
x86_fault x86_store(vmm_vcpu *v, uint64_t linear, const void *bytes, uint32_t size);
x86_fault x86_check_store(vmm_vcpu *v, uint64_t linear, uint32_t size); /* would a store fault? */

/* state.c */
uint64_t x86_flags(vmm_vcpu *v);
void x86_load_segment(vmm_vcpu *v, int segment, uint32_t selector, uint64_t base, uint32_t limit, uint32_t flags);
void x86_load_descriptor(vmm_vcpu *v, int segment, uint32_t selector, const uint32_t descriptor[2]);
void x86_set_pc(vmm_vcpu *v, uint64_t rip);
uint64_t x86_register(vmm_vcpu *v, int uc_register);
void x86_set_register(vmm_vcpu *v, int uc_register, uint64_t value);
uint64_t x86_msr_get(vmm_vcpu *v, uint32_t index); /* Unicorn's own MSRs, without our intercepts */
void x86_msr_set(vmm_vcpu *v, uint32_t index, uint64_t value);
void x86_reset(vmm_vcpu *v);
uint32_t x86_descriptor_limit(const uint32_t descriptor[2]);
uint32_t x86_descriptor_base(const uint32_t descriptor[2]);
/* Read the descriptor a selector names; beyond its table is `vector`(selector + ext). */
x86_fault x86_descriptor(vmm_vcpu *v, uint32_t selector, uint32_t descriptor[2], uint64_t *address, uint8_t vector,
                        uint32_t ext);

/* decode.c */
typedef struct {
    uint8_t length;   /* through the opcode and ModRM, without displacement and immediate */
    uint8_t map;      /* 0: one byte, 1: 0F xx */
    uint8_t opcode;
    uint8_t modrm;
    uint8_t sib;
    uint8_t rex;
    bool lock, rep, repne, data16, address_size, other_segment; /* other_segment: FS or GS override */
} x86_insn;

bool x86_decode(vmm_vcpu *v, uint64_t linear, x86_insn *out);
unsigned x86_operand_size(const vmm_vcpu *v, const x86_insn *insn); /* bytes, by mode and prefixes (SDM vol. 1 3.6.1) */

/* deliver.c, task.c */
void x86_deliver(vmm_vcpu *v, x86_event *event); /* with everything that may follow: #DF, shutdown; *event is used up */
typedef enum { TASK_CALL, TASK_JUMP, TASK_RETURN } x86_task_way; /* CALL: interrupts, too */
x86_fault x86_task_switch(vmm_vcpu *v, uint32_t selector, const x86_event *event, uint32_t ext, x86_task_way way);
x86_fault x86_inner_stack(vmm_vcpu *v, unsigned dpl, uint32_t ext, x86_seg *ss, uint64_t *esp); /* of a TSS of 16 or 32 bits */

/* native_task.c */
const char *x86_watch_tasks(void *library); /* once a process: the line that says why not, or NULL */
bool x86_attach_tasks(vmm_vcpu *v);
bool x86_task_switched(vmm_vcpu *v);        /* true: the last instruction did, which is done; the vCPU stands where that led */

/* boundary.c */
bool x86_boundary(vmm_vcpu *v); /* false: PC changed or the run ends; the instruction must not begin */
bool x86_wakes(vmm_vcpu *v);
void x86_watch_masks(vmm_vcpu *v);
void x86_note_masks(vmm_vcpu *v); /* a look at IF and NMI blocking, for who records */
bool x86_can_wake(vmm_vcpu *v);
void x86_attach_boundary(vmm_vcpu *v);
bool x86_look_closer(vmm_vcpu *v, uint64_t pc); /* what is due before the instruction at pc; false: it is none, and not counted */
uint64_t x86_flags_looked_at(vmm_vcpu *v, uint64_t pc); /* the system's, as the instruction at pc begins */
uint64_t x86_count_mask(const vmm_vcpu *v, const x86_insn *insn); /* which bits of RCX count a REP's iterations */
bool x86_between_iterations(vmm_vcpu *v); /* of a REP string instruction */
uint64_t x86_aftermath(vmm_vcpu *v);

/* blocks.c */
const char *x86_watch_ports(void *library);  /* once a process: the line that says why not, or NULL */
const char *x86_watch_blocks(void *library); /* once a process: the line that says why not, or NULL */
bool x86_attach_blocks(vmm_vcpu *v); /* false: the fast gear cannot be had */
typedef bool (*x86_restore_state)(void *cpu, uintptr_t host_pc, bool will_exit);
/* In the fast gear, Unicorn's own restoring of the state in the middle of a block: with it, the count is settled. */
bool x86_settle(vmm_vcpu *v, uintptr_t host_pc, bool will_exit, x86_restore_state original);
void x86_settles(vmm_vcpu *v, uintptr_t host_pc);
void x86_restored(vmm_vcpu *v, uintptr_t host_pc); /* to leave it there */
void x86_reaches_device(vmm_vcpu *v);
void x86_settle_exception(vmm_vcpu *v); /* an exception is under way, and RIP as Unicorn tells of it */
void x86_leaves(vmm_vcpu *v);
void x86_rest(vmm_vcpu *v);             /* Unicorn has returned */

/* string.c */
void x86_iterate(vmm_vcpu *v, uint64_t pc); /* the REP instruction at pc, which goes on: as many iterations as nothing comes between */

/* keep.c */
void x86_keep(vmm_vcpu *v, struct vmm_registers *out);
struct vmm_vectors x86_vectors(const vmm_vcpu *v);

/* return.c */
const char *x86_watch_returns(void *library); /* once a process: the line that says why not, or NULL */
void x86_returned(vmm_vcpu *v); /* notes it where an IRET was the last instruction */
bool x86_return_undone(vmm_vcpu *v); /* the last instruction was an IRET that should not have gone where it went */
bool x86_return_refused(vmm_vcpu *v, uint8_t vector); /* an IRET's own fault, which is raised anew */

/* flags.c */
/* Outside 64-bit mode EIP wraps at 4 GiB; and at 0; where a block of Unicorn's goes on there, it has not. */
static inline void x86_wrap_eip(vmm_vcpu *v)
{
    uint64_t above = env_of(v)->eip >> 32;
    if (!(env_of(v)->hflags & HF_CS64) && (above == 1 || above == 0xffffffff))
        env_of(v)->eip = (uint32_t)env_of(v)->eip;
}

void x86_flags_computed(vmm_vcpu *v);
const char *x86_keep_flags(void *library); /* once a process: the line that says why not, or NULL */

/* intercept.c */
static inline void x86_begin(vmm_vcpu *v, uint64_t pc, uint64_t flags) /* the instruction at pc counts from here */
{
    v->flags_before = flags;
    vcpu_begin(v, pc);
}
uint64_t x86_rip_here(const vmm_vcpu *v); /* the same as RIP */
void x86_attach_intercepts(vmm_vcpu *v);
void x86_raise(vmm_vcpu *v, uint8_t vector, bool has_error, uint32_t error, uint64_t rip);
void x86_general_protection(vmm_vcpu *v); /* #GP(0) at the present instruction */
void x86_intercepts_set(vmm_vcpu *v, bool on);
void x86_run_natively(vmm_vcpu *v);
void x86_intercepts_restore(vmm_vcpu *v);

/* start.c */
void x86_after_firmware(vmm_vcpu *v); /* the local APIC, and whether the vCPU runs, as firmware hands over */
void x86_startup(vmm_vcpu *v, uint8_t page); /* SIPI; only who waits for it takes it */
bool x86_take_init(vmm_vcpu *v);             /* outside Unicorn: a pending INIT happens; false: there is none */

/* emulate.c: instructions finished by the core */
void x86_finish(vmm_vcpu *v, uint32_t length);
vmm_cpuid x86_cpuid_leaf(const vmm_vcpu *v, uint32_t leaf, uint32_t subleaf); /* as configured */
void x86_cpuid(vmm_vcpu *v, const x86_insn *insn);
void x86_rdtsc(vmm_vcpu *v, const x86_insn *insn);
void x86_msr_access(vmm_vcpu *v, const x86_insn *insn, bool write);
void x86_cr8(vmm_vcpu *v, const x86_insn *insn, bool write);
void x86_pause(vmm_vcpu *v, const x86_insn *insn);
void x86_hlt(vmm_vcpu *v, const x86_insn *insn);
void x86_icebp(vmm_vcpu *v, const x86_insn *insn);
bool x86_emulate_announced(vmm_vcpu *v, const x86_insn *insn);

/* judge.c */
bool x86_is_undefined(vmm_vcpu *v); /* the instruction at RIP, which Unicorn would take */
uc_verdict x86_judge(vmm_vcpu *v, uint64_t pc, uint32_t flags);
uint64_t x86_linear_mask(uint32_t flags); /* which bits the linear addresses of a block of these flags have */

/* diverted.c */
/* one bit a ModRM.reg; 0: not in a block of these flags */
uint8_t x86_diverted_digits(const vmm_vcpu *v, uint8_t map, uint8_t opcode, uint32_t flags);
bool x86_may_be_diverted(uint8_t opcode);                          /* one of the one-byte map, in whatever block */
bool x86_divert(vmm_vcpu *v, const x86_insn *insn);                /* false: it is not */

/* io_permission.c, flags_image.c, load_ss.c */
void x86_port_access(vmm_vcpu *v, const x86_insn *insn);
void x86_pushf(vmm_vcpu *v, const x86_insn *insn);
void x86_load_ss(vmm_vcpu *v, const x86_insn *insn);

/* hypercall.c */
bool x86_hypercall(vmm_vcpu *v, const x86_insn *insn); /* VMCALL and VMMCALL; false: the instruction is neither */

/* system.c */
void x86_control_access(vmm_vcpu *v, uint32_t exit, const x86_insn *insn); /* exit: SVM's code of the CR or DR access */
void x86_table_read(vmm_vcpu *v);                                         /* SGDT, SIDT, SLDT, STR */

/* operand.c */
typedef struct { uint64_t linear; uint32_t length; int segment; } x86_operand; /* length: of the instruction, without immediates */
x86_operand x86_memory_operand(vmm_vcpu *v, const x86_insn *insn);

/* far_branch.c, far_return.c */
void x86_far_branch(vmm_vcpu *v, const x86_insn *insn);
void x86_loop_on_flag(vmm_vcpu *v, const x86_insn *insn);
void x86_random(vmm_vcpu *v, const x86_insn *insn); /* RDRAND, RDSEED */
bool x86_iret_is_ours(const vmm_vcpu *v);
void x86_iret(vmm_vcpu *v, const x86_insn *insn);
void x86_retf(vmm_vcpu *v, const x86_insn *insn);
void x86_goes_on(vmm_vcpu *v); /* behind a call from the middle of an instruction */

bool x86_canonical_at_all(const vmm_vcpu *v, uint64_t address); /* for the widest linear addresses that the CPU has */

/* table_load.c */
void x86_table_load(vmm_vcpu *v, const x86_insn *insn); /* LGDT, LIDT, LLDT, LTR */

/* simd.c */
const char *x86_watch_simd(void *library); /* once a process: the line that says why not, or NULL */

/* apic_page.c */
int x86_attach_apic_page(vmm_vcpu *v);
void x86_apic_page_moved(vmm_vcpu *v); /* or switched on or off */

/* fpu.c */
const char *x86_watch_fpu(void *library); /* once a process: the line that says why not, or NULL */
bool x86_fpu_settle(vmm_vcpu *v);  /* true: from here on its instructions stop, or do no more */
bool x86_fpu_stopped(vmm_vcpu *v); /* true: the #NM under way is none, and what a pending error asks for is done */

/* pmc.c */
void x86_rdpmc(vmm_vcpu *v, const x86_insn *insn);
bool x86_rdpmc_refused(vmm_vcpu *v); /* true: the #GP under way was none, and the instruction is done */

/* canonical.c */
void x86_refine_general_protection(vmm_vcpu *v, uint8_t *vector); /* what a #GP(0) of Unicorn's really is, and where */

/* debug.c */
void x86_debug_register(vmm_vcpu *v, const x86_insn *insn); /* MOV from or to one */
bool x86_breakpoint_shadowed(vmm_vcpu *v);                   /* true: the #DB under way is none, and the vCPU goes on */
void x86_debug_status_known(vmm_vcpu *v);
void x86_trap_pending(vmm_vcpu *v, uint16_t dr6); /* a #DB at the next boundary */
void x86_traps_taken(vmm_vcpu *v); /* a #DB is delivered: those that were pending come with it */
void x86_watch_update(vmm_vcpu *v);               /* after DR0-3 or DR7 changed */
void x86_watch_cancel(vmm_vcpu *v);
void x86_port_accessed(vmm_vcpu *v, uint16_t port, uint32_t size); /* it is about to be, by an instruction */
void x86_program_accessed(vmm_vcpu *v, uint64_t linear, uint32_t size, bool write); /* by an instruction that the core finishes */

/* syscall.c, ports.c */
void x86_attach_syscalls(vmm_vcpu *v);
void x86_sysret(vmm_vcpu *v, const x86_insn *insn);
void x86_sysexit(vmm_vcpu *v, const x86_insn *insn);

/* msr.c: false: #GP */
bool x86_rdmsr(vmm_vcpu *v, uint32_t index, uint64_t *value);
bool x86_wrmsr(vmm_vcpu *v, uint32_t index, uint64_t value);
uint64_t x86_tsc(const vmm_vcpu *v);
bool x86_msr_beyond_reset(uint32_t n, uint32_t *index); /* the nth that Unicorn keeps behind its private state's end: MTRRs */

/* snapshot.c */
size_t x86_state_size(const vmm_vcpu *v);
void x86_save(const vmm_vcpu *v, void *state);
void x86_restore(vmm_vcpu *v, const void *state);
bool x86_alike(vmm_vcpu *v, const void *state, const void *saved);

#endif
