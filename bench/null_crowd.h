/* null_crowd.h - null_broker's part for many connections at a time.
 *
 * One thread and one epoll: receives, checks the CRC-32C, appends with one pwrite, answers 16 bytes
 * (u64 file, u64 position), and does nothing else. Frames: u32 size | u32 crc | bytes.
 *
 * Frozen like null_broker: it is a yardstick. */
#ifndef BENCH_NULL_CROWD_H
#define BENCH_NULL_CROWD_H

#include <sys/types.h>

enum { NULL_CROWD_PREFIX = 8, NULL_CROWD_ANSWER = 16, NULL_CROWD_FRAME_MAX = 4096 };

/* Start it as a process of its own, to be killed by its id; `broker` becomes its host:port. One
 * connection after the other appends to one of so many files: DIRECTORY/0, DIRECTORY/1 and on. */
pid_t null_crowd_start(const char *directory, int files, char broker[32]);

#endif
