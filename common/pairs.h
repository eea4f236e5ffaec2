/* pairs.h - a list of pairs of numbers as options have it: "0:1,0:2,7:1", or "*" for all, or "".
 *
 * No state; any thread. */
#ifndef COMMON_PAIRS_H
#define COMMON_PAIRS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

bool pairs_is_list(const char *text, size_t size);

static inline bool pairs_is_all(const char *text, size_t size)
{
    return size == 1 && text[0] == '*';
}

/* The next pair of a list that begins at *at, which is moved behind it and its comma. False: there
 * is none, or it is no pair of numbers of 31 bits. */
bool pairs_next(const char **at, const char *end, int32_t *first, int32_t *second);

#endif
