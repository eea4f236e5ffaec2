/* bytes.h - sizes for people. */
#ifndef TOOLS_KAIRN_BYTES_H
#define TOOLS_KAIRN_BYTES_H

#include <stddef.h>
#include <stdint.h>

/* "12.3 MiB". Returns `text`. */
const char *bytes_text(char *text, size_t size, int64_t bytes);

#endif
