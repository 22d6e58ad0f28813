/* Standing before an operation of Unicorn's arithmetic, to see which exceptions it raises. */
#ifndef VMM_SOFTFLOAT_H
#define VMM_SOFTFLOAT_H

#include <stdint.h>

#include "api/vmm.h"

enum { IE = 1, DE = 2, ZE = 4, OE = 8, UE = 16, PE = 32, ALL = 63 }; /* of the x87's status word and of MXCSR */

typedef struct { /* the start of QEMU's; its flags are those, but for DE */
    int8_t tininess, rounding;
    uint8_t flags;
} float_status;

typedef struct {
    vmm_vcpu *v; /* whose operation it is; NULL: not ours to note */
    uint8_t flags; /* raised so far */
} before_it;

/* `begin` and `end` are the including file's; `denormals`: whether an operand is one, which QEMU does not tell. */
#define OPERATION(name, type, parameters, arguments, denormals)                                                        \
    typedef type (*name##_call) parameters;                                                                            \
    static name##_call name##_original;                                                                                \
    static type before_##name parameters                                                                               \
    {                                                                                                                  \
        const before_it before = begin(s);                                                                              \
        unsigned also = (denormals) ? DE : 0;                                                     \
        type result = name##_original arguments;                                                                       \
        end(s, before, also);                                                                                          \
        return result;                                                                                                 \
    }

#define CALL(name) {#name "_x86_64", before_##name, &name##_original}

#endif
