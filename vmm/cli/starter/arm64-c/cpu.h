/* What C has no words for. */
#pragma once

static inline void mask_interrupts(void)
{
    __asm__ volatile("msr daifset, #2" : : : "memory");
}

static inline void unmask_interrupts(void)
{
    __asm__ volatile("msr daifclr, #2\n isb" : : : "memory"); /* what is pending is taken by the ISB at the latest */
}

static inline void wait_for_interrupt(void)
{
    __asm__ volatile("wfi" : : : "memory");
}

static inline void switch_off(void)
{
    register unsigned long function __asm__("x0") = 0x84000008; /* PSCI: SYSTEM_OFF */
    __asm__ volatile("hvc #0" : "+r"(function) : : "memory");
}
