/*
 * What coverage maps are made of. A guest chooses the addresses, so there is a limit to both tables: what comes beyond it
 * is not kept, and that is told.
 */
#include <stdlib.h>

#include "core/coverage.h"

enum { MOST_PAGES = 1 << 14, PAGE_SLOTS = 2 * MOST_PAGES, MOST_DELIVERIES = 1 << 20, FIRST_SLOTS = 256 };

static uint64_t scatter(uint64_t key)
{
    key *= 0x9e3779b97f4a7c15;
    return key ^ key >> 32;
}

vmm_covered_page *coverage_page(vmm_coverage *c, uint64_t number)
{
    uint64_t slot = scatter(number) % PAGE_SLOTS;
    for (; c->page_slot[slot]; slot = (slot + 1) % PAGE_SLOTS)
        if (c->page[c->page_slot[slot] - 1]->number == number)
            return c->last = c->page[c->page_slot[slot] - 1];
    vmm_covered_page *page = c->page_count < MOST_PAGES ? calloc(1, sizeof *page) : NULL;
    if (!page) {
        c->overflowed = 1;
        return c->beyond;
    }
    page->number = number;
    c->page[c->page_count++] = page;
    c->page_slot[slot] = c->page_count;
    return c->last = page;
}

static bool same(const vmm_covered_delivery *d, const vmm_handler *h)
{
    return d->linear == h->pc && d->number == h->number && d->source == h->source && d->pin == h->pin;
}

static uint64_t key_of(uint64_t linear, uint32_t number, uint8_t source, uint8_t pin)
{
    return linear ^ (uint64_t)number << 48 ^ (uint64_t)source << 40 ^ (uint64_t)pin << 32;
}

/* Room for one more row, with half of the slots free; false: there is none. */
static bool delivery_room(vmm_coverage *c)
{
    if (2 * (c->delivery_count + 1) <= c->delivery_slots)
        return true;
    uint32_t slots = c->delivery_slots ? 2 * c->delivery_slots : FIRST_SLOTS;
    vmm_covered_delivery *rows = slots <= 2 * MOST_DELIVERIES ? realloc(c->delivery, slots / 2 * sizeof *rows) : NULL;
    if (rows)
        c->delivery = rows;
    uint32_t *index = rows ? calloc(slots, sizeof *index) : NULL;
    if (!index)
        return false;
    for (uint32_t i = 0; i < c->delivery_count; i++) {
        uint64_t slot = scatter(key_of(rows[i].linear, rows[i].number, rows[i].source, rows[i].pin)) % slots;
        while (index[slot])
            slot = (slot + 1) % slots;
        index[slot] = i + 1;
    }
    free(c->delivery_slot);
    c->delivery_slot = index;
    c->delivery_slots = slots;
    return true;
}

void coverage_delivered(vmm_coverage *c, const vmm_handler *h)
{
    if (c->held || h->source == VMM_SRC_EXCEPTION || h->source == VMM_SRC_SOFTWARE)
        return;
    bool room = delivery_room(c);
    if (!c->delivery_slots) {
        c->overflowed = 1;
        return;
    }
    uint64_t slot = scatter(key_of(h->pc, h->number, h->source, h->pin)) % c->delivery_slots;
    for (; c->delivery_slot[slot]; slot = (slot + 1) % c->delivery_slots) {
        vmm_covered_delivery *d = &c->delivery[c->delivery_slot[slot] - 1];
        if (same(d, h)) {
            d->count++;
            return;
        }
    }
    if (!room) {
        c->overflowed = 1;
        return;
    }
    c->delivery[c->delivery_count++] =
        (vmm_covered_delivery){.linear = h->pc, .count = 1, .number = h->number, .source = h->source, .pin = h->pin};
    c->delivery_slot[slot] = c->delivery_count;
}

void coverage_hold(vmm_machine *m, bool held)
{
    if (m->coverage)
        m->coverage->held = held;
}

static void dispose(vmm_coverage *c)
{
    for (uint32_t i = 0; i < c->page_count; i++)
        free(c->page[i]);
    free(c->page);
    free(c->page_slot);
    free(c->beyond);
    free(c->delivery);
    free(c->delivery_slot);
    free(c);
}

void vmm_coverage_end(vmm_machine *m)
{
    if (m->coverage)
        dispose(m->coverage);
    m->coverage = NULL;
}

int vmm_coverage_begin(vmm_machine *m)
{
    if (m->coverage)
        return fail(m, "the machine's coverage is collected already");
    vmm_coverage *c = calloc(1, sizeof *c);
    if (!c)
        return fail(m, "no memory for coverage");
    c->page = calloc(MOST_PAGES, sizeof(vmm_covered_page *));
    c->page_slot = calloc(PAGE_SLOTS, sizeof *c->page_slot);
    c->last = c->beyond = calloc(1, sizeof *c->beyond);
    if (!c->page || !c->page_slot || !c->beyond) {
        dispose(c);
        return fail(m, "no memory for coverage");
    }
    c->beyond->number = VMM_NEVER;
    m->coverage = c;
    return 0;
}
