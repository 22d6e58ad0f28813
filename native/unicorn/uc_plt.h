/* Calls of Unicorn's within itself that we stand in front of. */
#ifndef VMM_UC_PLT_H
#define VMM_UC_PLT_H

#include <stdbool.h>
#include <stddef.h>

#include "api/vmm.h"
#include "unicorn/thread.h"

typedef struct {
    const char *name;
    void *ours;
    void *original; /* where to keep what the call led to */
} uc_call;

/* Once a process; the line that says why not, or NULL. */
const char *uc_stand_before(void *library, const uc_call *calls, size_t count);

void **uc_address_of(void *library, const char *name); /* where a table of the library's has that function; NULL: nowhere */
bool uc_lead(void *library, void **slot, void *function);

extern THREAD_LOCAL vmm_vcpu *uc_executing; /* whose turn it is on this thread; NULL: nobody's */

#endif
