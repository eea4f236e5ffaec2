/* requests.h - valid requests, chosen by bytes of the fuzzer. */
#ifndef TESTS_FUZZ_BROKER_REQUESTS_H
#define TESTS_FUZZ_BROKER_REQUESTS_H

#include "common/arena.h"
#include "tests/fuzz/broker/model.h"
#include "tests/fuzz/input.h"

/* Make the frame of one request: in the arena. NULL: the bytes made none. */
uint8_t *request_make(struct input *input, struct arena *arena, const struct model *model,
                      uint64_t correlation, size_t *size);

#endif
