/* An audio device that is to be served each millisecond, and a flood of packets. */
#include "arm64/guest.h"
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
    LOAD    x4, done
    LOAD    x5, received
    cmp     w4, w5
    b.lo    thread
#endif
    LOAD    x0, (AUDIO+AUDIO_PERIODS)
    cmp     w0, #PERIODS
    b.hs    over
    wfi
    msr     daifclr, #DAIF_I
    isb
    msr     daifset, #DAIF_I
    b       loop
#ifdef FIXED
thread:
    msr     daifclr, #DAIF_I
    mov     w9, #WORK
1:
    subs    w9, w9, #1
    b.ne    1b
    msr     daifset, #DAIF_I
    INCREMENT done
    b       loop
#endif
over:
    STORE_REG periods, x0
    LOAD    x0, (AUDIO+AUDIO_UNDERRUNS)
    STORE_REG underruns, x0
    POWER_OFF

handler:
    IRQ_ENTER
    GIC_ACK x0
    cmp     x0, #SOUND
    b.eq    played
#ifdef FIXED
    INCREMENT received
#else
    mov     w1, #WORK
1:
    subs    w1, w1, #1
    b.ne    1b
#endif
    GIC_EOI x0
    IRQ_LEAVE
played:
    STORE   (AUDIO+AUDIO_STATUS), 1
    STORE   (AUDIO+AUDIO_FILLED), 1     // with silence: the half is as it was
    GIC_EOI x0
    IRQ_LEAVE

    VAR     received
    VAR     done
    VAR     periods
    VAR     underruns
    VAR     sound, 2*BYTES
