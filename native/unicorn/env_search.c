/* Finds Unicorn's private CPU state by what it holds, so that no layout of the engine's own structs is assumed. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "api/vmm.h"
#include "unicorn/env_search.h"
#include "unicorn/uc.h"

enum { UNASSIGNED_INDEX = -1, CPU_WORDS = 4096 / sizeof(uintptr_t), STATE_BYTES = 65536, PATTERN_BYTES = 256 };

typedef struct {
    int ends[2];
    const void *pattern;
    size_t size;
    size_t offset; /* of the pattern in the state */
} search;

/* Copy memory that may not be mapped: the kernel checks the pointer for us, and nobody else may. */
static size_t probe(const search *s, const void *from, void *to, size_t size)
{
    long put = syscall(SYS_write, s->ends[1], from, size);
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

/* Unicorn's CPU object points into itself, at the state that holds our pattern. */
static bool find(vmm_vcpu *v, const search *s)
{
    uintptr_t words[CPU_WORDS], cpu = (uintptr_t)v->cpu;
    size_t count = probe(s, v->cpu, words, sizeof words) / sizeof *words;
    for (size_t i = 0; i < count; i++) {
        uintptr_t state = words[i];
        if (state > cpu && state < cpu + STATE_BYTES && state % 8 == 0 && holds(s, state)) {
            v->env = (void *)state;
            return true;
        }
    }
    return false;
}

bool env_search(vmm_vcpu *v, const char *library, const void *pattern, size_t size, size_t offset)
{
    search s = {.pattern = pattern, .size = size, .offset = offset};
    char name[64];
    v->library = library;
    snprintf(name, sizeof name, "qemu_get_cpu_%s", library);
    void *(*get_cpu)(void *engine, int index);
    *(void **)&get_cpu = uc_symbol(name);
    if (size > PATTERN_BYTES || !get_cpu || !(v->cpu = get_cpu(v->uc, UNASSIGNED_INDEX)) || pipe2(s.ends, O_CLOEXEC) != 0)
        return false;
    bool found = find(v, &s);
    close(s.ends[0]);
    close(s.ends[1]);
    return found;
}

void **env_find_callback(vmm_vcpu *v, const void *function)
{
    search s = {0};
    void **found = NULL;
    if (!function || pipe2(s.ends, O_CLOEXEC) != 0)
        return NULL;
    for (uintptr_t at = (uintptr_t)v->env; !found && at < (uintptr_t)v->env + STATE_BYTES; at += sizeof at) {
        uintptr_t pointer, value;
        if (probe(&s, (void *)at, &pointer, sizeof pointer) != sizeof pointer)
            break;
        bool plausible = pointer > 4096 && pointer % sizeof pointer == 0;
        if (plausible && probe(&s, (void *)pointer, &value, sizeof value) == sizeof value && value == (uintptr_t)function)
            found = (void **)pointer;
    }
    close(s.ends[0]);
    close(s.ends[1]);
    return found;
}

void *env_find_bytes(vmm_vcpu *v, const void *pattern, size_t size)
{
    search s = {.pattern = pattern, .size = size};
    void *found = NULL;
    if (size > PATTERN_BYTES || pipe2(s.ends, O_CLOEXEC) != 0)
        return NULL;
    for (uintptr_t at = (uintptr_t)v->cpu; !found && at < (uintptr_t)v->env + STATE_BYTES; at += 8)
        if (holds(&s, at))
            found = (void *)at;
    close(s.ends[0]);
    close(s.ends[1]);
    return found;
}
