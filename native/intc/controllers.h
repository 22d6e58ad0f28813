/* What lines and ranges may lead to. */
#ifndef VMM_CONTROLLERS_H
#define VMM_CONTROLLERS_H

#include "core/line.h"

extern const line_end pic_pins, ioapic_pins, lint1_pins, gic_spis;
extern const range_owner pic_ports, pic_elcr, ioapic_memory, gic_distributor, gic_cpu_interface, gic_redistributors;

#endif
