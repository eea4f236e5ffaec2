#include "client/interceptor.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "client/consumer.h"
#include "client/error.h"
#include "common/log.h"

struct interceptor {
    const char *name;                   /* borrowed from the configuration */
    klient_interceptor_t calls;
    void *state;
    atomic_uint failures;
};

/* --- life ------------------------------------------------------------------------------------- */

static bool has_to_do(const klient_interceptor_t *calls, enum config_use use)
{
    return use == USE_CONSUMER ? calls->on_consume != NULL || calls->on_commit != NULL
                               : calls->on_send != NULL || calls->on_acknowledgement != NULL;
}

static int open_one(struct interceptors *interceptors, const struct extension *row,
                    enum config_use use, klient_error_t **error)
{
    struct interceptor *interceptor = &interceptors->chain[interceptors->count];
    const klient_interceptor_t *calls = &row->as.interceptor;
    struct refusal refusal = { 0 };

    if (!has_to_do(calls, use))
        return 0;
    interceptor->name = row->name;
    interceptor->calls = *calls;
    interceptor->state = calls->context;
    atomic_init(&interceptor->failures, 0);
    if (calls->open != NULL)
        refusal.detail = calls->open(calls->context, interceptors->config, &interceptor->state,
                                     refusal.reason.text, sizeof refusal.reason.text);
    if (refusal.detail != 0)
        return extension_refused(row->name, &refusal, error);
    interceptors->count++;
    interceptors->acknowledges |= calls->on_acknowledgement != NULL;
    interceptors->commits |= use == USE_CONSUMER && calls->on_commit != NULL;
    return 0;
}

/* By name, in the order of the property; one that is named twice is called twice. */
static int open_named(struct interceptors *interceptors, enum config_use use,
                      klient_error_t **error)
{
    const struct klient_config *config = interceptors->config;
    const char *at = config->values.interceptors, *name;
    size_t size;
    int code = 0;

    while (code == 0 && extension_next_name(&at, &name, &size))
        code = open_one(interceptors, extension_interceptor(&config->extensions, name, size), use,
                        error);
    return code;
}

static int open_all(struct interceptors *interceptors, enum config_use use, klient_error_t **error)
{
    const struct extensions *extensions = &interceptors->config->extensions;
    int code = 0;

    for (size_t i = 0; code == 0 && i < extensions->count; i++)
        if (extensions->rows[i].kind == EXTENSION_INTERCEPTOR)
            code = open_one(interceptors, &extensions->rows[i], use, error);
    return code;
}

/* How many there can be at most. */
static size_t count_names(const struct klient_config *config)
{
    const char *at = config->values.interceptors, *name;
    size_t count = 0, size;

    if (at == NULL)
        return config->extensions.count;
    while (extension_next_name(&at, &name, &size))
        count++;
    return count;
}

int interceptors_open(struct interceptors *interceptors, const struct klient_config *config,
                      enum config_use use, klient_error_t **error)
{
    size_t count = count_names(config);

    *interceptors = (struct interceptors){ .config = config };
    if (count == 0)
        return 0;
    interceptors->chain = calloc(count, sizeof *interceptors->chain);
    if (interceptors->chain == NULL)
        return fail(error, K_NOMEM, NULL);
    int code = config->values.interceptors != NULL ? open_named(interceptors, use, error)
                                                   : open_all(interceptors, use, error);
    if (code != 0)
        interceptors_close(interceptors);
    return code;
}

void interceptors_close(struct interceptors *interceptors)
{
    while (interceptors->count > 0) {
        struct interceptor *last = &interceptors->chain[--interceptors->count];
        if (last->calls.close != NULL)
            last->calls.close(last->state);
    }
    free(interceptors->chain);
    interceptors->chain = NULL;
}

/* --- calls ------------------------------------------------------------------------------------ */

/* Seldom said, because it may be true of every record. */
static void note_failure(const struct interceptors *interceptors, struct interceptor *interceptor,
                         const char *call, int number)
{
    unsigned failures = atomic_fetch_add(&interceptor->failures, 1) + 1;

    if ((failures & (failures - 1)) != 0)
        return;
    config_divert_log(interceptors->config);
    LOG_WARN("interceptor-failed", "name=%s call=%s number=%d failures=%u", interceptor->name, call,
             number, failures);
    config_restore_log();
}

void interceptors_send(const struct interceptors *interceptors, klient_record_t *record,
                       klient_scratch_t *scratch)
{
    for (size_t i = 0; i < interceptors->count; i++) {
        struct interceptor *interceptor = &interceptors->chain[i];
        if (interceptor->calls.on_send == NULL)
            continue;
        klient_record_t before = *record;
        int number = interceptor->calls.on_send(interceptor->state, record, scratch);
        if (number != 0 || record->topic == NULL) {
            note_failure(interceptors, interceptor, "on_send", number);
#ifndef MUTANT_FAILURE_KEPT
            *record = before;
#endif
        }
        record->size = before.size;
        record->opaque = before.opaque;
    }
}

void interceptors_acknowledge(const struct interceptors *interceptors,
                              const klient_report_t *report)
{
    for (size_t i = 0; i < interceptors->count; i++) {
        struct interceptor *interceptor = &interceptors->chain[i];
        if (interceptor->calls.on_acknowledgement == NULL)
            continue;
        int number = interceptor->calls.on_acknowledgement(interceptor->state, report);
        if (number != 0)
            note_failure(interceptors, interceptor, "on_acknowledgement", number);
    }
}

void interceptors_consume(const struct interceptors *interceptors, klient_records_t *records)
{
    records_open_to_drops(records, true);
    for (size_t i = 0; i < interceptors->count; i++) {
        struct interceptor *interceptor = &interceptors->chain[i];
        if (interceptor->calls.on_consume == NULL)
            continue;
        int number = interceptor->calls.on_consume(interceptor->state, records);
        if (number != 0)
            note_failure(interceptors, interceptor, "on_consume", number);
        klient_records_rewind(records);
    }
    records_open_to_drops(records, false);
}

void interceptors_commit(const struct interceptors *interceptors, klient_code_t code,
                         const klient_offset_t *const *offsets, size_t count)
{
    for (size_t i = 0; i < interceptors->count; i++) {
        struct interceptor *interceptor = &interceptors->chain[i];
        if (interceptor->calls.on_commit == NULL)
            continue;
        int number = interceptor->calls.on_commit(interceptor->state, code, offsets, count);
        if (number != 0)
            note_failure(interceptors, interceptor, "on_commit", number);
    }
}
