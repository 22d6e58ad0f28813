/* The 8259A pair as the machine's other parts see it. */
#ifndef VMM_PIC_INTERNAL_H
#define VMM_PIC_INTERNAL_H

#include "api/vmm_pic.h"
#include "core/controller.h"
#include "intc/irq_request.h"

enum { PIC_ROW = 1 }; /* in native/machine.c */

static inline vmm_pic *pic_of(const vmm_machine *m)
{
    return m->controller_state[PIC_ROW];
}

bool pic_alike(const void *a, const void *b); /* two states of the pair, but for when requests were made */
extern const line_end pic_pins;      /* IR 0-15 of the pair */
extern const spurious_source pic_spurious;
extern const range_owner pic_ports;  /* 20h and 21h with index 0, A0h and A1h with index 1 */
extern const range_owner pic_elcr;   /* 4D0h and 4D1h */

irq_request pic_acknowledge(vmm_machine *m);

#endif
