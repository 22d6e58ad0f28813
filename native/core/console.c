/*
 * What a guest writes to its first serial port is heard in the order of all that Python is told, and where it is written if
 * somebody wants to know where; else it waits for the end of its line or of the run, for want of room, or for Python to be called anyway.
 */
#include <string.h>

#include "core/console.h"

void console_flush(vmm_machine *m)
{
    vmm_console *c = &m->console;
    uint32_t count = c->count;
    c->count = 0;
    if (count)
        m->host.console(m->host.handle, c->bytes, count);
}

/* By the longest end of what was sent that the phrase begins with. */
static uint8_t one_more(const vmm_phrase *p, uint8_t sent, uint8_t byte)
{
    if (sent == p->length)
        return sent;
    if (p->bytes[sent] == byte)
        return sent + 1;
    for (uint8_t shorter = sent; shorter > 0; shorter--) {
        const uint8_t *end = p->bytes + sent - shorter + 1; /* of `shorter - 1` bytes */
        if (memcmp(p->bytes, end, shorter - 1u) == 0 && p->bytes[shorter - 1] == byte)
            return shorter;
    }
    return 0;
}

void console_send(vmm_machine *m, uint8_t byte)
{
    vmm_console *c = &m->console;
    for (uint32_t i = 0; i < c->phrases; i++)
        m->sent[i] = one_more(&c->phrase[i], m->sent[i], byte);
    if (c->heard == VMM_HEARD_BY_NOBODY)
        return;
    c->bytes[c->count++] = byte;
    if (c->heard == VMM_HEARD_AT_ONCE) {
        m->host_calls++;
        console_flush(m);
    } else if (byte == '\n' || c->count == VMM_CONSOLE_BYTES) {
        console_flush(m);
    }
}

const vmm_host *host_asked(vmm_machine *m)
{
    m->host_calls++;
    console_flush(m);
    return &m->host;
}
