/* What serial ports have in common: their ends, and what they keep of what has come. */
#ifndef VMM_SERIAL_INTERNAL_H
#define VMM_SERIAL_INTERNAL_H

#include <string.h>

#include "api/vmm_serial.h"
#include "core/clock.h"
#include "core/console.h"
#include "core/controller.h"

enum { UART16550_ROW = 4, PL011_ROW = 5 }; /* in native/machine.c */

extern const range_owner uart16550_ports; /* eight ports; `index`: which of the machine's */
extern const range_owner pl011_memory;    /* a page */

static inline void serial_drive(vmm_machine *m, const vmm_serial_wires *w, bool interrupts)
{
    vmm_line_set(m, w->line, w->driver, interrupts);
}

/* Sending takes no time. */
static inline void serial_send(vmm_machine *m, const vmm_serial_wires *w, uint8_t byte)
{
    if (w->console)
        console_send(m, byte);
}

/* VMM_NEVER calls it off. */
static inline void serial_time_out_at(vmm_machine *m, const vmm_serial_wires *w, uint64_t deadline)
{
    if (m->timers[w->timer % VMM_MAX_TIMERS].deadline != deadline)
        vmm_timer_set(m, w->timer, deadline);
}

static inline uint16_t received_take(vmm_received *r)
{
    uint16_t first = r->data[0];
    memmove(r->data, r->data + 1, sizeof r->data - sizeof *r->data);
    r->data[VMM_SERIAL_FIFO - 1] = 0;
    r->count--;
    return first;
}

static inline void received_clear(vmm_received *r)
{
    memset(r, 0, sizeof *r);
}

#endif
