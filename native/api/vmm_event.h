/* Events of the trace, the record of them, and what is counted of deliveries. Part of vmm.h. */
#ifndef VMM_EVENT_H
#define VMM_EVENT_H

#include <stdint.h>

#define VMM_FIRST_ERRORS 4
#define VMM_HISTOGRAM 2304

enum vmm_event_kind {
    VMM_EV_LINE = 1,        /* number: line, value: level, source: VMM_SRC_STIMULUS where one drove it */
    VMM_EV_PENDING = 2,     /* a controller latched a request; number: pin. GIC: INTID, value: vCPU (0 for SPIs) */
    VMM_EV_DELIVERED = 3,   /* number: vector, source: enum vmm_source, frame fields, value: latency in instructions;
                               ARM: INTID of an interrupt, exception class of an exception with ESR in error and FAR in value */
    VMM_EV_ACKNOWLEDGED = 4,/* INTA; number: vector, value: pin. GIC: INTID, sending vCPU */
    VMM_EV_ENDED = 5,       /* EOI; number: pin of the pair or APIC vector, value: 1 for an APIC.
                               GIC: INTID, bit 0 priority dropped, bit 1 deactivated */
    VMM_EV_SPURIOUS = 6,    /* number: vector. GIC: 1022 or 1023, value: vCPU */
    VMM_EV_MASKED = 7,      /* number: chip, value: new mask. GIC: INTID, value: 1 disabled, 0 enabled */
    VMM_EV_FAULT_CHAIN = 8, /* number: vector that became another; value: the new one */
    VMM_EV_TASK = 9,        /* number: selector of the new TSS */
    VMM_EV_TRAPPED = 10,    /* number: trap kind, value: its number */
    VMM_EV_STOP = 11,       /* number: reason, value: code */
    VMM_EV_GUEST_ERROR = 12,/* number: enum vmm_guest_error, value: what it says */
    VMM_EV_RETURNED = 13,   /* a handler returned; number and source: of its delivery, value: instructions since then,
                               pc, sp and flags: as they are now, error: 1 elsewhere than to what it interrupted */
    VMM_EV_CPU_MASK = 14,   /* only while somebody records; number: x86: 1 IF is 0; ARM: DAIF, bit 3 D to bit 0 F;
                               value: the same before */
    VMM_EV_SHADOW = 15,     /* what is deliverable waits at this boundary; number: enum vmm_shadow */
    VMM_EV_STIMULUS = 16,   /* a stimulus acts; number: its serial, value: 1 requested, 0 spontaneous */
    VMM_EV_PPI = 17,        /* a vCPU's own input of a GIC changes; number: INTID, value: level */
    VMM_EV_HELD = 18,       /* only while somebody records; other drivers hold a line that stays high; number: the line,
                               value: a bit each */
    VMM_EV_VAIN = 19,       /* only while somebody records; an end of interrupt that an 8259A had none for; number: chip */
    /* Only while somebody compares, before VMM_EV_RETURNED; source, pc and sp: what was delivered, and what it interrupted */
    VMM_EV_FRAME_CHANGED = 20,     /* number: bits of enum vmm_frame_part, value: the address that it leads to */
    VMM_EV_REGISTERS_CHANGED = 21, /* number: one bit a general register, value: what the first of them holds now */
    VMM_EV_VECTORS_CHANGED = 22,   /* as registers; value: the low half */
    VMM_EV_WORK = 23, /* only while somebody records; number: a device's line, value: which work, below it enum vmm_work */
    VMM_EV_TRANSACTION = 24, /* number: enum vmm_transaction, value: an abort's status in EAX */
    VMM_EV_GUARD_STORED = 25, /* only while there is a guard: an instruction stores there; value: physical address */
    VMM_EV_STATE_SET = 26, /* only while somebody records; software changes what a GIC has but by a request, an acknowledge or
                             an end; number: INTID, value: bit 0 pending, bit 1 active, bit 2 latched: pending though its
                             line falls, flags: whose, below 32.
                             8259A: ICW1; number: chip, value: what still is requested */
    VMM_EV_NMI_MASK = 27, /* only while somebody records; number: 1 NMIs are blocked, 0 no more; value: the same before */
    VMM_EV_PIN_STATE = 28 /* only while somebody records; of an IOAPIC; number: the pin, value: enum vmm_pin_state */
};

#define VMM_KINDS 32

enum vmm_event_value {
    VMM_OF_LOCAL_APIC = 1, /* of a request, an acknowledge or an end: its number is a vector */
    VMM_END_DROPPED = 1,   /* an end at a GIC: bits */
    VMM_END_DEACTIVATED = 2
};

/* `flags` of VMM_EV_PENDING and VMM_EV_ACKNOWLEDGED, which are no part of the hash: for pictures of controllers. */
enum vmm_request_flag {
    VMM_REQUEST_STAYS = 1,   /* pending: though its line falls; acknowledged: it still is requested */
    VMM_REQUEST_IS_OVER = 2, /* acknowledged: not in service, for it ended automatically */
    VMM_CASCADE_IS_OVER = 4  /* acknowledged or spurious at the slave: so on the master */
};

enum vmm_pin_state { /* bits that an entry of an IOAPIC has when it is read */
    VMM_PIN_MASKED = 1,
    VMM_PIN_REMOTE_IRR = 2,
    VMM_PIN_SEND_PENDING = 4
};

enum vmm_frame_part {
    VMM_FRAME_PC = 1,
    VMM_FRAME_FLAGS = 2,
    VMM_FRAME_CS = 4,
    VMM_FRAME_SP = 8,
    VMM_FRAME_SS = 16,
    VMM_FRAME_PLACE = 32 /* another place on the same stack: more or less was popped than pushed */
};

/* What a guest did that the architecture leaves UNPREDICTABLE or forbids, and that no exception tells it about. */
enum vmm_guest_error {
    VMM_GE_EOI_NOTHING = 1,    /* end of interrupt with nothing active; value: INTID written */
    VMM_GE_EOI_ORDER = 2,      /* end of interrupt for another than the running one; value: INTID written */
    VMM_GE_DEACTIVATE = 3,     /* DIR for an inactive interrupt, or with EOImode 0; value: INTID */
    VMM_GE_RESERVED = 4,       /* access to a reserved register or of a forbidden width; value: its address or offset */
    VMM_GE_SGI_TARGET = 5,     /* SGI to an absent vCPU; value: what was written */
    VMM_GE_ITS_COMMAND = 6,    /* the ITS refused a command; value: its error code */
    VMM_GE_UNMAPPED = 7        /* access to a physical address nobody decodes; value: the address */
};

enum vmm_source {
    VMM_SRC_LINE = 0, /* pin in source_pin */
    VMM_SRC_NMI = 1,
    VMM_SRC_EXCEPTION = 2,
    VMM_SRC_SOFTWARE = 3,
    VMM_SRC_SPURIOUS = 4,
    VMM_SRC_APIC = 5,
    VMM_SRC_SCRIPT = 6, /* vmm_inject */
    VMM_SRC_SGI = 7,    /* pin: the sending vCPU (GICv2) */
    VMM_SRC_PPI = 8,
    VMM_SRC_LPI = 9,
    VMM_SRC_SERROR = 10,
    VMM_SRC_APIC_SPURIOUS = 11,
    VMM_SRC_STIMULUS = 12 /* of VMM_EV_LINE only */
};

typedef struct {
    uint64_t count; /* instructions begun before it, on all vCPUs */
    uint64_t ns;    /* virtual time */
    uint64_t pc;    /* of a delivery: RIP in the frame, ARM: ELR or LR; else linear, of the instruction that began last,
                       or where the machine stands, if it does */
    uint64_t sp;
    uint64_t value;
    uint64_t code; /* linear; of a delivery: the handler's first instruction; of a return: the instruction that returned */
    uint32_t number;
    uint32_t error; /* error code of a delivery */
    uint32_t flags; /* ARM: SPSR; of requests enum vmm_request_flag */
    uint32_t base;  /* of CS in the frame: pc + base is linear */
    uint16_t cs;
    uint16_t ss;
    uint16_t vector_offset; /* ARM: of the vector in its table */
    uint16_t spare;
    uint8_t kind; /* enum vmm_event_kind */
    uint8_t vcpu;
    uint8_t source; /* enum vmm_source */
    uint8_t source_pin;
    uint8_t cpl;
    uint8_t has_error;
    uint8_t target_el; /* ARM: exception level it was taken to */
    uint8_t depth;     /* handlers under way on the vCPU */
} vmm_event;

/* Events packed, see trace_pack.c: one who packs, or one who unpacks. */
typedef struct {
    uint8_t *bytes;
    uint32_t size;   /* packing: room; unpacking: what is there */
    uint32_t used;   /* packing: filled; unpacking: consumed */
    uint64_t events; /* packing: in it; unpacking: still to come */
    uint64_t count;  /* of the last event */
    uint64_t ns;
    vmm_event last[2 * VMM_KINDS]; /* the last like each, see like() */
} vmm_packed;

typedef struct {
    uint64_t hash;      /* of every event so far, recorded or not, that is not derived: CPU_MASK, SHADOW, PPI, HELD, VAIN,
                         WORK, STATE_SET, NMI_MASK, PIN_STATE, …_CHANGED */
    uint64_t hashed;    /* how many those are */
    uint64_t emitted;   /* events so far */
    uint64_t look_at;   /* `emitted` at which somebody must take some; VMM_NEVER: nobody records, the last `capacity` stay */
    uint64_t drained;   /* events Python has taken, while it observes */
    uint64_t packed;    /* events packed, while there is a packer */
    vmm_packed *packer; /* NULL: none */
    uint8_t observed;   /* Python wants to see each event */
    uint8_t whole;      /* the ring has derived events, too, though nobody records */
    uint32_t capacity;  /* a power of two */
    vmm_event *ring;
    uint64_t guest_errors;                        /* so far */
    vmm_event first_errors[VMM_FIRST_ERRORS];     /* the first of them */
} vmm_trace;

typedef struct {
    uint8_t vcpu;
    uint8_t source; /* enum vmm_source */
    uint8_t pin;
    uint32_t vector;
    uint64_t delivered;
    uint64_t latency_min; /* instructions between request and delivery */
    uint64_t latency_max;
    uint32_t *histogram; /* VMM_HISTOGRAM buckets: exact below 1024, then 64 to an octave */
} vmm_stat;

#endif
