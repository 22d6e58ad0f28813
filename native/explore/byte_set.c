#include <stdlib.h>
#include <string.h>

#include "explore/byte_set.h"

static uint32_t slot_of(const byte_set *s, uint64_t page)
{
    uint32_t mask = 2 * s->room - 1, slot = (uint32_t)(page * 0x9e3779b97f4a7c15u >> 40) & mask;
    while (s->index[slot] && s->pages[s->index[slot] - 1].page != page)
        slot = (slot + 1) & mask;
    return slot;
}

static const set_page *find(const byte_set *s, uint64_t page)
{
    if (!s->count)
        return NULL;
    uint16_t at = s->index[slot_of(s, page)];
    return at ? &s->pages[at - 1] : NULL;
}

static bool grow(byte_set *s)
{
    uint32_t room = s->room ? 2 * s->room : 8;
    set_page *pages = room > SET_PAGES_MOST ? NULL : realloc(s->pages, room * sizeof *pages);
    uint16_t *index = pages ? calloc(2 * room, sizeof *index) : NULL;
    if (pages)
        s->pages = pages;
    if (!index)
        return false;
    free(s->index);
    s->index = index;
    s->room = room;
    for (uint32_t i = 0; i < s->count; i++)
        s->index[slot_of(s, s->pages[i].page)] = (uint16_t)(i + 1);
    return true;
}

/* The page, made if it is not there; NULL: the set holds all. */
static set_page *at(byte_set *s, uint64_t page)
{
    const set_page *there = find(s, page);
    if (there || s->all)
        return (set_page *)there;
    if (s->count == s->room && !grow(s)) {
        s->all = true;
        return NULL;
    }
    set_page *made = &s->pages[s->count++];
    memset(made, 0, sizeof *made);
    made->page = page;
    s->index[slot_of(s, page)] = (uint16_t)s->count;
    return made;
}

void set_clear(byte_set *s)
{
    if (s->count)
        memset(s->index, 0, 2 * s->room * sizeof *s->index);
    s->count = 0;
    s->all = false;
}

void set_free(byte_set *s)
{
    free(s->pages);
    free(s->index);
    *s = (byte_set){0};
}

/* The bits of [from, to) within the word that begins at `word`. */
static uint64_t bits_of(uint64_t word, uint64_t from, uint64_t to)
{
    uint64_t low = from > word ? from - word : 0, high = to < word + 64 ? to - word : 64;
    return (high == 64 ? 0 : 1ull << high) - (1ull << low);
}

void set_add_but(byte_set *s, uint64_t offset, uint64_t size, const byte_set *but)
{
    while (size) {
        uint64_t page = offset / SET_PAGE, from = offset % SET_PAGE, part = SET_PAGE - from < size ? SET_PAGE - from : size;
        const set_page *without = but ? find(but, page) : NULL;
        set_page *p = at(s, page);
        for (uint64_t word = from / 64; p && word * 64 < from + part; word++)
            p->bits[word] |= bits_of(word * 64, from, from + part) & ~(without ? without->bits[word] : 0);
        offset += part;
        size -= part;
    }
}

void set_add(byte_set *s, uint64_t offset, uint64_t size)
{
    set_add_but(s, offset, size, NULL);
}

void set_add_all(byte_set *s)
{
    s->all = true;
}

void set_unite(byte_set *s, const byte_set *other, const byte_set *but)
{
    s->all |= other->all;
    for (uint32_t i = 0; i < other->count && !s->all; i++) {
        const set_page *from = &other->pages[i], *without = but ? find(but, from->page) : NULL;
        set_page *p = at(s, from->page);
        for (uint32_t word = 0; p && word < SET_WORDS; word++)
            p->bits[word] |= from->bits[word] & ~(without ? without->bits[word] : 0);
    }
}

bool set_meets(const byte_set *s, uint64_t page, const uint64_t bits[SET_WORDS])
{
    if (s->all)
        return true;
    const set_page *p = find(s, page);
    for (uint32_t word = 0; p && word < SET_WORDS; word++)
        if (p->bits[word] & bits[word])
            return true;
    return false;
}

bool set_has(const byte_set *s, uint64_t offset, uint64_t size)
{
    uint64_t bits[SET_WORDS] = {0}, from = offset % SET_PAGE;
    for (uint64_t word = from / 64; word < SET_WORDS && word * 64 < from + size; word++)
        bits[word] = bits_of(word * 64, from, from + size);
    return set_meets(s, offset / SET_PAGE, bits);
}
