/* json_check.h - is it a JSON text (RFC 8259)? Every byte is looked at once and nothing is built or
 * allocated, so that it can be asked of every record. Pure. */
#ifndef COMMON_JSON_CHECK_H
#define COMMON_JSON_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { JSON_DEPTH_MAX = 1024 };         /* arrays and objects within each other */

struct json_fault {
    size_t at;                          /* how many bytes are fine */
    const char *what;                   /* that something else was expected, for people; constant */
};

/* Any value is a text, not only an array or object. Names may come twice, numbers be of any size,
 * and escapes name any code unit, as the grammar has it. `bytes` is not NULL. False: *fault is
 * set. */
bool json_check(const uint8_t *bytes, size_t size, struct json_fault *fault);

#endif
