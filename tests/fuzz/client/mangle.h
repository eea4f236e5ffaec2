/* mangle.h - which answers of a broker are changed on their way, and how, as a fuzzer chose. */
#ifndef TESTS_FUZZ_CLIENT_MANGLE_H
#define TESTS_FUZZ_CLIENT_MANGLE_H

#include <stddef.h>
#include <stdint.h>

#include "tests/fuzz/input.h"

enum { MANGLE_RULES_MAX = 4, MANGLE_BYTES_MAX = 200 };

enum mangle_way {
    MANGLE_SET,                     /* a byte */
    MANGLE_FLIP,                    /* bits of a byte */
    MANGLE_FILL,                    /* four bytes */
    MANGLE_ERASE,                   /* bytes of the head */
    MANGLE_INSERT,                  /* bytes into the head */
    MANGLE_HEAD,                    /* another head behind the correlation id */
    MANGLE_RECORDS,                 /* a byte of the payload, under a good checksum */
    MANGLE_CUT,                     /* the end is missing */
    MANGLE_HANG_UP,
    MANGLE_WAYS
};

struct mangle {
    size_t count;
    struct mangle_rule {
        int body;                   /* of the answers; 0: greetings */
        unsigned skip, times;       /* so many go untouched first; then so many do not */
        enum mangle_way way;
        unsigned position;
        const uint8_t *bytes;       /* borrowed from the input */
        size_t size;
    } rules[MANGLE_RULES_MAX];
};

void mangle_read(struct mangle *mangle, struct input *input);

/* A fake_mangle_fn; the context is a struct mangle. */
size_t mangle_answer(void *context, int body, uint8_t *bytes, size_t size);

#endif
