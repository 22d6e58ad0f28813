/* A counter that guests read while it runs. */
#ifndef VMM_COUNTER_INTERNAL_H
#define VMM_COUNTER_INTERNAL_H

#include "api/vmm_counter.h"
#include "core/controller.h"

enum { COUNTER_ROW = 8 }; /* in native/machine.c */

extern const range_owner counter_memory; /* a device's; all but reads of its counter is for Python's device `index` */

#endif
