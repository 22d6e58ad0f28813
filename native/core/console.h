/* What a guest writes to its first serial port, on its way to Python; and Python, when it is asked for the guest. */
#ifndef VMM_CONSOLE_H
#define VMM_CONSOLE_H

#include "core/base.h"

void console_send(vmm_machine *m, uint8_t byte);
void console_flush(vmm_machine *m); /* what waits is heard now */

/* Whom to call for the guest: all that it has written before is heard first. */
const vmm_host *host_asked(vmm_machine *m);

#endif
