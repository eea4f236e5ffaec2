/* extension.h - what an application adds to a configuration under a name of its own: serializers,
 * deserializers, interceptors, assignors, and the properties that they declare.
 *
 * Part of a klient_config, and like it: one thread until a handle was made from it, immutable and
 * readable by any thread from then on. */
#ifndef CLIENT_EXTENSION_H
#define CLIENT_EXTENSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "client/klient.h"
#include "common/error.h"
#include "common/options.h"

struct klient_config;

enum extension_kind {
    EXTENSION_SERIALIZER, EXTENSION_DESERIALIZER, EXTENSION_INTERCEPTOR, EXTENSION_ASSIGNOR
};

/* Copies of the application's structs, without their properties. */
union extension_calls {
    klient_serializer_t serializer;
    klient_deserializer_t deserializer;
    klient_interceptor_t interceptor;
    klient_assignor_t assignor;
};

struct extension {
    enum extension_kind kind;
    char *name;                         /* owned */
    union extension_calls as;
};

struct own_property {
    char *name, *fallback, *value;      /* owned; NULL: unset */
    bool secret;
    enum option_source source;
};

struct extensions {
    struct extension *rows;             /* owned, in the order of their registration */
    size_t count;
    struct own_property *properties;    /* owned */
    size_t property_count;
};

/* 0, or K_NOMEM and *to is empty. */
int extensions_copy(const struct extensions *from, struct extensions *to);
void extensions_fini(struct extensions *extensions);

/* Why a function of the application failed. */
struct refusal {
    int detail;                         /* what it returned */
    struct k_reason reason;             /* "" when it gave none */
};

/* `what` does not start: the error of it. Returns K_INVALID_CONFIG. */
int extension_refused(const char *what, const struct refusal *refusal, klient_error_t **error);

/* Open a serializer or deserializer (NULL: its state is the context) that `property` named. 0, or
 * K_INVALID_CONFIG. */
typedef int extension_open_fn(void *context, const klient_config_t *config, int is_key,
                              void **state, char *reason, size_t reason_size);
int extension_open(extension_open_fn *open, void *context, const struct klient_config *config,
                   const char *property, void **state, klient_error_t **error);

/* NULL: not registered. */
const struct extension *extension_find(const struct extensions *extensions,
                                       enum extension_kind kind, const char *name);

/* The next name of a list separated by commas and blanks: *name of *size bytes, in the list. False
 * at its end. */
bool extension_next_name(const char **at, const char **name, size_t *size);

/* The interceptor of that name; NULL: not registered. */
const struct extension *extension_interceptor(const struct extensions *extensions,
                                              const char *name, size_t size);

/* Do the properties name what there is? 0, or K_INVALID_CONFIG, K_NOT_SUPPORTED_YET. */
int extensions_check(const struct klient_config *config, klient_error_t **error);

/* --- properties ------------------------------------------------------------------------------- */

/* NULL: nobody declared it. */
struct own_property *own_property_find(const struct extensions *extensions, const char *name);

/* 0 or K_NOMEM. */
int own_property_set(struct own_property *property, enum option_source source, const char *value);

/* The value that counts; "" for unset. */
const char *own_property_text(const struct own_property *property);

/* The declared name that is most like one that nobody knows; NULL: none is like it. */
const char *own_property_nearest(const struct extensions *extensions, const char *name);

#endif
