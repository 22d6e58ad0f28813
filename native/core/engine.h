/* Machines, as the root makes them. */
#ifndef VMM_ENGINE_H
#define VMM_ENGINE_H

#include "core/controller.h"

vmm_machine *machine_new(const struct vmm_controller *controllers, uint32_t count); /* NULL: no memory */

#endif
