/* outgoing.h - the way of a record from the application's hands to the bytes that are sent.
 *
 * Opened and closed with the producer; between the two any number of threads use it. It takes no
 * lock, and memory only where an own serializer asks for much. */
#ifndef CLIENT_OUTGOING_H
#define CLIENT_OUTGOING_H

#include <stdbool.h>
#include <stddef.h>

#include "client/interceptor.h"
#include "client/serializer.h"

struct outgoing {
    bool idle;                          /* records are sent as they are given, unseen */
    struct interceptors interceptors;
    size_t scratch_max;                 /* bytes for one record */
    struct serializer key, value;
};

enum { PARCEL_ROOM = 1024 };

/* A record while it is being sent. Lives on the sender's stack. */
struct parcel {
    klient_record_t record;             /* as it is to be stored */
    bool passed;                        /* the interceptors have seen it */
    uint8_t key[SERDE_ROOM], value[SERDE_ROOM];
    struct klient_scratch scratch;      /* begins with `room` */
    const char *property;               /* of the serializer that refused it */
    struct refusal refusal;
    max_align_t room[PARCEL_ROOM / sizeof(max_align_t)];
};

/* `config` has passed its check. 0, or K_INVALID_CONFIG, K_NOMEM. */
int outgoing_open(struct outgoing *outgoing, const struct klient_config *config,
                  klient_error_t **error);
/* Also of one that could not be opened, or is all zero. */
void outgoing_close(struct outgoing *outgoing);

/* Make `parcel`, which borrows from `record`; to be ended with parcel_fini() whatever is returned.
 * 0, K_SERIALIZER_FAILED or K_INVALID_ARGUMENT. */
int outgoing_pack(const struct outgoing *outgoing, const klient_record_t *record,
                  struct parcel *parcel);
void parcel_fini(struct parcel *parcel);

/* It is not sent, because of `code`: tell the interceptors, if they have seen it. */
void outgoing_refused(const struct outgoing *outgoing, const struct parcel *parcel, int code);

/* After K_SERIALIZER_FAILED: say why. */
klient_code_t parcel_explain(const struct parcel *parcel, klient_error_t **error);

#endif
