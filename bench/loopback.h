/* loopback.h - blocking sockets, descriptors and a clock, for programs that say what the machine
 * allows. */
#ifndef BENCH_LOOPBACK_H
#define BENCH_LOOPBACK_H

#include <stddef.h>

/* Say why and exit. */
void bench_die(const char *what) __attribute__((noreturn));

/* As many descriptors as we may have. */
void bench_allow_files(void);

/* Seconds, monotonic. */
double bench_now(void);

/* Two ends of one TCP connection over loopback, without Nagle's delay. */
void bench_connect_pair(int pair[2]);

void bench_write_whole(int fd, const void *bytes, size_t size);

/* 0 at the orderly end. */
int bench_read_whole(int fd, void *bytes, size_t size);

#endif
