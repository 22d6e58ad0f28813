/* What sits where on the virt board, and which interrupt it has; the same for both architectures. */

#define GICD            0x08000000      /* distributor */
#define GICC            0x08010000      /* GICv2: CPU interface */
#define GICR            0x080A0000      /* GICv3: redistributors, GICR_STRIDE each */
#define   GICR_STRIDE   0x20000
#define   GICR_SGI      0x10000         /*   the frame of SGIs and PPIs */
#define UART            0x09000000      /* PL011, SPI(1) */
#define AUDIO           0x0B010000      /* audio device (audio.h), SPI(3), with audio=on */
#define NIC             0x0B011000      /* network card (nic.h), SPI(4), with nic=on */
#define TEST_LINE       0x0B000000      /* test device: word n holds the level of SPI n */

#define SGI(n)          (n)             /* INTIDs */
#define PPI(n)          (16+(n))
#define SPI(n)          (32+(n))
#define TIMER_IRQ       PPI(11)         /* virtual timer */

#define CNTFRQ_HZ       62500000

#define PSCI_SYSTEM_OFF 0x84000008      /* PSCI (DEN0022) function identifiers, called by HVC */
#define   PSCI_ALREADY_ON -4            /*   what CPU_ON returns then */

#define SYS_EXIT_REASON 0x20026         /* semihosting: ADP_Stopped_ApplicationExit, an exit status goes with it */
