/* number.h - how much a test does, from the environment: more by command than in every run. */
#ifndef TESTS_LIB_NUMBER_H
#define TESTS_LIB_NUMBER_H

#include <stdint.h>
#include <stdlib.h>

static inline uint64_t number_from(const char *name, uint64_t fallback)
{
    const char *text = getenv(name);
    return text == NULL ? fallback : strtoull(text, NULL, 10);
}

#endif
