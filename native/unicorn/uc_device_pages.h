/* Pages of memory that a device answers for a while: to Unicorn they lie behind the devices' hole then. */
#ifndef VMM_UC_DEVICE_PAGES_H
#define VMM_UC_DEVICE_PAGES_H

#include <stdbool.h>

#include "api/vmm.h"

/* `answers` says whether a device answers reads of the page at this physical address; once a process; why not, or NULL. */
const char *uc_watch_device_pages(void *library, bool (*answers)(const vmm_machine *m, uint64_t physical));

#endif
