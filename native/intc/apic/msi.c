/*
 * Message signalled interrupts (Intel SDM vol. 3A 11.11): a device's write whose address names the destination and
 * whose data names the interrupt. The destination mode counts with and without the redirection hint: kernels rely on it.
 */
#include "intc/apic/lapic.h"

enum { ADDRESS_LOGICAL = 1 << 2, ADDRESS_REDIRECT = 1 << 3, DATA_ASSERT = 1 << 14, DATA_LEVEL = 1 << 15 };

int vmm_msi(vmm_machine *m, uint64_t address, uint32_t data)
{
    if (address >> 20 != MESSAGE_WINDOW)
        return fail(m, "0x%llx is not the address of an interrupt message", (unsigned long long)address);
    if (!apic_of(m))
        return fail(m, "this machine has no APICs to take a message");
    apic_message message = {
        .destination = address >> 12 & 0xff,
        .logical = address & ADDRESS_LOGICAL,
        .everyone = (address >> 12 & 0xff) == 0xff,
        .mode = data >> 8 & 7,
        .vector = (uint8_t)data,
        .level = data & DATA_LEVEL && (data >> 8 & 7) <= MODE_LOWEST,
    };
    message.arbitrated = address & ADDRESS_REDIRECT && message.mode == MODE_FIXED;
    bool deassert = data & DATA_LEVEL && !(data & DATA_ASSERT);
    if (!deassert && message.mode != MODE_STARTUP)
        apic_send(m, &message, NULL);
    return 0;
}
