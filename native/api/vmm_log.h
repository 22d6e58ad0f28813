/* Logs of events: packed, chosen from, and thinned where plain rounds of events are many and alike. State and calls. */
#ifndef VMM_API_LOG_H
#define VMM_API_LOG_H

#include "api/vmm.h"

/* Which events are wanted. */
typedef struct {
    uint64_t since;   /* instruction count */
    int64_t number;   /* -1: any; so for the next two */
    int32_t vcpu;
    int32_t pin;
    uint32_t kinds;   /* one bit a kind */
    uint32_t sources; /* one bit an enum vmm_source */
} vmm_wanted;

#define VMM_ROUND 24         /* events of one, at most */
#define VMM_THINNED_LINES 1024
#define VMM_CHANGES 64

typedef struct {
    vmm_event event[VMM_ROUND];
    uint32_t count;
    uint32_t rises, line; /* of a plain one: of lines, and which line that is */
} vmm_round;

typedef struct { /* registers that a handler left changed */
    uint64_t code, pc;
    uint64_t which; /* kind and number */
} vmm_change;

typedef struct {
    uint8_t vectors; /* interrupts have vectors: x86's controllers */
    uint8_t follows; /* the last round that is over was a plain one, and kept or left out */
    uint32_t depth, in_service, high_count;
    uint64_t high[VMM_THINNED_LINES / 64]; /* one bit a line that is high */
    vmm_change changed[VMM_CHANGES]; /* the last of each hash */
    struct {
        uint32_t rises, falls, line, requests, acknowledged, delivered, ended, returned, masks;
        uint64_t mask_before;
        uint32_t mask_after;
        uint8_t other; /* something that is not plain */
    } has;               /* what is in that under way */
    vmm_round round[2];  /* that is under way; the last that is left out, unless another follows */
    uint8_t now;         /* which of them the first is */
    uint64_t left_out[VMM_THINNED_LINES]; /* rises of each line, each of which was taken */
} vmm_thinned;

/* Pack the ring's events [from, to) behind those that are there; how many fitted. */
uint64_t vmm_pack(vmm_packed *p, const vmm_trace *t, uint64_t from, uint64_t to);
/* Unpack what is still to come until `room` wanted events are found, and copy those to `out` unless it is NULL; how many. */
uint64_t vmm_unpack(vmm_packed *p, const vmm_wanted *wanted, vmm_event *out, uint64_t room);
/* A plain round is an interrupt that finds nothing else and leaves nothing behind: nothing high, requested, in service,
   masked or under way, and no registers changed but as before; or code that masks interrupts and unmasks them. Of several that follow each other the first and the
   last are kept, and those between left out; of one vCPU's events. Unpacks what is wanted until it is over or there is no room
   for two more rounds; how many are left. */
uint64_t vmm_thin(vmm_thinned *t, vmm_packed *p, const vmm_wanted *wanted, vmm_event *out, uint64_t room);
uint64_t vmm_thin_rest(vmm_thinned *t, vmm_event *out); /* nothing more comes */

#endif
