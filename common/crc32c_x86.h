/* crc32c_x86.h - the ways of crc32c.h that need instructions not every x86-64 has. Private to
 * crc32c.c; elsewhere there are none. */
#ifndef COMMON_CRC32C_X86_H
#define COMMON_CRC32C_X86_H

#include <stddef.h>
#include <stdint.h>

#include "common/crc32c.h"

/* Compute the constants. Once, before any other call and before there are threads. */
void crc32c_x86_init(void);

/* Append what the processor has to `ways`, slowest first. Returns how many there are now. */
size_t crc32c_x86_ways(struct crc32c_way *ways, size_t count);

#endif
