#include "tests/client/spy.h"

#include <check.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void story_tell(struct story *story, const char *format, ...)
{
    size_t size = strlen(story->text);
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(story->text + size, sizeof story->text - size, format, arguments);
    va_end(arguments);
}

void story_forget(struct story *story)
{
    story->text[0] = '\0';
}

static int spy_open(void *context, const klient_config_t *config, void **state, char *reason,
                    size_t reason_size)
{
    struct spy *spy = context;
    char text[32];

    klient_config_get(config, "client.id", text, sizeof text, NULL);
    story_tell(spy->story, "%s+%s ", spy->name, text);
    *state = spy;
    if (spy->answer != SPY_IDLE)
        return 0;
    snprintf(reason, reason_size, "%s is not in the mood", spy->name);
    return SPY_IDLE_NUMBER;
}

static void spy_close(void *state)
{
    const struct spy *spy = state;

    story_tell(spy->story, "-%s ", spy->name);
}

static int spy_send(void *state, klient_record_t *record, klient_scratch_t *scratch)
{
    struct spy *spy = state;

    story_tell(spy->story, "%s(%.*s) ", spy->name, (int)record->value_size,
               (const char *)record->value);
    if (spy->value != NULL) {
        size_t size = strlen(spy->value);
        char *copy = klient_scratch_alloc(scratch, size);
        ck_assert_ptr_nonnull(copy);
        memcpy(copy, spy->value, size);
        record->value = copy;
        record->value_size = size;
    }
    if (spy->topic != NULL)
        record->topic = spy->topic;
    if (spy->forgets_topic)
        record->topic = NULL;
    if (spy->touches_opaque) {
        record->opaque = spy;
        record->size = 0;
    }
    return spy->answer;
}

static int spy_acknowledgement(void *state, const klient_report_t *report)
{
    struct spy *spy = state;

    story_tell(spy->story, "%s!%s:%d@%lld ", spy->name, klient_code_name(report->code),
               (int)report->partition, (long long)report->offset);
    return spy->answer;
}

static int spy_consume(void *state, klient_records_t *records)
{
    struct spy *spy = state;
    klient_record_t record;
    int seen = 0;

    klient_record_init(&record);
    while (klient_records_next(records, &record))
        if (spy->drops > 0 && ++seen % spy->drops == 0)
            ck_assert_int_eq(klient_records_drop(records), KLIENT_OK);
    story_tell(spy->story, "%s=%zu ", spy->name, klient_records_count(records));
    return spy->answer;
}

void spy_add(klient_config_t *config, struct spy *spy, int calls)
{
    klient_interceptor_t interceptor;

    klient_interceptor_init(&interceptor);
    interceptor.context = spy;
    interceptor.open = spy_open;
    interceptor.on_send = (calls & SENDS) != 0 ? spy_send : NULL;
    interceptor.on_acknowledgement = (calls & ACKNOWLEDGES) != 0 ? spy_acknowledgement : NULL;
    interceptor.on_consume = (calls & CONSUMES) != 0 ? spy_consume : NULL;
    interceptor.close = spy_close;
    ck_assert_int_eq(klient_config_add_interceptor(config, spy->name, &interceptor, NULL),
                     KLIENT_OK);
}

void spy_line(void *context, klient_log_level_t level, const char *line)
{
    struct spy *spy = context;

    (void)level;
    if (strstr(line, "event=interceptor-failed") != NULL)
        spy->lines++;
}
