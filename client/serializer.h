/* serializer.h - a serializer of a producer, built-in or the application's own.
 *
 * Opened and closed with the producer; between the two any number of threads run it. */
#ifndef CLIENT_SERIALIZER_H
#define CLIENT_SERIALIZER_H

#include <stdbool.h>

#include "client/extension.h"
#include "client/klient.h"
#include "client/serde.h"
#include "common/arena.h"

struct klient_scratch {
    struct arena arena;
};

struct serializer {
    const char *property;               /* that named it; constant */
    bool is_key;
    const struct serde *built_in;       /* NULL: an own one */
    klient_serializer_t own;
    void *state;                        /* of the own one */
};

/* `config` has passed its check. 0, or K_INVALID_CONFIG and there is nothing to close. */
int serializer_open(struct serializer *serializer, const struct klient_config *config, bool is_key,
                    klient_error_t **error);
void serializer_close(struct serializer *serializer);

/* Would it leave every record as it is? */
bool serializer_is_idle(const struct serializer *serializer);

/* Replace key or value of `record` by what is to be stored: in `room`, in scratch memory or where
 * it was. 0, or K_SERIALIZER_FAILED with a refusal. */
int serializer_run(const struct serializer *serializer, klient_record_t *record,
                   uint8_t room[SERDE_ROOM], klient_scratch_t *scratch, struct refusal *refusal);

#endif
