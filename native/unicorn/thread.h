/* What each thread that runs a machine has of its own. */
#ifndef VMM_THREAD_H
#define VMM_THREAD_H

#include <stdint.h>

#ifdef __GLIBC__ /* keeps a little room for libraries that are opened late; elsewhere each use is a call */
#define THREAD_LOCAL _Thread_local __attribute__((tls_model("initial-exec")))
#else
#define THREAD_LOCAL _Thread_local
#endif

#endif
