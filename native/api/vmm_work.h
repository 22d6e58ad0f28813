/* What a device has for its driver, told as events to those who look on: no guest feels it. */
#ifndef VMM_API_WORK_H
#define VMM_API_WORK_H

#include "api/vmm.h"

#define VMM_WORK_BITS 2

enum vmm_work {
    VMM_WORK_COMES = 0,
    VMM_WORK_ASKED = 1, /* the device wants to interrupt, for all up to this */
    VMM_WORK_DONE = 2,  /* the driver has told the device so */
    VMM_WORK_SET_UP = 3 /* none: the driver says when it wants to be asked */
};

void vmm_work(vmm_machine *m, uint32_t line, uint64_t number, uint32_t what); /* VMM_EV_WORK, while somebody records */

#endif
