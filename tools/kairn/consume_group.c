/* consume_group.c - kairn consume --group: as a member of a group, which commits what it has
 * printed. */
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "tools/kairn/consume.h"

/* Who joins a group that cooperates gets nothing at first, until others have given something up. */
enum { SETTLED_MS = 3000 };

int consume_group_check(const struct consuming *consuming)
{
    const struct args *args = consuming->args;

    if (consuming->group == NULL)
        return args_has(args, "--regex")
                   ? command_misuse(args, "--regex needs a group to share the topics: --group G")
                   : EXIT_DONE;
    if (consuming->group[0] == '\0')
        return command_misuse(args, "--group takes the name of a group");
    if (args_has(args, "--partition"))
        return command_misuse(args, "a group shares out partitions by itself: --partition does not "
                                    "go with --group");
    if (args_has(args, "--regex") && args_operand_count(args) != 1)
        return command_misuse(args, "--regex takes one expression, which may have several "
                                    "alternatives: 'a|b'");
    if (consuming->from.kind != PLACE_BEGINNING && consuming->from.kind != PLACE_END)
        return command_misuse(args, "with --group, --from is beginning or end, for where the group "
                                    "has committed nothing; kairn group reset moves it elsewhere");
    return EXIT_DONE;
}

klient_config_t *consume_group_config(const struct consuming *consuming, int *status)
{
    const char *pairs[] = {
        consuming->from.kind == PLACE_END ? "auto.offset.reset=latest"
                                          : "auto.offset.reset=earliest",
        "auto.commit.interval.ms=1000",
        NULL,
    };
    klient_error_t *error = NULL;
    klient_config_t *config = connect_config_with(consuming->args, pairs, status);

    if (config == NULL)
        return NULL;
    klient_code_t code = klient_config_set(config, "group.id", consuming->group, &error);
    /* Only what is printed counts as read. */
    if (code == KLIENT_OK)
        code = klient_config_set(config, "enable.auto.offset.store", "false", &error);
    if (code == KLIENT_OK)
        return config;
    *status = command_misuse(consuming->args, "%s", klient_error_text(error));
    klient_error_free(error);
    klient_config_free(config);
    return NULL;
}

static void on_assigned(void *context, klient_consumer_t *consumer,
                        const klient_topic_partition_t *partitions, size_t count)
{
    struct consuming *consuming = context;

    (void)consumer;
    consuming->assigned_ms = clock_mono_ms(&clock_system);
    if (args_has(consuming->args, "--exit-at-end") && count > 0 &&
        !consume_note_ends(consuming, partitions, count))
        consuming->status = EXIT_FAILED;
}

/* A member waits for topics that do not exist; who has mistyped a name would wait for ever. */
static void warn_of_missing(struct consuming *consuming, const char *topic)
{
    klient_metadata_t *metadata = NULL;
    klient_error_t *error = NULL;

    if (klient_consumer_partitions_for(consuming->consumer, topic, consuming->timeout_ms,
                                       &metadata, &error) != KLIENT_OK &&
        klient_error_code(error) == KLIENT_UNKNOWN_TOPIC_OR_PARTITION)
        fprintf(stderr, "there is no topic %s yet: its records come when it is made\n", topic);
    klient_error_free(error);
    klient_metadata_free(metadata);
}

int consume_group_join(struct consuming *consuming)
{
    const struct args *args = consuming->args;
    size_t count = args_operand_count(args);
    const char *topics[CONSUME_TOPICS_MAX];
    klient_listener_t listener;
    klient_error_t *error = NULL;
    klient_code_t code;

    klient_listener_init(&listener);
    listener.assigned = on_assigned;
    listener.context = consuming;
    for (size_t i = 0; i < count; i++)
        topics[i] = args_operand(args, i);
    if (args_has(args, "--regex"))
        code = klient_consumer_subscribe_pattern(consuming->consumer, topics[0], &listener, &error);
    else
        code =
            klient_consumer_subscribe(consuming->consumer, topics, count, &listener, &error);
    if (code == KLIENT_INVALID_REGULAR_EXPRESSION) {
        int status = command_misuse(args, "--regex: %s", klient_error_text(error));
        klient_error_free(error);
        return status;
    }
    if (code != KLIENT_OK)
        return connect_failed(args, error);
    for (size_t i = 0; i < count && !args_has(args, "--regex"); i++)
        warn_of_missing(consuming, topics[i]);
    return EXIT_DONE;
}

/* What is not ours any more has a new owner, who reads it once more. */
static void store(struct consuming *consuming, const klient_record_t *record)
{
    if (record->topic != NULL)
        klient_consumer_store_offset(consuming->consumer, record->topic, record->partition,
                                     record->offset + 1, NULL);
}

void consume_group_store(struct consuming *consuming, klient_records_t *records, size_t count)
{
    klient_record_t record, last;

    klient_record_init(&record);
    klient_record_init(&last);
    klient_records_rewind(records);
    for (size_t i = 0; i < count && klient_records_next(records, &record) == 1; i++) {
        if (last.topic != NULL && (last.partition != record.partition ||
                                   strcmp(last.topic, record.topic) != 0))
            store(consuming, &last);
        last = record;
    }
    store(consuming, &last);
}

bool consume_group_settled(const struct consuming *consuming)
{
    if (consuming->assigned_ms == 0)
        return false;
    return klient_consumer_assignment_count(consuming->consumer) > 0 ||
           clock_mono_ms(&clock_system) - consuming->assigned_ms >= SETTLED_MS;
}
