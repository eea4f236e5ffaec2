/* target.h - what every fuzz target is: one function that must survive any bytes.
 *
 * Built with --enable-fuzz the targets are libFuzzer programs; in every other build replay.c is
 * their main and `make check` feeds them the committed corpus. A target may abort() on a broken
 * promise (a round trip that differs), never on its input. */
#ifndef TESTS_FUZZ_TARGET_H
#define TESTS_FUZZ_TARGET_H

#include <stddef.h>
#include <stdint.h>

/* The name is libFuzzer's. `data` is memory of exactly `size` bytes. Returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
