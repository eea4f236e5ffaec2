/* serde.h - the built-in serializers and deserializers: values of C and the bytes that Java's write
 * for them. Pure; constant data; any thread. */
#ifndef CLIENT_SERDE_H
#define CLIENT_SERDE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/klient.h"
#include "common/error.h"

enum { SERDE_ROOM = 36 };               /* bytes of whatever is not written as it is */

struct serde_bytes {
    const void *data;
    size_t size;
};

struct serde {
    const char *name;                   /* as a property names it */
    klient_type_t type;
    /* Turn the value at `data`, which is not NULL, into *out: a view of it, or of `room`. 0, or
     * K_SERIALIZER_FAILED with a reason. */
    int (*write)(struct serde_bytes data, uint8_t room[SERDE_ROOM], struct serde_bytes *out,
                 struct k_reason *reason);
    /* Turn bytes, which are not NULL, into value->as. 0, or K_DESERIALIZER_FAILED with a reason. */
    int (*read)(struct serde_bytes bytes, klient_value_t *value, struct k_reason *reason);
};

enum serde_side { SERDE_WRITES, SERDE_READS };

/* By its name, or by the name of the class of Java that does the same on that side; NULL: none. */
const struct serde *serde_find(enum serde_side side, const char *name);

/* Is the name in Java's package of serializers, so that it says something to people? */
bool serde_is_of_java(const char *name);

/* All of them, for tests. */
const struct serde *serde_all(size_t *count);

#endif
