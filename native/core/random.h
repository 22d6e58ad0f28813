/* Seeded sequences: the same on every host. */
#ifndef VMM_RANDOM_H
#define VMM_RANDOM_H

#include <stdint.h>

/* The next. Steele, Lea, Flood: "Fast Splittable Pseudorandom Number Generators" (2014), the SplitMix64 step. */
static inline uint64_t draw(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

#endif
