/* A disk of 4 KiB blocks (vmm/devices/disk.py), for boards with disk=on; the board says where it is. */

#define DISK_BLOCK      0x00
#define DISK_ADDRESS    0x04            /* of the 4 KiB that it copies to or from */
#define DISK_COMMAND    0x08            /* reads as 0 when it is done */
#define   DISK_READ     1
#define   DISK_WRITE    2
#define DISK_STATUS     0x0C            /* 1: done; written 1 it is cleared */
#define DISK_SEEK       0x10            /* microseconds of a command */
