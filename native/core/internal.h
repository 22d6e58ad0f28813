/* What the core's files share among themselves; vmm.h is what Python sees. */
#ifndef VMM_INTERNAL_H
#define VMM_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>

#include "api/vmm.h"

#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

/* Leave the one line in m->error; always -1. */
int fail(vmm_machine *m, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* What a vCPU's architecture provides to the files that know none. */
struct vmm_arch {
    bool (*boundary)(vmm_vcpu *v);         /* false: the next instruction must not begin */
    bool (*wakes)(vmm_vcpu *v);            /* something ends its halt */
    bool (*can_wake)(vmm_vcpu *v);         /* something could: not all is masked */
    void (*returned)(vmm_vcpu *v);         /* Unicorn came back though nobody had told it to */
    void (*turn)(vmm_vcpu *v);             /* its turn among several vCPUs begins */
    bool (*monitors)(vmm_vcpu *v);         /* it is between an exclusive load and its store; NULL: never */
    uint64_t (*start_address)(vmm_vcpu *v);/* what Unicorn is started at */
    uint64_t (*pc)(vmm_vcpu *v);           /* linear */
    void (*interrupts_changed)(vmm_vcpu *v);
    /* An access nobody decodes: raises what the architecture has for it and does not return. NULL: the run ends. */
    void (*bus_error)(vmm_vcpu *v, uint64_t physical, int access);
    /* Registers private to the vCPU (a local APIC): false where the address is not theirs. */
    bool (*local_read)(vmm_vcpu *v, uint64_t physical, uint32_t size, uint64_t *value);
    bool (*local_write)(vmm_vcpu *v, uint64_t physical, uint32_t size, uint64_t value);
    void (*timer_expired)(vmm_vcpu *v, uint32_t which); /* one of the vCPU's own */
    int (*shadow)(vmm_vcpu *v); /* enum vmm_shadow at this boundary; NULL: there are none */
    void (*watch_masks)(vmm_vcpu *v);                   /* somebody records from now on, or nobody */
    const void *processor; /* what the interrupt controller that it is made for asks of it, in that one's terms */
    size_t state_bytes;    /* of v->state, */
    size_t dynamic_bytes;  /* and how many of them, from the first on, are the guest's: what a snapshot keeps */
    /* Unicorn's state of the vCPU, as far as a guest can see it: its size in bytes, a copy of it, and that copy back, with
       breakpoints and hooks as it wants them. */
    size_t (*state_size)(const vmm_vcpu *v);
    void (*save)(const vmm_vcpu *v, void *state);
    void (*restore)(vmm_vcpu *v, const void *state);
    void (*resumes)(vmm_vcpu *v);                    /* Unicorn is about to execute it; NULL: nothing */
    bool (*outside)(vmm_vcpu *v); /* what cannot be done while Unicorn executes; true: look whose turn it is again. NULL: nothing */
};

/* engine.c */
vmm_machine *machine_new(const struct vmm_controller *controllers, uint32_t count); /* NULL: no memory */
uint8_t *lazy_zeros(vmm_machine *m, uint64_t size); /* cost nothing until touched; NULL with m->error */
void lazy_free(void *zeros, uint64_t size);         /* what lazy_zeros gave, or NULL */
vmm_vcpu *vcpu_new(vmm_machine *m, const struct vmm_arch *arch); /* NULL with m->error */
int vcpu_ready(vmm_vcpu *v);
bool vcpu_owns(vmm_vcpu *v, void *memory); /* free it with the vCPU; false, with m->error, where there is no room */
void vcpu_request_stop(vmm_vcpu *v, uint8_t reason, uint32_t code, uint64_t address);

/* boundary.c */
bool must_stop(vmm_vcpu *v);  /* a stop is due before the next instruction; notes why */
bool keeps_turn(vmm_vcpu *v); /* false: the next turn is another's, Unicorn is to return; a halted vCPU sleeps here */
void vcpu_leave(vmm_vcpu *v); /* tell Unicorn to return */

static inline uint8_t *alias_memory(const vmm_machine *m) /* the RAM it shows */
{
    return m->ram + (m->alias_of - m->ram_base);
}

/* pages.c */
int pages_new(vmm_machine *m); /* once RAM is there */
void pages_free(vmm_machine *m);
void pages_settle(vmm_vcpu *writer); /* its turn ends: others' code follows what it wrote */

/* nest.c */
void nest_enter(vmm_vcpu *v, const vmm_handler *handler); /* `count` is filled in */
void nest_leave(vmm_vcpu *v, uint64_t pc, uint64_t sp, uint64_t flags); /* a return from a handler, to there */

/* schedule.c */
vmm_vcpu *next_to_run(vmm_machine *m); /* awake, and current from now on; NULL with m->stop where nothing can go on */
void new_turn(vmm_vcpu *v);
uint64_t draw(uint64_t *state); /* the next of a seeded sequence */

/* clock.c */
static inline uint64_t machine_insns(const vmm_machine *m) /* begun on all vCPUs */
{
    return m->current->count + m->elsewhere;
}
static inline uint64_t vcpu_now(const vmm_vcpu *v)
{
    return v->count * v->machine->insn_ns + v->skew;
}
enum { TIMERS_PER_VCPU = VMM_NATIVE_TIMERS / VMM_MAX_VCPUS };
static inline uint32_t vcpu_timer(const vmm_vcpu *v, uint32_t which) /* the number of one of the vCPU's own timers */
{
    return VMM_MAX_TIMERS - 1 - (v->index * TIMERS_PER_VCPU + which);
}
void timer_native(vmm_machine *m, uint32_t timer, uint64_t deadline); /* arch->timer_expired at ns; VMM_NEVER cancels */
void clock_expire(vmm_machine *m);    /* fire every timer, then every stimulus, that is due */
void vcpu_rearm(vmm_vcpu *v);         /* recompute v->attention_at */
bool clock_skip(vmm_vcpu *v);         /* jump to the next deadline; false when there is none */

/* trace.c: hashes and keeps the event, with its time, place and vcpu filled in; no note before anything runs: wiring, reset */
void trace_emit(vmm_vcpu *v, const vmm_event *event);
void trace_note(vmm_machine *m, uint8_t kind, uint32_t number, uint64_t value); /* on the current vCPU */
void trace_note_of(vmm_vcpu *v, uint8_t kind, uint32_t number, uint64_t value);
static inline uint64_t trace_place(vmm_vcpu *v) /* of an event that does not say where; at power-on nothing has begun */
{
    return likely(v->count) ? v->recent[(v->count - 1) & (VMM_RECENT - 1)] : v->arch->pc(v);
}
static inline bool trace_recorded(const vmm_machine *m) /* somebody wants every event */
{
    return m->trace.packer || m->trace.observed;
}
void trace_derived(vmm_vcpu *v, uint8_t kind, uint32_t number, uint64_t value); /* keeps it, but does not hash it */
void stat_delivered(vmm_vcpu *v, uint32_t vector, uint8_t source, uint8_t pin, uint64_t latency);

/* i8259.c, lapic.c */
typedef struct {
    uint32_t vector; /* of an ARM machine: INTID */
    uint8_t source; /* enum vmm_source */
    uint8_t pin;
    uint64_t raised; /* instruction count of the request */
} accepted;


/* lapic*.c; `size` is the bytes of an access. The MSR calls: false: #GP */
bool lapic_local_read(vmm_vcpu *v, uint64_t physical, uint32_t size, uint64_t *value);
bool lapic_local_write(vmm_vcpu *v, uint64_t physical, uint32_t size, uint64_t value);
bool lapic_has_msr(uint32_t msr); /* x2APIC registers and IA32_TSC_DEADLINE, whether or not they exist now */
bool lapic_rdmsr(vmm_vcpu *v, uint32_t msr, uint64_t *value);
bool lapic_wrmsr(vmm_vcpu *v, uint32_t msr, uint64_t value);
bool lapic_write_base(vmm_vcpu *v, uint64_t value);
void lapic_cpuid(const vmm_vcpu *v, uint32_t leaf, uint32_t *ebx, uint32_t *edx); /* what follows the APIC's state */
void lapic_set_tpr(vmm_vcpu *v, uint32_t value);
void lapic_init(vmm_vcpu *v);
void lapic_inputs_changed(vmm_vcpu *v); /* the 8259A pair's INT, which is LINT0 */
void lapic_timer_expired(vmm_vcpu *v, uint32_t which);
void lapic_timer_rearm(vmm_vcpu *v);    /* the TSC was moved */
uint64_t lapic_deadline(const vmm_vcpu *v);
void lapic_set_deadline(vmm_vcpu *v, uint64_t tsc);
bool apic_send_to(vmm_machine *m, uint32_t icr, uint32_t id); /* ICR's low half to one APIC id; true: accepted */
bool lapic_lint_unmasked(const vmm_vcpu *v, uint32_t pin);
bool apic_can_interrupt_masked(const vmm_vcpu *v, bool nmi);  /* something could send it an INIT, or with `nmi` an NMI */
accepted intr_acknowledge(vmm_vcpu *v); /* INTA: from the APIC, or through it from the 8259A pair */
void intr_update(vmm_vcpu *v);          /* VMM_PEND_INTR from PIC and APIC */

/* gic*.c; offsets are within each frame, `size` is 1, 2, 4 or 8 bytes */
void gic_set_spi(vmm_machine *m, uint32_t spi, int level);              /* 0-255: INTID 32 + spi */
bool gic_spi_enabled(const vmm_machine *m, uint32_t spi);
void gic_set_ppi(vmm_machine *m, uint32_t cpu, uint32_t intid, int level); /* INTID 16-31 of one vCPU */
uint64_t gic_dist_read(vmm_machine *m, uint32_t cpu, uint64_t offset, uint32_t size);
void gic_dist_write(vmm_machine *m, uint32_t cpu, uint64_t offset, uint32_t size, uint64_t value);
uint64_t gic_cpu_read(vmm_machine *m, uint32_t cpu, uint64_t offset, uint32_t size); /* GICv2 GICC */
void gic_cpu_write(vmm_machine *m, uint32_t cpu, uint64_t offset, uint32_t size, uint64_t value);
uint64_t gic_redist_read(vmm_machine *m, uint64_t offset, uint32_t size); /* GICv3; offset over all vCPUs' frames */
void gic_redist_write(vmm_machine *m, uint64_t offset, uint32_t size, uint64_t value);
accepted gic_best(vmm_machine *m, uint32_t cpu, bool fiq); /* what an IRQ or FIQ of this vCPU is about; no state changes */

/* bus.c, ports.c */
int bus_attach(vmm_vcpu *v); /* Unicorn's error, 0: none */
uint32_t port_read(vmm_machine *m, uint32_t port, uint32_t size);
void port_write(vmm_machine *m, uint32_t port, uint32_t size, uint32_t value);

#endif
