/* uuid.h - 128-bit identifiers in Kafka's textual form: 22 characters of URL-safe base64. */
#ifndef COMMON_UUID_H
#define COMMON_UUID_H

#include <stdbool.h>
#include <stdint.h>

enum { UUID_TEXT_SIZE = 23 };       /* with the terminating zero */

struct uuid { uint8_t bytes[16]; };

/* A random version-4 uuid from the system's generator; never zero, never with text starting
 * with '-', as Kafka's own. */
struct uuid uuid_random(void);

void uuid_format(const struct uuid *uuid, char text[UUID_TEXT_SIZE]);

/* False when `text` is not exactly 22 characters of the alphabet. */
bool uuid_parse(const char *text, struct uuid *out);

bool uuid_is_zero(const struct uuid *uuid);
bool uuid_equal(const struct uuid *a, const struct uuid *b);
uint64_t uuid_hash(const struct uuid *uuid);

#endif
