/*
 * What a guest writes to its first serial port is heard in the order of all that Python is told, and where it is written if
 * somebody wants to know where; else it waits for the end of the run, for want of room, or for Python to be called anyway.
 */
#include "core/console.h"

void console_flush(vmm_machine *m)
{
    vmm_console *c = &m->console;
    uint32_t count = c->count;
    c->count = 0;
    if (count)
        m->host.console(m->host.handle, c->bytes, count);
}

void console_send(vmm_machine *m, uint8_t byte)
{
    vmm_console *c = &m->console;
    if (c->heard == VMM_HEARD_BY_NOBODY)
        return;
    c->bytes[c->count++] = byte;
    if (c->heard == VMM_HEARD_AT_ONCE) {
        m->host_calls++;
        console_flush(m);
    } else if (c->count == VMM_CONSOLE_BYTES) {
        console_flush(m);
    }
}

const vmm_host *host_asked(vmm_machine *m)
{
    m->host_calls++;
    console_flush(m);
    return &m->host;
}
