/* Unicorn's own end of the process, which is made the end of a run. */
#ifndef VMM_UC_RESCUE_H
#define VMM_UC_RESCUE_H

#include <stdbool.h>

#include "api/vmm.h"

const char *uc_stand_before_abort(void *library); /* once a process; the line that says why not, or NULL */

void uc_give_up(void) __attribute__((noreturn)); /* while Unicorn executes: as if it had */

/* uc_emu_start of it. True: Unicorn gave up, and its instance is not to be used any more; `error` is what it gave else. */
bool uc_gives_up(vmm_vcpu *v, uint64_t begin, int *error);

#endif
