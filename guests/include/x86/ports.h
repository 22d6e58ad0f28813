/* Where the pc board keeps its devices, and the few bits guests use. */

#define PIC1            0x20            /* 8259A master: OCW2, OCW3, ICW1 */
#define PIC1_DATA       0x21            /*   OCW1 (mask), ICW2-4 */
#define PIC2            0xA0            /* 8259A slave, on the master's IR2 */
#define PIC2_DATA       0xA1
#define ELCR1           0x4D0           /* edge/level control, IRQ 0-7: 1 is level */
#define ELCR2           0x4D1           /*   IRQ 8-15 */

#define PIT_CHANNEL0    0x40            /* 8254: OUT0 is IRQ 0 */
#define PIT_CONTROL     0x43
#define PIT_HZ          1193182

#define COM1            0x3F8           /* 16550A, IRQ 4 */
#define COM1_DATA       (COM1 + 0)      /*   RBR, THR; DLL while DLAB */
#define COM1_IER        (COM1 + 1)      /*   DLM while DLAB */
#define   IER_RECEIVED  0x01
#define COM1_IIR        (COM1 + 2)      /*   FCR when written */
#define COM1_LCR        (COM1 + 3)
#define   LCR_8N1       0x03
#define   LCR_DLAB      0x80
#define COM1_MCR        (COM1 + 4)
#define   MCR_NORMAL    0x0B            /*     DTR, RTS, OUT2: the board's gate to IRQ 4 */
#define   MCR_LOOP      0x1B            /*     the same, transmitter wired to receiver */
#define COM1_LSR        (COM1 + 5)
#define   LSR_RECEIVED  0x01
#define   LSR_THR_EMPTY 0x20

#define DEBUG_EXIT      0xF4            /* write v: exit status (v << 1) | 1 */
#define PM1A_CONTROL    0x604           /* ACPI */
#define   SLEEP_OFF     0x2000          /*   SLP_EN, SLP_TYP 0: power off, exit status 0 */
#define TEST_LINE       0x2000          /* test device: port TEST_LINE + n holds the level of IRQ n */

#define AUDIO           0xFEB00000      /* audio device (audio.h), IRQ 11, with audio=on */
#define NIC             0xFEB01000      /* network card (nic.h), IRQ 10, with nic=on */
#define LAPIC           0xFEE00000

#define FLAG_CF         0x00000001
#define FLAG_FIXED      0x00000002
#define FLAG_TF         0x00000100
#define FLAG_IF         0x00000200
#define FLAG_IOPL3      0x00003000
#define FLAG_NT         0x00004000
#define FLAG_VM         0x00020000
