/* Pages of memory that a device answers for a while: to Unicorn they lie behind the devices' hole then. */
#ifndef VMM_UC_DEVICE_PAGES_H
#define VMM_UC_DEVICE_PAGES_H

#include <stdbool.h>

#include "api/vmm.h"

/* `leads` says whether a device answers reads of the page at this physical address, to which a vCPU comes for code or for data; once
   a process; why not, or NULL. */
const char *uc_watch_device_pages(void *library, bool (*leads)(vmm_vcpu *v, uint64_t physical, bool fetches));

#endif
