/* The program reads a time of 64 bits, which a handler counts on: on a 32-bit processor that is two loads. */
#include "x86/kernel.h"

#define BEFORE 0xFFFFFFFF /* the lower word wraps at the next tick */
#define TICKS  2          /* of one window, at most */

volatile uint64_t milliseconds = BEFORE; /* volatile: it is loaded each time, and that is all */
volatile uint32_t apart, unready;

__attribute__((interrupt)) static void tick(struct frame *frame)
{
    (void)frame;
    milliseconds++;
    end_of_interrupt();
}

static inline uint64_t now(void)
{
    uint64_t time = milliseconds;
#ifdef FIXED
    for (uint64_t again; (again = milliseconds) != time;)
        time = again;
#endif
    return time;
}

void kernel(void)
{
    on_irq(5, tick);
    __asm__ volatile("sti\n nop\n .globl begin\nbegin:");
    apart = now() - BEFORE > TICKS;
    __asm__ volatile(".globl end\nend: nop");
    power_off();
}
