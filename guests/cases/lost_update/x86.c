/* Main and a handler count errors in one counter that stops at its end: between main's load and its store one is lost. */
#include "x86/kernel.h"

#define MOST 99 /* what the display has room for */

volatile uint32_t n;

static inline void count(void)
{
    uint32_t so_far = n;

    if (so_far < MOST)
        n = so_far + 1;
}

__attribute__((interrupt)) static void handler(struct frame *frame)
{
    (void)frame;
    count();
    end_of_interrupt();
}

void kernel(void)
{
    on_irq(5, handler);
    __asm__ volatile("sti\n nop\n .globl begin\nbegin:");
#ifdef FIXED
    __asm__ volatile("cli");
#endif
    count();
#ifdef FIXED
    __asm__ volatile("sti\n nop");
#endif
    __asm__ volatile(".globl end\nend: nop");
    power_off();
}
