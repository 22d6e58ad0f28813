/* What the parts of the firmware know of each other. */
#pragma once

extern volatile unsigned pending; /* pulses that the handler has noted and nobody has taken */
extern volatile unsigned taken;

void irq(void);      /* main.c: boot.S calls it, with interrupts masked */
void take_one(void); /* critical.c, planted.c */
void report(void);   /* main.c */
