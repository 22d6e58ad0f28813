/* A byte of which some bits are waves: what a guest polls to see time go by. State and calls. */
#ifndef VMM_WAVE_BYTE_H
#define VMM_WAVE_BYTE_H

#include "api/vmm.h"

typedef struct {
    uint8_t fixed;    /* bits that no wave has */
    vmm_timer bit[8]; /* waves as they stood when they were started: `line` and `deadline` mean nothing */
} vmm_wave_byte;

vmm_wave_byte *vmm_wave_byte_of(vmm_machine *m); /* its state, which exists from then on; NULL with m->error */
uint32_t vmm_wave_byte_read(vmm_machine *m);     /* as it is now */

#endif
