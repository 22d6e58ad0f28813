/* The interrupt controllers of ARM machines, GICv2 and GICv3: state and the calls that may change it. */
#ifndef VMM_GIC_H
#define VMM_GIC_H

#include "api/vmm.h"

#define VMM_GIC_CPUS 8
#define VMM_GIC_SPI_BANKS 8
#define VMM_GIC_SPIS 256
#define VMM_GIC_LEVELS 32
#define VMM_GIC_NONE 1023
#define VMM_GIC_FIRST_LPI 8192
#define VMM_GIC_TIMED_LPIS 1024

/* What an interrupt belongs to; GICv2 and a GICv3 with one Security state know groups 0 and 1. */
enum vmm_gic_class { VMM_GIC_G0 = 0, VMM_GIC_G1 = 1, VMM_GIC_G1S = 2 }; /* 0, (Non-secure) 1, Secure 1 */

/* Thirty-two interrupts, one bit each. */
typedef struct {
    uint32_t enabled;
    uint32_t latched;  /* pending by an edge, an SGI or a write to ISPENDR */
    uint32_t line;     /* the inputs as they are now */
    uint32_t edge;     /* 1: edge-triggered */
    uint32_t active;
    uint32_t group;    /* IGROUPR */
    uint32_t modifier; /* IGRPMODR: Secure group 1 where group is 0 */
    uint32_t ready;    /* pending, enabled and not active: derived from the above */
    uint8_t priority[32];
    uint64_t raised[32]; /* instruction count when each became pending */
} vmm_gic_bank;

typedef struct {
    uint8_t nonsecure; /* its accesses are Non-secure: the vCPU's state; means nothing with one Security state */
    uint8_t el3;       /* it executes at EL3: the vCPU's state; GICv3 with two Security states */

    vmm_gic_bank local;   /* INTID 0-31 */
    uint32_t until_served; /* PPIs whose line falls when they are acknowledged, one bit an INTID */
    uint8_t sgi_from[16]; /* GICv2: the CPUs each SGI is pending from, one bit a CPU */
    uint32_t reached[VMM_GIC_SPI_BANKS]; /* SPIs routed to this CPU, one bit each */

    /* CPU interface */
    uint8_t groups;  /* enabled, one bit an enum vmm_gic_class */
    uint8_t pmr;
    uint8_t bpr[3];  /* by class */
    uint32_t ctlr;   /* GICv2: GICC_CTLR without its group enables */
    uint8_t cbpr[3]; /* by class: BPR0 counts for it */
    uint8_t eoi_split[3]; /* EOImode of [0] Secure or only, [1] Non-secure accesses, [2] EL3 */
    uint8_t pmhe;
    uint8_t withdrawn; /* IRQ is up for a request that is gone: the acknowledge will find nothing */
    uint32_t apr[3]; /* active priorities by class; bit n: priority 8n */
    uint32_t holder[VMM_GIC_LEVELS]; /* who made that priority active: INTID and source CPU << 24; ~0: unknown */

    /* GICv3 redistributor */
    uint8_t asleep; /* GICR_WAKER.ProcessorSleep */
    uint8_t lpis_on;
    uint64_t propbaser;
    uint64_t pendbaser;
    uint32_t lpi; /* the best pending and enabled LPI or VMM_GIC_NONE: derived from the tables in memory */
    uint8_t lpi_priority;

    /* derived */
    uint32_t best; /* highest priority pending interrupt, or VMM_GIC_NONE */
    uint8_t best_priority;
    uint8_t best_class; /* enum vmm_gic_class */
    uint8_t output;     /* bit 0: IRQ, bit 1: FIQ */
} vmm_gic_cpu;

typedef struct {
    /* configuration */
    uint8_t version; /* 0: no GIC; 2 or 3 */
    uint8_t cpus;
    uint8_t two_states;  /* Security states: two */
    uint8_t raz_targets; /* a lone CPU's ITARGETSR is RAZ/WI (IHI0048B 4.3.12, QEMU); else its bit is kept (KVM) */

    uint8_t groups; /* GICD_CTLR: forwarded, one bit an enum vmm_gic_class */
    uint32_t busy;  /* banks of SPIs where anything is ready: derived */
    vmm_gic_bank spi[VMM_GIC_SPI_BANKS];
    uint32_t router[VMM_GIC_SPIS];      /* GICv3: low word of IROUTER */
    uint32_t anyone[VMM_GIC_SPI_BANKS]; /* GICv3: SPIs with IRM, one bit each: derived */
    uint64_t lpi_raised[VMM_GIC_TIMED_LPIS]; /* as raised above, of the first LPIs */
    vmm_gic_cpu cpu[VMM_GIC_CPUS];
} vmm_gic;

/* What an access by a system register is, one bit each; with one Security state it means nothing. */
enum vmm_gic_access {
    VMM_GIC_NONSECURE = 0,
    VMM_GIC_SECURE = 1, /* SCR_EL3.NS is 0: to the Secure copy of banked registers, and Secure below EL3 */
    VMM_GIC_AT_EL3 = 2, /* made at EL3, which is Secure whatever SCR_EL3.NS says */
    VMM_GIC_SCR_IRQ = 4, /* SCR_EL3.IRQ */
    VMM_GIC_SCR_FIQ = 8  /* SCR_EL3.FIQ: group 0 is EL3's alone, and Non-secure software has half of the priorities */
};

enum vmm_gic_icc {
    VMM_ICC_IAR0 = 0,
    VMM_ICC_IAR1 = 1,
    VMM_ICC_EOIR0 = 2,
    VMM_ICC_EOIR1 = 3,
    VMM_ICC_HPPIR0 = 4,
    VMM_ICC_HPPIR1 = 5,
    VMM_ICC_BPR0 = 6,
    VMM_ICC_BPR1 = 7,
    VMM_ICC_AP0R0 = 8, /* AP0R1-3 and AP1R1-3 follow their R0; with 32 priorities they do not exist: RAZ/WI */
    VMM_ICC_AP1R0 = 12,
    VMM_ICC_DIR = 16,
    VMM_ICC_RPR = 17,
    VMM_ICC_PMR = 18,
    VMM_ICC_CTLR = 19,
    VMM_ICC_SRE = 20,
    VMM_ICC_IGRPEN0 = 21,
    VMM_ICC_IGRPEN1 = 22,
    VMM_ICC_SGI1R = 23,
    VMM_ICC_ASGI1R = 24,
    VMM_ICC_SGI0R = 25,
    VMM_ICC_CTLR_EL3 = 26,
    VMM_ICC_IGRPEN1_EL3 = 27
};

uint32_t vmm_gic_version(const vmm_machine *m); /* 0: it has no GIC */
vmm_gic *vmm_gic_of(vmm_machine *m); /* made when first asked for, of version 0; NULL with m->error */
int vmm_gic_init(vmm_machine *m, uint32_t version, uint32_t cpus, int two_states); /* and reset; -1 with m->error */
void vmm_gic_reset(vmm_machine *m); /* lines keep their levels; every GICv3 redistributor sleeps (GICR_WAKER) */
/* The vCPU's Security state and whether it is at EL3: call when either changes and there are two Security states. */
void vmm_gic_state(vmm_machine *m, uint32_t cpu, int nonsecure, int el3);

/* Offsets are within a frame (of the redistributors: of all vCPUs' frames, 128 KiB each); size is 1, 2, 4 or 8. */
uint64_t vmm_gic_dist_read(vmm_machine *m, uint32_t cpu, uint64_t offset, uint32_t size);
void vmm_gic_dist_write(vmm_machine *m, uint32_t cpu, uint64_t offset, uint32_t size, uint64_t value);
uint64_t vmm_gic_cpu_read(vmm_machine *m, uint32_t cpu, uint64_t offset, uint32_t size);
void vmm_gic_cpu_write(vmm_machine *m, uint32_t cpu, uint64_t offset, uint32_t size, uint64_t value);
uint64_t vmm_gic_redist_read(vmm_machine *m, uint64_t offset, uint32_t size);
void vmm_gic_redist_write(vmm_machine *m, uint64_t offset, uint32_t size, uint64_t value);
uint64_t vmm_gic_icc_read(vmm_machine *m, uint32_t cpu, int reg, int access); /* enum vmm_gic_icc, vmm_gic_access */
void vmm_gic_icc_write(vmm_machine *m, uint32_t cpu, int reg, int access, uint64_t value);

void vmm_gic_set_spi(vmm_machine *m, uint32_t spi, int level); /* 0-255: INTID 32 + spi */
void vmm_gic_set_ppi(vmm_machine *m, uint32_t cpu, uint32_t intid, int level); /* 16-31 */
void vmm_gic_ppi_until_served(vmm_machine *m, uint32_t cpu, uint32_t intid); /* high, until it is acknowledged */
/* Group 1, 0-15, as the sender's own register write would: GICD_SGIR or ICC_SGI1R_EL1. */
void vmm_gic_send_sgi(vmm_machine *m, uint32_t from, uint32_t to, uint32_t intid);
uint32_t vmm_gic_output(vmm_machine *m, uint32_t cpu); /* bit 0: IRQ, bit 1: FIQ */
uint32_t vmm_gic_running(vmm_machine *m, uint32_t cpu); /* running priority; 255: idle */

/* For the ITS: LPIs of one redistributor. Nothing happens while its EnableLPIs is 0. */
void vmm_gic_lpi(vmm_machine *m, uint32_t cpu, uint32_t intid, int pending);
void vmm_gic_lpi_reload(vmm_machine *m, uint32_t cpu); /* the configuration table changed: INV, INVALL */
void vmm_gic_lpi_move(vmm_machine *m, uint32_t from, uint32_t to, uint32_t intid);
void vmm_gic_lpi_move_all(vmm_machine *m, uint32_t from, uint32_t to);
uint32_t vmm_gic_lpi_next(vmm_machine *m, uint32_t cpu, uint32_t intid); /* the first pending from intid on; 0: none */

#endif
