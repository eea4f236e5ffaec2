/* shrink.h - the smallest plan that still fails. */
#ifndef TESTS_SIM_SHRINK_H
#define TESTS_SIM_SHRINK_H

#include <stdbool.h>

#include "tests/sim/lives.h"

/* Prints it, and why it fails. False: the plan does not fail. */
bool shrink(const struct life_kind *kind, const struct plan *plan);

#endif
