/* A network card that receives (vmm/devices/nic.py), for boards with nic=on; the board says where it is. */

#define NIC_CONTROL     0x00
#define   NIC_RECEIVE   1
#define   NIC_INTERRUPT 2
#define   NIC_MESSAGE   4               /* MSI, not its line */
#define NIC_STATUS      0x04            /* 1: packets have come; written 1 it is cleared */
#define NIC_RING        0x08
#define NIC_ENTRIES     0x0C
#define NIC_HEAD        0x10            /* packets that were stored */
#define NIC_TAIL        0x14            /* descriptors that were given to it, from the first on */
#define NIC_COUNT       0x18            /* packets for which it interrupts once */
#define NIC_TIMER       0x1C            /* or so many microseconds behind the last one; 0: never */
#define NIC_ADDRESS     0x20            /* of its message */
#define NIC_DATA        0x24
#define NIC_DROPPED     0x28

#define NIC_DONE        0x80000000      /* in a descriptor, with the packet's bytes */
