/* Guest memory as an ARM vCPU maps it now, without a trace in its fault registers. */
#include <string.h>

#include "arm/access.h"
#include "arm/arm.h"
#include "unicorn/uc_walk.h"

typedef enum { READ, WRITE } access_kind;

uint64_t arm_physical_page(vmm_vcpu *v, uint64_t address)
{
    uint32_t attributes[4];
    uc_looking = v;
    uint64_t page = arm_calls_of(v)->physical_page(v->cpu, address, attributes);
    uc_looking = NULL;
    return page;
}

static uint64_t each_page(vmm_vcpu *v, uint64_t address, char *bytes, uint64_t size, access_kind kind)
{
    vmm_machine *m = v->machine;
    uint64_t done = 0;
    while (done < size) {
        uint64_t at = arm_of(v)->aarch64 ? address + done : (uint32_t)(address + done);
        uint64_t room = 4096 - (at & 4095), part = size - done < room ? size - done : room;
        uint64_t page = arm_physical_page(v, at & ~4095ull);
        uint8_t *memory = page == ~0ull ? NULL : vmm_memory(m, page + (at & 4095), part);
        if (!memory)
            break;
        if (kind == READ) {
            memcpy(bytes + done, memory, part);
        } else {
            memcpy(memory, bytes + done, part);
            vmm_memory_written(m, page + (at & 4095), part);
        }
        done += part;
    }
    return done;
}

uint64_t vmm_arm_read(vmm_vcpu *v, uint64_t address, void *buffer, uint64_t size)
{
    return each_page(v, address, buffer, size, READ);
}

uint64_t vmm_arm_write(vmm_vcpu *v, uint64_t address, const void *buffer, uint64_t size)
{
    return each_page(v, address, (char *)(uintptr_t)buffer, size, WRITE);
}
