/* Host memory that guests see, and that costs nothing until it is touched. */
#ifndef VMM_MEMORY_H
#define VMM_MEMORY_H

#include "core/base.h"

uint8_t *lazy_zeros(vmm_machine *m, uint64_t size); /* NULL with m->error */
void lazy_free(void *zeros, uint64_t size);         /* what lazy_zeros gave, or NULL */

static inline uint8_t *alias_memory(const vmm_machine *m) /* the RAM it shows */
{
    return m->ram + (m->alias_of - m->ram_base);
}

static inline uint8_t *ram_at(const vmm_machine *m, uint64_t physical, uint64_t size) /* NULL: not all of it is RAM */
{
    uint64_t offset = physical - m->ram_base;
    return offset < m->ram_size && size <= m->ram_size - offset ? m->ram + offset : NULL;
}

#endif
