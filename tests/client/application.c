#include "tests/client/application.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct fake *fake;
struct member member;
struct application app;

void app_setup(void)
{
    fake = fake_new(2);
    fake_add_topic(fake, "t", 3);
    memset(&member, 0, sizeof member);
    app = (struct application){ .fails = "", .times = INT32_MAX };
}

void app_teardown(void)
{
    klient_consumer_close(member.consumer, PATIENCE_MS, NULL);
    fake_free(fake);
}

static void told(void *context, const klient_failure_event_t *event)
{
    (void)context;
    app.events[event->kind]++;
    app.last = *event;
}

static void log_line(void *context, klient_log_level_t level, const char *line)
{
    size_t used = strlen(app.log);

    (void)context, (void)level;
    if (strstr(line, "letter") != NULL)     /* other lines come from the handle's own thread */
        snprintf(app.log + used, sizeof app.log - used, "%s\n", line);
}

klient_retry_policy_t *policy_with(const char *const *pairs)
{
    klient_retry_policy_t *policy = klient_retry_policy_new();
    klient_error_t *error = NULL;

    klient_retry_policy_set(policy, "backoff.ms", "1", NULL);
    klient_retry_policy_set(policy, "backoff.max.ms", "1000", NULL);
    for (; *pairs != NULL; pairs += 2)
        ck_assert_msg(klient_retry_policy_set(policy, pairs[0], pairs[1], &error) == KLIENT_OK,
                      "%s", klient_error_text(error));
    klient_retry_policy_set_event(policy, told, NULL);
    return policy;
}

void open_member(const char *auto_commit, const char *const *pairs)
{
    klient_config_t *config =
        config_for(fake, "group.id", "g", "auto.offset.reset", "earliest", "heartbeat.interval.ms",
                   "50", "enable.auto.commit", auto_commit, "auto.commit.interval.ms", "20", NULL);
    klient_retry_policy_t *policy = policy_with(pairs);

    klient_config_set_log(config, log_line, NULL);
    ck_assert_int_eq(klient_config_set_retry_policy(config, policy, NULL), KLIENT_OK);
    klient_retry_policy_free(policy);
    member = (struct member){ .consumer = consumer_with(config) };
}

void join(const char *auto_commit, const char *const *pairs)
{
    open_member(auto_commit, pairs);
    member_subscribe(&member, "t");
}

static bool is_to_fail(const klient_record_t *record)
{
    char word[32];

    snprintf(word, sizeof word, " %.*s ", (int)record->value_size, (const char *)record->value);
    return (strcmp(app.fails, "*") == 0 || strstr(app.fails, word) != NULL) &&
           klient_record_attempts(record) < app.times;
}

void process(const klient_record_t *record)
{
    size_t used = strlen(app.seen);

    ck_assert_str_eq(record->topic, "t");
    snprintf(app.seen + used, sizeof app.seen - used, "%.*s ", (int)record->value_size,
             (const char *)record->value);
    if (!is_to_fail(record))
        return;
    ck_assert_int_eq(klient_consumer_fail(member.consumer, record, app.verdict, "no \"such\" one",
                                          NULL), KLIENT_OK);
    app.failed++;
}

void work(void)
{
    member.reading = process;
    member_poll(&member, 2);
}

void work_for(int turns)
{
    while (turns-- > 0)
        work();
}

int64_t committed(int partition)
{
    return fake_committed(fake, "g", "t", partition, NULL);
}

int64_t stored(const char *topic, int partition)
{
    size_t size;
    uint8_t *bytes = fake_read(fake, topic, partition, &size);

    free(bytes);
    return (int64_t)size;
}

klient_record_t read_first(const char *topic, int partition, klient_records_t **out)
{
    klient_consumer_t *reader =
        consumer_with(config_for(fake, "auto.offset.reset", "earliest", NULL));
    klient_record_t record;

    assign_one(reader, topic, partition);
    ck_assert_int_eq(poll_something(reader, out, NULL), KLIENT_OK);
    klient_record_init(&record);
    ck_assert_int_eq(klient_records_next(*out, &record), 1);
    klient_consumer_close(reader, PATIENCE_MS, NULL);
    return record;
}

void expect_text(const char *text, size_t size, const char *wanted)
{
    ck_assert_uint_eq(size, strlen(wanted));
    ck_assert_mem_eq(text, wanted, size);
}
