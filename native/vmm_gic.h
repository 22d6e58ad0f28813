/* The interrupt controllers of ARM machines, GICv2 and GICv3: state and the calls that may change it. Part of vmm.h. */
#ifndef VMM_GIC_H
#define VMM_GIC_H

#include <stdint.h>

typedef struct {
    uint8_t version; /* 0: no GIC; 2 or 3 */
    uint8_t cpus;
} vmm_gic;

#endif
