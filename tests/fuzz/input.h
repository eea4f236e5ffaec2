/* input.h - the bytes of a fuzzer read as choices. What is over reads as zeros. */
#ifndef TESTS_FUZZ_INPUT_H
#define TESTS_FUZZ_INPUT_H

#include <stddef.h>
#include <stdint.h>

struct input {
    const uint8_t *at, *end;        /* borrowed */
};

static inline uint8_t input_u8(struct input *input)
{
    return input->at < input->end ? *input->at++ : 0;
}

static inline unsigned input_u16(struct input *input)
{
    unsigned high = input_u8(input);

    return high << 8 | input_u8(input);
}

/* Below `count`, which is at most 256. */
static inline unsigned input_below(struct input *input, unsigned count)
{
    return input_u8(input) % count;
}

/* Up to `most` bytes, as they are; how many stands before them in one byte. */
static inline const uint8_t *input_bytes(struct input *input, size_t most, size_t *size)
{
    const uint8_t *bytes = input->at + (input->at < input->end);
    size_t wanted = input_u8(input), left = (size_t)(input->end - input->at);

    *size = wanted < left ? wanted : left;
    if (*size > most)
        *size = most;
    input->at += *size;
    return bytes;
}

#endif
