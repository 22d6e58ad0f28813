/* Where Unicorn reads translation tables. */
#ifndef VMM_UC_WALK_H
#define VMM_UC_WALK_H

#include <stdbool.h>

#include "api/vmm.h"
#include "unicorn/thread.h"

/* Who looks, while nothing runs, at what an address translates to: its walk is none of the guest's. NULL: nobody. */
extern THREAD_LOCAL vmm_vcpu *uc_looking;

/* Once a process; `read` is told a physical address, and says whether it is memory: no walk reads a device, which would
   notice. The line that says why not, or NULL. */
const char *uc_watch_walks(void *library, bool (*read)(vmm_vcpu *v, uint64_t physical, bool looks));

#endif
