/* What the parts of the kernel know of each other. */
#pragma once

extern volatile int received; /* the byte that the handler has put there, or NOTHING */
enum { NOTHING = -1 };

void serial_entry(void);     /* boot.S: where the interrupt arrives */
void serial_interrupt(void); /* main.c: what it calls */
void wait_for_byte(void);    /* critical.c, planted.c */
