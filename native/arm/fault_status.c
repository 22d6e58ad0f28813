/* What a fault was, in the codes of the long format, which syndromes have in both formats of translation tables. */
#include "arm/arm.h"

enum { DFSC = 0x3f, UNTOLD = 0x3f /* Unicorn's, of an abort under short descriptors */ };
enum { ABORTS = 0x20, LOWER_OR_SAME_LEVEL = 1, FETCH_OR_DATA = 4 }; /* exception classes 20h, 21h, 24h, 25h */

/* DDI0406 table B3-23 (FS, of DFSR and IFSR) beside B3-24 (STATUS); FS[4] is bit 10. */
static uint32_t long_status(uint32_t fsr)
{
    static const uint8_t statuses[32] = {
        [0x01] = 0x21, /* alignment */
        [0x02] = 0x22, /* debug event */
        [0x03] = 0x09, [0x06] = 0x0a, /* access flag */
        [0x05] = 0x05, [0x07] = 0x06, /* translation */
        [0x08] = 0x10, [0x0c] = 0x15, [0x0e] = 0x16, /* synchronous external: of the access, of a walk */
        [0x09] = 0x3d, [0x0b] = 0x3e, /* domain */
        [0x0d] = 0x0d, [0x0f] = 0x0e, /* permission */
        [0x10] = 0x30, /* TLB conflict */
        [0x14] = 0x34, [0x15] = 0x35, /* the implementation's: lockdown, exclusives */
        [0x16] = 0x11, /* asynchronous external */
        [0x18] = 0x19, [0x19] = 0x18, [0x1c] = 0x1d, [0x1e] = 0x1e, /* parity */
    };
    uint8_t status = statuses[(fsr >> 6 & 0x10) | (fsr & 0xf)];
    return status ? status : UNTOLD;
}

uint32_t arm_told_status(uint32_t syndrome, uint32_t fsr)
{
    bool abort = (syndrome >> 26 & ~(uint32_t)(LOWER_OR_SAME_LEVEL | FETCH_OR_DATA)) == ABORTS;
    if (!abort || (syndrome & DFSC) != UNTOLD)
        return syndrome;
    return (syndrome & ~(uint32_t)DFSC) | long_status(fsr);
}
