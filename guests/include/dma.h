/* A DMA engine of four channels (vmm/devices/dma.py), for boards with dma=on; the board says where it is. */

#define DMA_CHANNEL(n)  ((n)*0x20)
#define DMA_SOURCE      0x00            /* of a channel */
#define DMA_TARGET      0x04
#define DMA_BYTES       0x08
#define DMA_PACE        0x0C            /* microseconds of a burst, which is 16 bytes */
#define DMA_START       0x10
#define DMA_LEFT        0x14
#define DMA_STATUS      0x80            /* bit n: channel n is done; written 1 it is cleared */
#define DMA_ERRORS      0x84
