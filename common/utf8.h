/* utf8.h - is it text? UTF-8 as in RFC 3629: no overlong forms, no surrogates, nothing beyond
 * U+10FFFF. Pure. */
#ifndef COMMON_UTF8_H
#define COMMON_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* The bytes of the character that starts at `at`, of `left` > 0 bytes: 1 to 4; 0 when none does. */
size_t utf8_character(const uint8_t *at, size_t left);

/* How many bytes at the start are whole characters: `size` when all of it is text. Not NULL. */
size_t utf8_valid(const uint8_t *bytes, size_t size);

#endif
