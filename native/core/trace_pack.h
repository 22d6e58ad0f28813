/* Events as a log gives them back, one by one. */
#ifndef VMM_TRACE_PACK_H
#define VMM_TRACE_PACK_H

#include "api/vmm_log.h"
#include "core/base.h"

typedef uint64_t __attribute__((may_alias)) event_word;

enum { EVENT_WORDS = sizeof(vmm_event) / sizeof(event_word) };

/* The next of those that are wanted, there until the next call; NULL: there is none. */
const vmm_event *unpack_next(vmm_packed *p, const vmm_wanted *wanted);

/* Word by word, which is why it is volatile: larger pieces of what was just written would stall. */
static inline void copy_event(vmm_event *to, const vmm_event *from)
{
    for (int i = 0; i < EVENT_WORDS; i++)
        ((event_word *)to)[i] = ((const volatile event_word *)from)[i];
}

#endif
