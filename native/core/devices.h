/* Devices that every machine may have. */
#ifndef VMM_DEVICES_H
#define VMM_DEVICES_H

#include "core/controller.h"

extern const range_owner test_device; /* port first + n, or word n of memory, drives line n with driver `index` */
extern const range_owner ferr_latch;               /* a port: a write takes down what FERR# holds high of line `index` */
extern const range_owner free_running_counter;     /* four ports: m->counter_hz since power-on, low byte first */

#endif
