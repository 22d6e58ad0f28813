/* PLANTED BUG, for the tests to find: this is critical.c, and it may sleep for ever.
 *
 * Interrupts are on all the time. If the byte comes behind the look at `received` and before HLT, its handler has run
 * when HLT begins, and HLT waits for an interrupt that never comes.
 *
 * To mend it: CLI before the look, and STI right before HLT, as in critical.c. */
#include "kernel.h"

void wait_for_byte(void)
{
    while (received == NOTHING)
        __asm__ volatile("sleep: hlt");
}
