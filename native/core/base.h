/* What every file of the core, and of the rooms above it, begins with. */
#ifndef VMM_BASE_H
#define VMM_BASE_H

#include <stdbool.h>
#include <stddef.h>

#include "api/vmm.h"

#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

/* Leave the one line in m->error; always -1. */
int fail(vmm_machine *m, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
