/* Finds Unicorn's private state by what it holds. */
#ifndef VMM_ENV_SEARCH_H
#define VMM_ENV_SEARCH_H

#include <stdbool.h>

#include "api/vmm.h"

/* Set v->library, v->cpu and v->env, the state that holds `size` bytes of `pattern` at `offset`; false: not found.
   `library` is the suffix of Unicorn's symbols for this architecture. */
bool env_search(vmm_vcpu *v, const char *library, const void *pattern, size_t size, size_t offset);
/* Where the CPU object holds `size` bytes of `pattern` in 8-byte steps; NULL: nowhere. */
void *env_find_bytes(vmm_vcpu *v, const void *pattern, size_t size);
/* Where a list that starts behind the state keeps `function`; NULL: nowhere. */
void **env_find_callback(vmm_vcpu *v, const void *function);

#endif
