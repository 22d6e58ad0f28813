#include "kernel.h"

/* Interrupts are off from each look at `received` to HLT, which stands in the shadow of STI: one that comes in between
 * is held until HLT has begun, and ends it. */
void wait_for_byte(void)
{
    __asm__ volatile("cli");
    while (received == NOTHING)
        __asm__ volatile("sti\n"
                         "sleep: hlt\n"
                         "cli");
    __asm__ volatile("sti");
}
