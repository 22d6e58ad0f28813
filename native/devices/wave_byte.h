/* A byte of which some bits are waves. */
#ifndef VMM_WAVE_BYTE_INTERNAL_H
#define VMM_WAVE_BYTE_INTERNAL_H

#include "api/vmm_wave_byte.h"
#include "core/controller.h"

enum { WAVE_BYTE_ROW = 7 }; /* in native/machine.c */

extern const range_owner wave_byte_port; /* a port; writes are for Python's device `index` */

#endif
