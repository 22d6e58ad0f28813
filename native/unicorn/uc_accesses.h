/* Accesses of guests to memory: who is told of each, and those by which Unicorn's helpers read what nobody is told of. */
#ifndef VMM_UC_ACCESSES_H
#define VMM_UC_ACCESSES_H

#include <stdbool.h>
#include <stddef.h>

#include "api/vmm.h"

/* `callback` is Unicorn's for hooks of memory; each access of code translated from now on calls it. */
bool uc_tell_accesses(vmm_vcpu *v, size_t *hook, void *callback, void *user);
void uc_tell_accesses_no_more(vmm_vcpu *v, size_t *hook); /* nothing where none are told */

const char *uc_watch_loads(void *library); /* once a process; the line that says why not, or NULL */

#endif
