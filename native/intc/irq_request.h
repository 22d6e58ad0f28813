/* What a controller tells the vCPU that it interrupts. */
#ifndef VMM_IRQ_REQUEST_H
#define VMM_IRQ_REQUEST_H

#include <stdint.h>

typedef struct {
    uint32_t vector; /* of a GIC: INTID */
    uint8_t source;  /* enum vmm_source */
    uint8_t pin;
    uint64_t raised; /* instruction count of the request */
} irq_request;

#endif
