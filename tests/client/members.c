#include "tests/client/members.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void member_open(struct member *member, const struct fake *fake, ...)
{
    klient_config_t *config = config_for(fake, "group.id", "g", "auto.offset.reset", "earliest",
                                         "heartbeat.interval.ms", "50", NULL);
    klient_error_t *error = NULL;
    va_list arguments;
    const char *name;

    *member = (struct member){ 0 };
    va_start(arguments, fake);
    while ((name = va_arg(arguments, const char *)) != NULL) {
        klient_code_t code = klient_config_set(config, name, va_arg(arguments, const char *),
                                               &error);
        ck_assert_msg(code == KLIENT_OK, "%s: %s", name, klient_error_text(error));
    }
    va_end(arguments);
    member->consumer = consumer_with(config);
}

void member_close(struct member *member)
{
    ck_assert_int_eq(klient_consumer_close(member->consumer, PATIENCE_MS, NULL), KLIENT_OK);
    member->consumer = NULL;
}

static void revoked(void *context, klient_consumer_t *consumer,
                    const klient_topic_partition_t *partitions, size_t count)
{
    struct member *member = context;

    ck_assert_ptr_eq(consumer, member->consumer);
    for (size_t i = 0; i < count; i++)
        ck_assert_int_eq(klient_consumer_pause(consumer, partitions[i].topic,
                                               partitions[i].partition, NULL), KLIENT_OK);
    member->revoked += (int)count;
    if (member->revoking != NULL)
        member->revoking(member);
}

static void assigned(void *context, klient_consumer_t *consumer,
                     const klient_topic_partition_t *partitions, size_t count)
{
    struct member *member = context;

    for (size_t i = 0; i < count; i++)
        ck_assert_int_eq(klient_consumer_resume(consumer, partitions[i].topic,
                                                partitions[i].partition, NULL), KLIENT_OK);
    member->assigned += (int)count;
    member->calls++;
}

static void lost(void *context, klient_consumer_t *consumer,
                 const klient_topic_partition_t *partitions, size_t count)
{
    struct member *member = context;

    (void)consumer, (void)partitions;
    member->lost += (int)count;
}

klient_listener_t member_listener(struct member *member)
{
    klient_listener_t listener;

    klient_listener_init(&listener);
    listener.revoked = revoked;
    listener.assigned = assigned;
    listener.lost = lost;
    listener.context = member;
    return listener;
}

void member_subscribe(struct member *member, const char *topics)
{
    klient_listener_t listener = member_listener(member);
    const char *names[8];
    char copy[128], *rest = copy, *name;
    size_t count = 0;

    snprintf(copy, sizeof copy, "%s", topics);
    while ((name = strtok_r(rest, ",", &rest)) != NULL)
        names[count++] = name;
    ck_assert_int_eq(klient_consumer_subscribe(member->consumer, names, count, &listener, NULL),
                     KLIENT_OK);
}

void member_poll(struct member *member, int64_t timeout_ms)
{
    klient_records_t *records = NULL;
    klient_code_t code = klient_consumer_poll(member->consumer, timeout_ms, &records, NULL);

    if (code != KLIENT_OK)
        member->code = code;
    if (records != NULL)
        member->records += (long)klient_records_count(records);
    klient_record_t record;
    klient_record_init(&record);
    while (records != NULL && member->reading != NULL && klient_records_next(records, &record))
        member->reading(&record);
    klient_records_free(records);
}

void members_poll(struct member *members, int count)
{
    for (int i = 0; i < count; i++)
        if (members[i].consumer != NULL)
            member_poll(&members[i], 2);
}

int member_holds(const struct member *member)
{
    return member->consumer == NULL ? 0 : (int)klient_consumer_assignment_count(member->consumer);
}

static bool holds(const struct member *member, const klient_topic_partition_t *wanted)
{
    for (int i = 0; i < member_holds(member); i++) {
        klient_topic_partition_t one;
        klient_consumer_assignment(member->consumer, (size_t)i, &one, NULL);
        if (one.partition == wanted->partition && strcmp(one.topic, wanted->topic) == 0)
            return true;
    }
    return false;
}

int members_hold(const struct member *members, int count)
{
    int sum = 0;

    for (int i = 0; i < count; i++) {
        sum += member_holds(&members[i]);
        for (int j = 0; j < member_holds(&members[i]); j++) {
            klient_topic_partition_t one;
            klient_consumer_assignment(members[i].consumer, (size_t)j, &one, NULL);
            for (int k = 0; k < count; k++)
                ck_assert_msg(k == i || !holds(&members[k], &one), "%s-%d has two owners",
                              one.topic, one.partition);
        }
    }
    return sum;
}

void members_form(struct member *members, int count, struct fake *fake, const char *strategy,
                  int partitions)
{
    for (int i = 0; i < count; i++) {
        member_open(&members[i], fake, "partition.assignment.strategy", strategy, NULL);
        member_subscribe(&members[i], "t");
    }
    /* Also the first one alone may hold all of them, when the last one has just joined. */
    POLL_UNTIL(members, count, fake_group_members(fake, "g") == count &&
                                   fake_group_stable(fake, "g") &&
                                   members_hold(members, count) == partitions);
}

void member_fill_and_join(struct member *member, struct fake *fake, int count,
                          const char *auto_commit)
{
    fill(fake, "t", 0, count);
    member_open(member, fake, "enable.auto.commit", auto_commit, "auto.commit.interval.ms", "20",
                "max.poll.records", "10", NULL);
    member_subscribe(member, "t");
}

void member_read_all(struct member *member, struct fake *fake, long count)
{
    POLL_UNTIL(member, 1, member->records >= count &&
                              fake_committed(fake, "g", "t", 0, NULL) >= 0);
}

klient_records_t *member_read_some(struct member *member)
{
    klient_records_t *records = NULL;

    while (records == NULL)
        ck_assert_int_eq(klient_consumer_poll(member->consumer, PATIENCE_MS, &records, NULL),
                         KLIENT_OK);
    return records;
}
