/* An audio device that is to be served each millisecond, and a flood of packets. */
#include "arm/guest.h"
#include "virt/gicv2.inc"
#include "audio.h"

#define PERIODS 20
#define PERIOD  1000                    /* microseconds */
#define BYTES   192                     /* a half: 48 kHz, stereo, 16 bits */
#define WORK    1000                    /* rounds that a packet takes */
#define NETWORK SPI(10)
#define SOUND   SPI(3)

    GUEST   irq=handler
    GIC_INIT
    GIC_PRIORITY NETWORK, 0x40
    GIC_PRIORITY SOUND, 0x80
    GIC_ENABLE NETWORK
    GIC_ENABLE SOUND
    STORE   (AUDIO+AUDIO_PERIOD), PERIOD
    STORE   (AUDIO+AUDIO_BUFFER), sound
    STORE   (AUDIO+AUDIO_BYTES), BYTES
    STORE   (AUDIO+AUDIO_CONTROL), 1
loop:
#ifdef FIXED
    LOAD    r4, done
    LOAD    r5, received
    cmp     r4, r5
    blo     thread
#endif
    LOAD    r0, (AUDIO+AUDIO_PERIODS)
    cmp     r0, #PERIODS
    bhs     over
    wfi
    cpsie   i
    isb
    cpsid   i
    b       loop
#ifdef FIXED
thread:
    cpsie   i
    mov     r12, #WORK
1:
    subs    r12, r12, #1
    bne     1b
    cpsid   i
    INCREMENT done
    b       loop
#endif
over:
    STORE_REG periods, r0
    LOAD    r0, (AUDIO+AUDIO_UNDERRUNS)
    STORE_REG underruns, r0
    POWER_OFF

handler:
    IRQ_ENTER
    GIC_ACK r0
    cmp     r0, #SOUND
    beq     played
#ifdef FIXED
    INCREMENT received
#else
    mov     r1, #WORK
1:
    subs    r1, r1, #1
    bne     1b
#endif
    GIC_EOI r0
    IRQ_LEAVE
played:
    STORE   (AUDIO+AUDIO_STATUS), 1
    STORE   (AUDIO+AUDIO_FILLED), 1     // with silence: the half is as it was
    GIC_EOI r0
    IRQ_LEAVE

    VAR     received
    VAR     done
    VAR     periods
    VAR     underruns
    VAR     sound, 2*BYTES
