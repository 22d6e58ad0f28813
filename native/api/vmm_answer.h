/* What a device says, where somebody else has it otherwise. */
#ifndef VMM_ANSWER_H
#define VMM_ANSWER_H

#include <stdint.h>

enum vmm_place { VMM_PLACE_NONE = 0, VMM_PLACE_PORT = 1, VMM_PLACE_MEMORY = 2 };

/* What the next read of that port, or of device memory at that physical address, gives, whatever the device says. */
typedef struct {
    uint8_t place; /* enum vmm_place; NONE: as the device says */
    uint64_t at;
    uint64_t value; /* cut to the width that is read */
} vmm_answer;

#endif
