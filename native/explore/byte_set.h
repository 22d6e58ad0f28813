/* Sets of bytes of RAM, by their offset in it: small ones are small, and one that grows too large holds all. */
#ifndef VMM_BYTE_SET_H
#define VMM_BYTE_SET_H

#include <stdbool.h>
#include <stdint.h>

enum { SET_PAGE = 4096, SET_WORDS = SET_PAGE / 64, SET_PAGES_MOST = 1024 };

typedef struct {
    uint64_t page;
    uint64_t bits[SET_WORDS];
} set_page;

typedef struct {
    set_page *pages; /* in no order */
    uint16_t *index; /* open addressing: 1 + place in `pages`; 0: free */
    uint32_t count;
    uint32_t room; /* of `pages`; of `index` twice as many; a power of two */
    bool all;      /* every byte there is */
} byte_set;

void set_clear(byte_set *s); /* keeps its memory */
void set_free(byte_set *s);
void set_add(byte_set *s, uint64_t offset, uint64_t size);
void set_add_all(byte_set *s);
/* Add those of the bytes that are not known to be in `but`: where that has grown too large, only what it had before is. */
void set_add_but(byte_set *s, uint64_t offset, uint64_t size, const byte_set *but);
/* Add those of `other`, in the same way; `but` may be NULL. */
void set_unite(byte_set *s, const byte_set *other, const byte_set *but);
bool set_has(const byte_set *s, uint64_t offset, uint64_t size); /* one of these, in one page */
bool set_meets(const byte_set *s, uint64_t page, const uint64_t bits[SET_WORDS]); /* one of these is in it */

#endif
