/* script.h - what happens to a broker, step by step, as the bytes of a fuzzer say. */
#ifndef TESTS_FUZZ_BROKER_SCRIPT_H
#define TESTS_FUZZ_BROKER_SCRIPT_H

#include "tests/fuzz/broker/life.h"

void script_run(struct life *life, const uint8_t *data, size_t size);

#endif
