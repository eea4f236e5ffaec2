/* error.h - the codes of every failure, and what is known about each.
 *
 * Functions that can fail return `int`: 0, or one of enum k_error. Thread-safe: constant data. */
#ifndef COMMON_ERROR_H
#define COMMON_ERROR_H

#include <stdbool.h>
#include <stddef.h>

#include "common/error_table.h"

enum k_error_flag {
    K_RETRIABLE = 1,      /* the same request may succeed later */
    K_STALE = 2 | 1,      /* retriable, after a metadata refresh */
    K_FATAL = 4           /* whoever got it can not go on */
};

enum k_error {
#define X(name, code, flags, text) K_##name = (code),
    K_ERROR_TABLE(X)
#undef X
};

struct k_error_row {
    int code;
    unsigned flags;
    const char *name;     /* "NOT_LEADER_OR_FOLLOWER" */
    const char *text;     /* a sentence for people, without a full stop */
};

/* The row of `code`; the row of UNKNOWN_SERVER_ERROR for a code that is not in the table. */
const struct k_error_row *k_error_row(int code);

const char *k_error_name(int code);
const char *k_error_text(int code);
bool k_error_retriable(int code);
bool k_error_stale(int code);
bool k_error_fatal(int code);

/* All rows, for documentation and tests. */
const struct k_error_row *k_error_rows(size_t *count);

/* The code that best describes a system error number: ENOSPC and EDQUOT are DISK_FULL, ENOMEM
 * is NOMEM, everything else IO. */
int k_error_from_errno(int system_error);

/* What went wrong, for a person: filled by functions whose caller shows it. */
struct k_reason {
    char text[512];
};

/* Write a formatted reason; NULL is allowed and ignored. Returns `code`, so that a failing
 * function can end with `return k_reason_set(reason, K_..., "...")`. */
int k_reason_set(struct k_reason *reason, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
