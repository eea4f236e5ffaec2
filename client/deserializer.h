/* deserializer.h - what a consumer reads keys and values with.
 *
 * Shared by the consumer, its records and their values, which may outlive it: the last one closes
 * them. Any thread. */
#ifndef CLIENT_DESERIALIZER_H
#define CLIENT_DESERIALIZER_H

#include <stdatomic.h>
#include <stdbool.h>

#include "client/klient.h"
#include "client/serde.h"

struct klient_config;
struct deserializers;

struct deserializer {
    struct deserializers *pair;         /* that it is one of */
    const char *property;               /* that named it; constant */
    bool is_key;
    const struct serde *built_in;       /* NULL: an own one */
    klient_deserializer_t own;
    void *state;                        /* of the own one */
};

struct deserializers {
    atomic_uint references;
    struct deserializer key, value;
};

/* `config` has passed its check. 0, or K_INVALID_CONFIG, K_NOMEM. */
int deserializers_open(const struct klient_config *config, struct deserializers **out,
                       klient_error_t **error);
struct deserializers *deserializers_ref(struct deserializers *deserializers);
void deserializers_unref(struct deserializers *deserializers);

#endif
