/* pattern.h - a regular expression for whole names, with bounds on what matching may cost.
 *
 * Immutable once compiled; a pattern may be used by one thread at a time. */
#ifndef COMMON_PATTERN_H
#define COMMON_PATTERN_H

#include <stdbool.h>
#include <stddef.h>

struct k_reason;
struct pattern;

/* 0, K_NOMEM, or K_INVALID_REGULAR_EXPRESSION: the reason says what is wrong, and where. */
int pattern_new(const char *text, struct pattern **out, struct k_reason *reason);
void pattern_free(struct pattern *pattern);             /* NULL is allowed */

/* Does the whole name match? 0 with the answer, K_NOMEM, or K_INVALID_REGULAR_EXPRESSION: to find
 * out takes more steps or memory than is allowed. */
int pattern_matches(struct pattern *pattern, const char *name, bool *out);

#endif
