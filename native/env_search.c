/* Finds Unicorn's private CPU state by what it holds, so that no layout of the engine's own structs is assumed. */
#include <string.h>
#include <unistd.h>

#include "internal.h"

enum { ENGINE_BYTES = 4096, CPU_WORDS = 4096 / sizeof(uintptr_t), STATE_BYTES = 65536, PATTERN_BYTES = 256 };

typedef struct {
    int ends[2];
    const void *pattern;
    size_t size;
    size_t offset; /* of the pattern in the state */
} search;

/* Copy memory that may not be mapped: the kernel checks the pointer for us. */
static size_t probe(const search *s, const void *from, void *to, size_t size)
{
    ssize_t put = write(s->ends[1], from, size);
    if (put <= 0)
        return 0;
    ssize_t got = read(s->ends[0], to, (size_t)put);
    return got > 0 ? (size_t)got : 0;
}

static bool holds(const search *s, uintptr_t state)
{
    char found[PATTERN_BYTES];
    return probe(s, (void *)(state + s->offset), found, s->size) == s->size && memcmp(found, s->pattern, s->size) == 0;
}

/* The engine struct points to a CPU struct, which points into itself, at the state that holds our pattern. */
static bool find(vmm_vcpu *v, const search *s)
{
    uintptr_t engine_words[ENGINE_BYTES / sizeof(uintptr_t)], cpu_words[CPU_WORDS];
    size_t engine_count = probe(s, v->uc, engine_words, sizeof engine_words) / sizeof(uintptr_t);
    for (size_t i = 0; i < engine_count; i++) {
        uintptr_t cpu = engine_words[i];
        if (cpu < 4096 || cpu % sizeof(uintptr_t))
            continue;
        size_t count = probe(s, (void *)cpu, cpu_words, sizeof cpu_words) / sizeof(uintptr_t);
        for (size_t j = 0; j < count; j++) {
            uintptr_t state = cpu_words[j];
            if (state > cpu && state < cpu + STATE_BYTES && state % 8 == 0 && holds(s, state)) {
                v->cpu = (void *)cpu;
                v->env = (void *)state;
                return true;
            }
        }
    }
    return false;
}

bool env_search(vmm_vcpu *v, const void *pattern, size_t size, size_t offset)
{
    search s = {.pattern = pattern, .size = size, .offset = offset};
    if (size > PATTERN_BYTES || pipe(s.ends) != 0)
        return false;
    bool found = find(v, &s);
    close(s.ends[0]);
    close(s.ends[1]);
    return found;
}
