/* proc_memory.h - what the kernel says of memory, of others and its own. Ends the process where it
 * says nothing. */
#ifndef BENCH_PROC_MEMORY_H
#define BENCH_PROC_MEMORY_H

#include <stdint.h>

/* Bytes of a process that are not of a file: /proc/PID/smaps_rollup. */
int64_t proc_memory_of(int pid);

/* Bytes that the kernel itself holds in small objects: sockets, descriptors, ... */
int64_t proc_memory_of_kernel(void);

#endif
