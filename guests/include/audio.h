/* A player of sound with two buffers (vmm/devices/audio.py), for boards with audio=on; the board says where it is. */

#define AUDIO_CONTROL   0x00            /* 1: play */
#define AUDIO_PERIOD    0x04            /* microseconds of a half */
#define AUDIO_STATUS    0x08            /* 1: a half has been played; written 1 it is cleared */
#define AUDIO_FILLED    0x0C            /* written: the other half is filled */
#define AUDIO_BUFFER    0x10
#define AUDIO_BYTES     0x14            /* of a half */
#define AUDIO_PERIODS   0x18
#define AUDIO_UNDERRUNS 0x1C
