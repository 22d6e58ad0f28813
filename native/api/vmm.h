/*
 * The whole state of a machine as plain structs, and the calls that may change it.
 *
 * This is the core's part; controllers and architectures have theirs beside it, and vmm_all.h has all. C includes them,
 * and Python's cffi declarations are cut from them (native/build.py), so a field has one name on both sides. Fixed
 * configuration, dynamic state and transient scratch stand apart in each struct. Numbers a guest can choose are never
 * trusted as an index.
 */
#ifndef VMM_H
#define VMM_H

#include <stddef.h>
#include <stdint.h>

#include "api/vmm_answer.h"
#include "api/vmm_event.h"
#include "api/vmm_stimulus.h"
#include "api/vmm_trigger.h"

#define VMM_MAX_VCPUS 8
#define VMM_MAX_LINES 256
#define VMM_MAX_TIMERS 80
#define VMM_MAX_RANGES 64
#define VMM_MAX_STATS 512
#define VMM_RECENT 32
#define VMM_GAVE_UP 0x10000
#define VMM_CHAIN 4
#define VMM_NOTED_PAGES 1024
#define VMM_NEST 32
#define VMM_REACH_WORDS 8
#define VMM_SKIPPED 18 /* bytes from the start of an instruction to that behind an IT block of it: 2 + 4 * 4 */
#define VMM_MAX_CONTROLLERS 16
#define VMM_CONSOLE_BYTES 4096
#define VMM_MAX_PHRASES 8
#define VMM_PHRASE_BYTES 64

typedef struct vmm_machine vmm_machine;
typedef struct vmm_vcpu vmm_vcpu;
typedef struct vmm_snapshot vmm_snapshot;
typedef struct vmm_coverage vmm_coverage;
typedef struct vmm_block vmm_block;
struct vmm_arch;
struct vmm_controller;
struct vmm_range_owner;

/* ---- lines: up to 32 drivers (wired OR), and one or two inputs that it ends at ---- */

/* Of any line; devices have those below. */
enum vmm_driver { VMM_FERR_DRIVER = 28, VMM_STIMULUS_DRIVER = 29, VMM_TESTDEV_DRIVER = 30, VMM_SCRIPT_DRIVER = 31 };

typedef struct {
    uint8_t sink[2]; /* vmm_line_end's number; 0: none */
    uint8_t pin[2];  /* which of those inputs */
    uint32_t drivers; /* one bit a driver that holds the line high */
    uint32_t cut;     /* drivers that are disconnected for now; level = any of the others */
    uint32_t until_served; /* drivers that let go when a controller has acknowledged what the line asked for */
    uint32_t served;  /* those of them for which one has: they do at the next boundary */
    uint32_t until_taken; /* drivers that let go when a vCPU begins to take an interrupt, before a controller is asked which */
    uint64_t raised;  /* instruction count of the last rising edge, for latencies */
} vmm_line;

/* ---- time: virtual nanoseconds derived from the instruction count ---- */

enum vmm_timer_kind {
    VMM_TIMER_FREE = 0,
    VMM_TIMER_CALL = 1,  /* tells Python */
    VMM_TIMER_WAVE = 2,
    VMM_TIMER_NATIVE = 3 /* a vCPU's own; the last 48 of the machine's timers are kept for them */
};

#define VMM_NATIVE_TIMERS 48

#define VMM_NEVER 0xffffffffffffffffULL
#define VMM_FOREVER 0xffffffffU

typedef struct {
    uint64_t deadline; /* ns; VMM_NEVER when idle */
    uint64_t late;     /* ns behind that deadline at which it expires; a wave: at which it rises next */
    uint8_t kind;      /* enum vmm_timer_kind */
    /* VMM_TIMER_WAVE: a line that toggles by itself at ticks of a clock of hz_num/hz_den Hz counted from origin. */
    uint8_t level;
    uint8_t line;
    uint8_t driver;
    uint32_t toggles; /* how many are left; VMM_FOREVER: endless */
    uint64_t origin;  /* ns */
    uint64_t hz_num;
    uint64_t hz_den; /* below 2^32 */
    uint64_t tick;       /* of the next toggle */
    uint64_t high_ticks; /* how long a high phase lasts */
    uint64_t low_ticks;
} vmm_timer;

/* ---- the bus ---- */

typedef struct {
    uint64_t first;
    uint64_t count;
    const struct vmm_range_owner *owner; /* NULL: Python */
    uint8_t index; /* in its owner's terms; of Python's devices */
} vmm_range;

/* ---- what is told to Python; every pointer may be called with the GIL released ---- */

enum vmm_trap_kind {
    VMM_TRAP_INT = 0,       /* number: vector of INT n, INT3, INTO */
    VMM_TRAP_EXCEPTION = 1, /* number: vector; value: error code */
    VMM_TRAP_HLT = 2,
    VMM_TRAP_RDMSR = 3,     /* number: MSR */
    VMM_TRAP_WRMSR = 4,     /* number: MSR; value: what is written */
    VMM_TRAP_IN = 5,        /* number: port; size: bytes; value in and out */
    VMM_TRAP_OUT = 6,
    VMM_TRAP_SVC = 7,       /* number: immediate; so for the next three */
    VMM_TRAP_HVC = 8,
    VMM_TRAP_SMC = 9,
    VMM_TRAP_BRK = 10,      /* BRK, BKPT */
    VMM_TRAP_UNDEFINED = 11,/* number: the instruction's encoding */
    VMM_TRAP_SYSREG = 12,   /* number: op0 op1 CRn CRm op2 as in ESR_ELx.ISS; size 0 read, 1 write; value in and out */
    VMM_TRAP_FIRMWARE = 13, /* HVC or SMC #0 of the conduit: PSCI and its kin */
    VMM_TRAP_SEMIHOSTING = 14
};

enum vmm_trap_answer { VMM_TRAP_DELIVER = 0, VMM_TRAP_DONE = 1 };

typedef struct {
    uint8_t kind; /* enum vmm_trap_kind */
    uint8_t size;
    uint32_t number;
    uint64_t value; /* Python may change it: what IN and RDMSR return */
} vmm_trap;

typedef struct {
    void *handle; /* Python's own, handed back in every call */
    uint32_t (*port_read)(void *handle, uint32_t device, uint32_t port, uint32_t size);
    void (*port_write)(void *handle, uint32_t device, uint32_t port, uint32_t size, uint32_t value);
    uint64_t (*mmio_read)(void *handle, uint32_t device, uint64_t address, uint32_t size);
    void (*mmio_write)(void *handle, uint32_t device, uint64_t address, uint32_t size, uint64_t value);
    void (*timer)(void *handle, uint32_t timer);
    uint32_t (*trap)(void *handle, uint32_t vcpu, vmm_trap *trap); /* enum vmm_trap_answer */
    void (*drain)(void *handle);                                   /* the trace ring is full */
    void (*console)(void *handle, const uint8_t *bytes, uint32_t count); /* the first serial port has sent these */
} vmm_host;

/* ---- what the first serial port sends ---- */

enum vmm_heard {
    VMM_HEARD_BY_NOBODY = 0,
    VMM_HEARD_LATER = 1,  /* in its order with all other calls of Python, and not behind the end of its line or of the run */
    VMM_HEARD_AT_ONCE = 2 /* within the instruction */
};

/* Bytes that somebody wants to know of whether they were sent, one behind the other. */
typedef struct {
    uint32_t length; /* 1 to VMM_PHRASE_BYTES */
    uint8_t bytes[VMM_PHRASE_BYTES];
} vmm_phrase;

typedef struct {
    uint8_t heard;  /* enum vmm_heard */
    uint32_t count; /* of those that wait */
    uint8_t bytes[VMM_CONSOLE_BYTES];
    uint32_t phrases;         /* whoever hears; 0: nobody waits for any */
    const vmm_phrase *phrase; /* see `sent` of the machine */
} vmm_console;

/* ---- pages of RAM, by number ---- */

typedef struct {
    uint8_t *code; /* each page: one bit a vCPU that has translated code from it */
    uint8_t *tables; /* each page: one bit a vCPU whose translations may come from it */
    uint8_t *untold; /* each page: 1: code or translations came from it some time, which are reads that nobody is told of */
    uint8_t *copy; /* several vCPUs: what pages with code held when that was last made to follow */
    uint8_t flash_code; /* one bit a vCPU that has translated code from flash */
    uint32_t noted_count; /* pages with another's code that the current vCPU may have written in this turn */
    uint32_t noted[VMM_NOTED_PAGES];
    uint8_t overflowed; /* there were more */
    uint8_t *dirty;         /* each page, each of the records that snapshots keep behind RAM, and of flash: 1: in `written` */
    uint32_t *written;      /* since the last snapshot was taken or restored, or since power-on */
    uint32_t written_count;
} vmm_pages;

/* ---- stops ---- */

enum vmm_access { VMM_ACCESS_READ = 0, VMM_ACCESS_WRITE = 1, VMM_ACCESS_FETCH = 2, VMM_ACCESS_WALK = 3 };

enum vmm_stop_reason {
    VMM_STOP_NONE = 0,
    VMM_STOP_EXIT = 1,       /* the guest asked; code: its status */
    VMM_STOP_POWEROFF = 2,
    VMM_STOP_RESET = 3,      /* the guest asked for a reset */
    VMM_STOP_LIMIT = 4,      /* instruction or time limit */
    VMM_STOP_IDLE = 5,       /* halted, nothing can wake it; code: 1 interrupts are masked, 100h + n asleep in state n */
    VMM_STOP_SHUTDOWN = 6,   /* triple fault; the chain names it. ARM: a vector that raises its own exception, for ever; code:
                                0 it cannot be fetched, 1 its first instruction raises it */
    VMM_STOP_UNMAPPED = 7,   /* address in `address`, enum vmm_access in code */
    VMM_STOP_TRIGGER = 8,    /* code: the first slot that fired; address */
    VMM_STOP_SLICE = 9,      /* the caller's instruction budget is used up */
    VMM_STOP_USER = 10,      /* m.stop() or an error in a Python callback */
    VMM_STOP_ENGINE = 12     /* Unicorn refused; code: uc_err, or VMM_GAVE_UP for good */
};

typedef struct {
    uint8_t vector;
    uint8_t has_error;
    uint8_t source; /* enum vmm_source */
    uint32_t error;
    uint64_t pc;
} vmm_fault;

typedef struct {
    uint8_t reason; /* enum vmm_stop_reason */
    uint8_t vcpu;
    uint32_t code;
    uint64_t address;
} vmm_stop_info;

/* ---- a vCPU ---- */

enum vmm_pending {
    VMM_PEND_INTR = 1,     /* a maskable interrupt may be deliverable; ARM: the IRQ input is asserted */
    VMM_PEND_NMI = 2,      /* one latched NMI */
    VMM_PEND_INJECT = 4,   /* inject_vector is to be delivered as an external interrupt */
    VMM_PEND_DB = 8,       /* a #DB trap on the previous instruction */
    VMM_PEND_STOP = 16,    /* stop at this boundary; stop_info is set */
    VMM_PEND_CODE = 32,    /* code that it may be executing was written: leave it first */
    VMM_PEND_NATIVE = 64,  /* one instruction runs without intercepts */
    VMM_PEND_FIQ = 128,    /* ARM: the FIQ input is asserted */
    VMM_PEND_SERROR = 256, /* ARM: an SError is pending */
    VMM_PEND_INIT = 1024,  /* INIT at the next boundary */
    VMM_PEND_STEP = 512    /* ARM: MDSCR_EL1.SS: every boundary is looked at */
};

typedef struct {
    uint64_t count; /* instructions the vCPU had begun */
    uint64_t pc;    /* what was interrupted, linear; its stack pointer and, in `level`, its privilege */
    uint64_t sp;
    uint32_t level;
    uint32_t number; /* as in VMM_EV_DELIVERED */
    uint8_t source;  /* enum vmm_source */
    uint8_t pin;
} vmm_handler;

struct vmm_vcpu {
    /* dynamic: what a snapshot keeps, up to `machine`; what the per-instruction path touches, first */
    uint64_t count;        /* instructions begun */
    uint64_t attention_at; /* the boundary whose count is at least this takes the slow path */
    uint64_t flags_before; /* RFLAGS (system bits) when the previous instruction began */
    uint64_t masks;        /* RFLAGS or DAIF as last looked at */
    uint64_t watch;        /* bits of them whose change asks for a look */
    void *env;             /* Unicorn's private CPU state; the same all its life */
    uint64_t reach[VMM_REACH_WORDS]; /* which addresses may be awaited by a trigger: bit address[5:0] of word address[8:6] */
    uint64_t reach_behind[VMM_REACH_WORDS]; /* those, and what lies up to VMM_SKIPPED bytes behind one, in steps of 2 */
    uint64_t recent[VMM_RECENT]; /* linear addresses of the last instructions begun; [count-1] is the newest */
    uint32_t pending; /* enum vmm_pending */
    uint32_t held;    /* those of them that are masked, and whose unmasking is seen without looking at each boundary */
    uint8_t halted;
    uint8_t shutdown; /* triple fault: only a reset would end it */
    uint8_t in_code_hook; /* transient: how PC must be written */
    uint8_t inject_vector;
    uint8_t off;       /* not started, or switched off */
    uint8_t flush_tlb; /* transient: another vCPU invalidated translations */
    uint8_t leaving;   /* transient: Unicorn was told to return */
    uint8_t depth;     /* handlers under way */
    uint8_t preempted; /* its turn was taken from it: it goes on with what was left of that */
    uint32_t awaits;    /* some bit of `reach` is set: which of all settings this is; 0: none is */
    vmm_handler nest[VMM_NEST];
    uint64_t event_count; /* count at the last delivery: while equal to count no shadow can be on */
    uint64_t skew; /* ns: virtual time = count * insn_ns + skew, as long as this vCPU is the current one */
    uint64_t wake_at;  /* its own earliest INSNS trigger; VMM_NEVER: none */
    uint64_t covered_page; /* physical, in RAM: there it sees registers of its own; VMM_NEVER: nowhere */
    uint64_t turn_end; /* count at which the next vCPU's turn begins */
    uint64_t rearmed_ns;    /* the next deadline as vcpu_rearm saw it last, less `skew`, */
    uint64_t rearmed_count; /* and the count at which it is due */
    uint64_t reached_at; /* count and pc of the boundary at which a REACH trigger fired last */
    uint64_t reached_pc;
    uint64_t looked_at;  /* and of the last that SHADOW and EVERY triggers looked at */
    uint64_t looked_pc;
    uint64_t inject_raised;
    uint64_t nmi_raised;

    /* what it is made of, and what is Unicorn's and not the guest's */
    vmm_machine *machine;
    const struct vmm_arch *arch;
    void *controller; /* its own interrupt controller: a vmm_lapic; NULL: it has none */
    void *uc;
    void *cpu;        /* Unicorn's private CPU object, which env is a part of */
    const char *library; /* the suffix of Unicorn's symbols for it */
    void (*make_clean)(void *cpu, uint64_t host_address, uint64_t size); /* the next store there is told */
    void (*drop_code)(void *engine, uint64_t offset, uint64_t end);      /* what was translated from there; in RAM */
    uint64_t cover; /* physical, where nobody else reaches: those registers */
    int32_t *exception_index; /* its number of the exception under way, -1: none */
    uint8_t *control; /* the private page with the intercepts' control block */
    uint32_t index;
    uint8_t flush_code; /* transient: translated code must go */
    uint8_t access_hooks; /* how many are told of each access to memory */
    vmm_block *block;      /* fast gear: of this block all have been counted, and it is under way; NULL: none is */
    vmm_block *begun;      /* the last that began, whether it is counted so or not */
    vmm_block *asks;       /* none: what an access to memory calls with, in some instructions */
    vmm_block *blocks[VMM_RECENT]; /* those begun since `recent` was last brought up to date, in a ring */
    uint32_t block_count;
    uint64_t flags_earlier; /* flags_before, before `block` began */
    void *translator;      /* Unicorn's context of translation */
    uint32_t *next_block;  /* Unicorn's limit of the next block's instructions, for once; all ones: there is none */
    const uint64_t *device_access; /* where Unicorn notes from which place in translated code a device is reached */
    void *block_memory;    /* what blocks are kept in */
    uint64_t *hooked;      /* Unicorn's bounds of the hook that stands before an instruction, first and last address */
    uint64_t *places;      /* one bit a hash of addresses: their instructions end blocks */
    uint32_t owned_count;
    void *owned[16]; /* memory that goes with the vCPU */
    uint64_t state[]; /* its architecture's, see vmm_x86_of and vmm_arm_of */
};

struct vmm_machine {
    /* configuration */
    uint64_t insn_ns; /* virtual nanoseconds an instruction */
    uint8_t *ram;
    uint8_t *rom;      /* flash from physical 0, which guests read and execute, and whose device they write to; NULL: none */
    uint64_t rom_size;
    uint64_t ram_base; /* physical address of the first byte */
    uint64_t ram_size;
    uint64_t alias_first; /* physical: here the RAM at alias_of is read and executed, too */
    uint64_t alias_of;    /* physical */
    uint64_t alias_size;  /* 0: there is no alias */
    vmm_pages pages;
    vmm_host host;
    const struct vmm_controller *controllers; /* that it may have, see core/controller.h */
    uint32_t controller_count;
    void *controller_state[VMM_MAX_CONTROLLERS]; /* of those that it has; what is in it is dynamic */
    uint32_t cpus; /* how many vCPUs there will be; before the first is added */
    uint8_t fast;  /* the gear: 0 looks before each instruction, 1 before each block; only before the first vCPU is added, and
                      only where vmm_no_fast_gear() has nothing to say */
    uint32_t port_range_count;
    uint32_t mmio_range_count;
    vmm_range port_ranges[VMM_MAX_RANGES];
    uint8_t port_owner[65536]; /* 1 + index into port_ranges; 0: open bus */
    vmm_range mmio_ranges[VMM_MAX_RANGES];
    uint64_t idle_ns;    /* a halted machine that nothing wakes for this long is idle */
    uint64_t hole_first; /* physical addresses of devices: from here up to hole_end */
    uint64_t hole_end;
    uint64_t counter_hz; /* of the range owner "counter", which is 0 at power-on */
    uint32_t counter_mask;
    uint8_t hole_floats; /* what no device decodes there reads as ones; else the run ends */
    uint32_t quantum;    /* instructions a vCPU runs before the next one's turn */
    uint64_t seed;       /* 0: every turn is one quantum; else turns of 1 to 2 quanta drawn from it */
    uint8_t *histograms; /* of `stats`, each in pages of its own */
    struct vmm_times *sequences; /* all that stimuli were ever given */
    uint8_t gave_up;     /* Unicorn did, in the middle of something: the machine can be looked at, no more */

    vmm_snapshot *base; /* what RAM was, but for `pages.written`; NULL: zeros */

    /* dynamic: what a snapshot keeps, up to `stop` */
    vmm_line lines[VMM_MAX_LINES];
    vmm_timer timers[VMM_MAX_TIMERS];
    vmm_trace trace;
    uint32_t stat_count;
    vmm_stat stats[VMM_MAX_STATS];
    uint32_t vcpu_count;
    vmm_vcpu *vcpus[VMM_MAX_VCPUS];
    vmm_vcpu *current;
    uint64_t flash_answers; /* one bit an mmio range in flash: its device answers reads, and not the memory */
    uint64_t dice;          /* state of the generator behind `seed` */
    uint64_t elsewhere;     /* instructions begun on all vCPUs but the current one */
    uint64_t next_deadline; /* ns, of all timers */
    uint8_t lines_wait;     /* some line has drivers that let go once it is served; or had some */
    uint8_t lines_served;   /* some line's do at the next boundary */
    uint8_t lines_withdraw; /* some line has drivers that let go once an interrupt is taken; or had some */
    vmm_stimuli stimuli;
    vmm_answer answer;
    uint8_t sent[VMM_MAX_PHRASES]; /* so many bytes of each phrase of the console are the last that were sent; its length: it was sent */
    uint8_t asleep;         /* no vCPU was awake when it was last looked */
    uint64_t asleep_since;  /* ns: when all had last fallen asleep */
    uint64_t idle_from;     /* ns: when they fell asleep, or something came from outside since then */
    uint64_t idle_occasions; /* those of stimuli until then */
    vmm_stop_info ends; /* in the instruction at whose boundary it stands, the guest; the next run does before it begins */
    vmm_stop_info stop;

    /* the present run, as its caller wants it */
    uint8_t running;
    uint8_t many_turns; /* `turn_end` of the current vCPU is that of many, for nobody else is awake (core/schedule.c) */
    uint64_t thread; /* whose hands it is in while Python runs it, as Python numbers threads; 0: nobody's */
    uint64_t slice_end; /* instructions of all vCPUs at which the run returns with VMM_STOP_SLICE */
    uint64_t limit_insns;
    uint64_t limit_ns;
    vmm_triggers triggers;
    vmm_stop_info asked; /* between runs: the next one ends before it begins */
    size_t watch_hook[VMM_MAX_VCPUS]; /* Unicorn's hook for triggers that wait for accesses; 0: there is none */
    uint8_t signalled;   /* a signal waits: the slice ends at the next boundary */
    vmm_coverage *coverage; /* NULL: nobody collects it */
    uint64_t host_calls; /* how often Python was called for the guest */
    vmm_console console; /* none waits between two runs */
    void (*accessed)(void *who, uint64_t physical, uint64_t size, int write); /* told of what the core itself, or Python,
                                                                                reads or writes of memory; NULL: nobody */
    void (*register_accessed)(void *who, uint32_t vcpu, uint32_t number, int write); /* and of registers that arch->leftover
                                                                                       has; NULL: nobody */
    void *accessed_by;
    void (*device_read)(void *who, uint8_t place, uint64_t at, uint32_t size, uint64_t value); /* of what a device said */
    void *device_read_by;
    uint8_t time_told; /* somebody has asked what time it is since this was cleared */
    void *compared; /* what handlers interrupted; NULL: nobody compares */
    uint64_t guard_at; /* in RAM; guard_size bytes that each store to is told of */
    uint8_t guard_size; /* 0: there are none */
    void (*began)(void *who, vmm_vcpu *v); /* told before each instruction; NULL: nobody */
    void *began_by;
    vmm_machine *outer;  /* that holds signals, too: this one runs within a callback of its */
    char error[160]; /* the one line that a failed call leaves */
};

/* ---- calls; those that return int give 0, or -1 with machine->error set ---- */

/* Open libunicorn at `path`; the line that says why not, or NULL. Once a process. */
const char *vmm_unicorn_open(const char *path);
const char *vmm_no_fast_gear(void); /* once it is open: the line that says why it cannot be had; NULL: it can */
uint32_t vmm_unicorn_version(void); /* major << 24 | minor << 16 | patch << 8 */

vmm_machine *vmm_new(void);
void vmm_free(vmm_machine *m);
int vmm_map_ram(vmm_machine *m, uint64_t base, uint64_t size); /* whole pages outside the hole; before the first vCPU */
uint8_t *vmm_memory(vmm_machine *m, uint64_t physical, uint64_t size); /* RAM, alias or flash; NULL: not all of it is */
void vmm_memory_reached(vmm_machine *m, uint64_t physical, uint64_t size, int write); /* a device is about to */
void vmm_memory_written(vmm_machine *m, uint64_t physical, uint64_t size); /* by the pointer vmm_memory gave */
int vmm_map_rom(vmm_machine *m, uint64_t size); /* whole pages at physical 0; before RAM */
int vmm_flash_answer(vmm_machine *m, uint64_t first, int answers); /* the device there answers reads from now on, or not; or something else */
int vmm_map_alias(vmm_machine *m, uint64_t first, uint64_t of, uint64_t size); /* of RAM; before the first vCPU */
/* Who the controllers' inputs and registers of that name are to lines and ranges, a number above 0; the controller is part
   of the machine from then on. */
int vmm_line_end(vmm_machine *m, const char *name);
int vmm_range_owner(vmm_machine *m, const char *name);
int vmm_add_ports(vmm_machine *m, uint32_t first, uint32_t count, int owner, int index); /* owner 0: Python */
int vmm_add_mmio(vmm_machine *m, uint64_t first, uint64_t count, int owner, int index);
void vmm_recent_known(vmm_vcpu *v); /* its `recent` is up to date: in the fast gear it may be some blocks late, within a run */
uint64_t vmm_instructions(const vmm_machine *m); /* begun on all vCPUs since power-on */

/* Run vCPUs for at most `insns` instructions of machine time; the reason is in m->stop. */
void vmm_run(vmm_machine *m, uint64_t insns);
/* At the next boundary; between runs that is where it stands: the next run ends before it begins. */
void vmm_request_stop(vmm_machine *m, int reason, uint32_t code);

/* In the thread that Python handles signals in, around a run's slices: signals of `set` (bit n - 1: signal n) that have a
   plain handler set m->signalled and wait, half a second at most. Within another machine's callback they are that one's. */
void vmm_signals_hold(vmm_machine *m, uint64_t set);
void vmm_signals_pass(vmm_machine *m);    /* at a boundary: their handlers are called now */
void vmm_signals_release(vmm_machine *m); /* wait no more, and pass; nothing where this machine does not hold them */

uint64_t vmm_now(vmm_machine *m); /* virtual ns */
void vmm_timer_set(vmm_machine *m, uint32_t timer, uint64_t deadline); /* VMM_TIMER_CALL at ns; VMM_NEVER cancels */
void vmm_timer_wave(vmm_machine *m, uint32_t timer); /* start the wave the struct describes: level now, tick of first toggle */

void vmm_from_outside(vmm_machine *m); /* between runs: something comes, and how long it was waited for in vain counts anew */
void vmm_line_set(vmm_machine *m, uint32_t line, uint32_t driver, int level);
void vmm_line_until_served(vmm_machine *m, uint32_t line, uint32_t driver); /* high, until a controller acknowledges it */
void vmm_line_connect(vmm_machine *m, uint32_t line, uint32_t driver, int connected);
void vmm_nmi(vmm_machine *m, uint32_t vcpu);
void vmm_inject(vmm_machine *m, uint32_t vcpu, uint32_t vector);
void vmm_triggers_changed(vmm_machine *m); /* after a change of m->triggers.slot or count */
/* Where a vCPU maps a linear address now; all ones: nowhere in RAM. */
uint64_t vmm_physical(vmm_vcpu *v, uint64_t linear);
void vmm_triggers_here(vmm_machine *m);    /* the boundary where the current vCPU stands counts as seen */

void vmm_guest_error(vmm_machine *m, int what, uint64_t value); /* note it in the trace, at the present instruction */

/* From now on events are packed, unless `packer` is NULL, and kept for host.drain if `observed`. What is new should have
   been taken. host.drain is called, too, when the packer is full. */
void vmm_trace_record(vmm_machine *m, vmm_packed *packer, int observed);
/* The ring has from now on what it has while somebody records, or no longer. */
void vmm_trace_whole(vmm_machine *m, int on);
/* Hold what handlers return to against what they interrupted, from the next delivery on, or no more. */
int vmm_compare(vmm_machine *m, int on);
/* What the general registers (x86: in the order of their encoding; 32) held when the handler at that depth, from 0, of a vCPU
   was entered; NULL: that is not known. */
const uint64_t *vmm_interrupted(vmm_machine *m, uint32_t vcpu, uint32_t depth);
/* From now on each store of an instruction to `size` bytes, as the first vCPU maps them now, is an event; 0: or no longer. */
int vmm_guard(vmm_machine *m, uint64_t linear, uint8_t size);
/* The machine as it is between two runs; NULL with m->error. Free it at any time, also after the machine. */
vmm_snapshot *vmm_snapshot_take(vmm_machine *m);
int vmm_snapshot_restore(vmm_machine *m, vmm_snapshot *s); /* one of this machine, between two runs */
void vmm_snapshot_free(vmm_snapshot *s);

uint64_t vmm_latency_quantile(const vmm_stat *s, uint32_t permille); /* instructions; exact below 1024 */

#endif
