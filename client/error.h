/* error.h - fill the error objects of the public interface. Thread-safe: no state. */
#ifndef CLIENT_ERROR_H
#define CLIENT_ERROR_H

#include "client/klient.h"
#include "common/error.h"

/* Make *out (NULL is allowed) an error of `code` with a formatted text; format NULL: the text of
 * the table. Returns `code`, so that a failing function can end with `return fail(...)`. */
klient_code_t fail(klient_error_t **out, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same about a partition; skip_to as klient_error_skip_to(). */
klient_code_t fail_partition(klient_error_t **out, int code, const char *topic, int32_t partition,
                             int64_t skip_to, const char *text);

/* Give the error (NULL: none) klient_error_detail(). */
void error_set_detail(klient_error_t *error, int detail);

#endif
