/* hex.h - bytes as tests write them: pairs of digits, and text between quotes: "0001 'g1' ff". */
#ifndef TESTS_PROTO_HEX_H
#define TESTS_PROTO_HEX_H

#include <stddef.h>
#include <stdint.h>

enum { HEX_BYTES_MAX = 512 };

struct bytes { uint8_t data[HEX_BYTES_MAX]; size_t size; };

struct buffer;

struct bytes bytes_of(const char *text);

/* The buffer holds just these bytes; frees it. */
void check_written(struct buffer *buffer, const char *expected);

#endif
