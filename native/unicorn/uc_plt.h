/* Calls of Unicorn's within itself that we stand in front of. */
#ifndef VMM_UC_PLT_H
#define VMM_UC_PLT_H

#include <stddef.h>

#include "api/vmm.h"

typedef struct {
    const char *name;
    void *ours;
    void *original; /* where to keep what the call led to */
} uc_call;

/* Once a process; the line that says why not, or NULL. */
const char *uc_stand_before(void *library, const uc_call *calls, size_t count);

extern _Thread_local vmm_vcpu *uc_executing; /* whose Unicorn runs on this thread; NULL: nobody's */

#endif
