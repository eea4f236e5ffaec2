/* interceptor.h - the interceptors of one producer or consumer, called in turn. What fails is
 * logged and stops nothing.
 *
 * Opened and closed with its owner; the calls in between are made by the threads that klient.h
 * names. */
#ifndef CLIENT_INTERCEPTOR_H
#define CLIENT_INTERCEPTOR_H

#include <stdbool.h>
#include <stddef.h>

#include "client/config.h"
#include "client/klient.h"

struct interceptor;

struct interceptors {
    const struct klient_config *config;     /* borrowed; the owner's */
    struct interceptor *chain;              /* owned */
    size_t count;
    bool acknowledges;                      /* somebody wants to know what becomes of records, */
    bool commits;                           /* or of commits */
};

/* Those of `config`, which has passed its check, that have something to do there. 0, or
 * K_INVALID_CONFIG, K_NOMEM and the chain is empty. */
int interceptors_open(struct interceptors *interceptors, const struct klient_config *config,
                      enum config_use use, klient_error_t **error);
/* No-op for one that is empty or all zero. */
void interceptors_close(struct interceptors *interceptors);

/* Pass a record through on_send; `record` is the caller's copy. */
void interceptors_send(const struct interceptors *interceptors, klient_record_t *record,
                       klient_scratch_t *scratch);
void interceptors_acknowledge(const struct interceptors *interceptors,
                              const klient_report_t *report);
/* Leaves the records rewound. */
void interceptors_consume(const struct interceptors *interceptors, klient_records_t *records);

void interceptors_commit(const struct interceptors *interceptors, klient_code_t code,
                         const klient_offset_t *const *offsets, size_t count);

#endif
