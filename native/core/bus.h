/* Physical memory and ports as vCPUs reach them. */
#ifndef VMM_BUS_H
#define VMM_BUS_H

#include "core/base.h"

int bus_attach(vmm_vcpu *v); /* Unicorn's error, 0: none */
uint32_t port_read(vmm_machine *m, uint32_t port, uint32_t size);
void port_write(vmm_machine *m, uint32_t port, uint32_t size, uint32_t value);

/* What a vCPU reads there, where the device says `value`. */
uint64_t bus_answer(vmm_machine *m, uint8_t place, uint64_t at, uint32_t size, uint64_t value);

/* An access of the vCPU's to what is no memory. */
uint64_t bus_read(vmm_vcpu *v, uint64_t physical, uint32_t size);
void bus_write(vmm_vcpu *v, uint64_t physical, uint32_t size, uint64_t value);

bool bus_has_gaps(vmm_vcpu *v, uint64_t physical); /* an access to that page may end in arch->bus_error */
bool bus_walk(vmm_vcpu *v, uint64_t physical, bool looks); /* a table walk is about to read there; false: it must not, there is a device */

#endif
