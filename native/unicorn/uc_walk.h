/* Where Unicorn reads translation tables. */
#ifndef VMM_UC_WALK_H
#define VMM_UC_WALK_H

#include "api/vmm.h"

/* Once a process; `read` is told the offset in RAM. The line that says why not, or NULL. */
const char *uc_watch_walks(void *library, void (*read)(vmm_vcpu *v, uint64_t offset));

#endif
