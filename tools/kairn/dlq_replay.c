/* dlq_replay.c - kairn dlq replay: dead letters go back to where they came from.
 *
 * How far it is, is what a group has committed in the dead-letter topic: only what is behind
 * letters whose copies are acknowledged. So a replay that is killed goes on there, and may send the
 * last few once more. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/kairn/connect.h"
#include "tools/kairn/dlq.h"
#include "tools/kairn/json.h"

enum { NAME_SIZE = 300 };

/* How many partitions a topic has that letters go to. */
struct target { struct target *next; char *topic; int32_t partitions; };

struct replay {
    const struct args *args;
    const char *to;                     /* --to; NULL: where they came from */
    struct letter_filter filter;
    struct reading reading;
    klient_producer_t *producer;
    struct target *targets;             /* owned */
    int64_t *next;                      /* owned: behind the last letter looked at; -1: none yet */
    int64_t left;                       /* --max */
    int64_t sent, passed_over, strangers;
    int64_t lacking;                    /* letters that are not the whole record */
    bool dry;
};

/* --- sending ---------------------------------------------------------------------------------- */

static int find_target(struct replay *replay, const char *topic, struct target **out)
{
    klient_metadata_t *metadata = NULL;
    klient_error_t *error = NULL;
    klient_topic_info_t info = { .size = sizeof info };

    for (struct target *target = replay->targets; target != NULL; target = target->next)
        if (strcmp(target->topic, topic) == 0) {
            *out = target;
            return EXIT_DONE;
        }
    if (klient_producer_partitions_for(replay->producer, topic, replay->reading.timeout_ms,
                                       &metadata, &error) != KLIENT_OK)
        return connect_failed(replay->args, error);
    klient_metadata_topic(metadata, 0, &info);
    struct target *target = calloc(1, sizeof *target);
    if (target != NULL)
        target->topic = strdup(topic);
    if (target == NULL || target->topic == NULL) {
        free(target);
        klient_metadata_free(metadata);
        return command_failed(replay->args, "out of memory");
    }
    target->partitions = info.partition_count;
    target->next = replay->targets;
    replay->targets = *out = target;
    klient_metadata_free(metadata);
    return EXIT_DONE;
}

/* To the partition that it came from, if there is one of that number. */
static int send_one(struct replay *replay, const klient_record_t *from, struct letter *letter)
{
    klient_record_t *record = &letter->record;
    struct target *target = NULL;
    klient_error_t *error = NULL;

    int status = find_target(replay, replay->to != NULL ? replay->to : letter->topic, &target);
    if (status != EXIT_DONE)
        return status;
    klient_header_t *headers =
        arena_calloc(&letter->arena, record->header_count + 1, sizeof *headers);
    const char *place = arena_printf(&letter->arena, "%s-%d@%" PRId64, from->topic,
                                     (int)from->partition, from->offset);
    if (headers == NULL || place == NULL)
        return command_failed(replay->args, "out of memory");
    for (size_t i = 0; i < record->header_count; i++)
        headers[i] = record->headers[i];
    headers[record->header_count] =
        (klient_header_t){ "klient.dlq.replayed", strlen("klient.dlq.replayed"), place,
                           strlen(place) };
    klient_record_t copy;
    klient_record_init(&copy);
    copy.topic = target->topic;
    copy.partition = record->partition < target->partitions ? record->partition
                                                            : KLIENT_PARTITION_ANY;
    copy.key = record->key;
    copy.key_size = record->key_size;
    copy.value = record->value;
    copy.value_size = record->value_size;
    copy.headers = headers;
    copy.header_count = record->header_count + 1;
    if (klient_producer_send(replay->producer, &copy, &error) != KLIENT_OK)
        return connect_failed(replay->args, error);
    return EXIT_DONE;
}

static size_t index_of(const struct replay *replay, int32_t partition)
{
    size_t i = 0;

    while (replay->reading.partitions[i].partition != partition)
        i++;
    return i;
}

static int replay_one(void *context, const klient_record_t *record)
{
    struct replay *replay = context;
    struct letter letter;
    int status = EXIT_DONE;

    if (replay->left == 0)
        return EXIT_DONE;               /* and it is not behind us */
    if (!letter_read(record, &letter)) {
        replay->strangers++;
    } else {
        if (!letter_filter_passes(&replay->filter, record, &letter)) {
            replay->passed_over++;
        } else if (letter.left_out > 0) {
            replay->lacking++;          /* without its value it would be another record */
        } else {
            if (!replay->dry)
                status = send_one(replay, record, &letter);
            replay->sent += status == EXIT_DONE;
            replay->left -= status == EXIT_DONE;
        }
        letter_free(&letter);
    }
    if (status == EXIT_DONE)
        replay->next[index_of(replay, record->partition)] = record->offset + 1;
    return status;
}

/* --- how far it is ---------------------------------------------------------------------------- */

static int commit(struct replay *replay)
{
    size_t count = replay->reading.count, used = 0;
    klient_offset_t *rows = calloc(count, sizeof *rows);
    const klient_offset_t **pointers = calloc(count, sizeof *pointers);
    klient_error_t *error = NULL;
    klient_code_t code = KLIENT_OK;

    for (size_t i = 0; rows != NULL && pointers != NULL && i < count; i++) {
        if (replay->next[i] < 0)
            continue;
        klient_offset_init(&rows[i]);
        rows[i].topic = replay->reading.topic;
        rows[i].partition = replay->reading.partitions[i].partition;
        rows[i].offset = replay->next[i];
        pointers[used++] = &rows[i];
    }
    if (rows == NULL || pointers == NULL)
        code = KLIENT_NOMEM;
    else if (used > 0)
        code = klient_consumer_commit_sync(replay->reading.consumer, pointers, used,
                                           replay->reading.timeout_ms, &error);
    free(rows);
    free(pointers);
    if (code == KLIENT_NOMEM && error == NULL)
        return command_failed(replay->args, "out of memory");
    return code == KLIENT_OK ? EXIT_DONE : connect_failed(replay->args, error);
}

/* Everything of a poll is sent: once it is acknowledged it need not be sent again. */
static int pause_to_commit(void *context)
{
    struct replay *replay = context;
    klient_error_t *error = NULL;

    if (replay->dry)
        return EXIT_DONE;
    if (klient_producer_flush(replay->producer, replay->reading.timeout_ms, &error) != KLIENT_OK)
        return connect_failed(replay->args, error);
    return commit(replay);
}

static klient_code_t start_over(struct replay *replay, klient_error_t **error)
{
    klient_code_t code = KLIENT_OK;

    for (size_t i = 0; code == KLIENT_OK && i < replay->reading.count; i++)
        code = klient_consumer_seek_to_beginning(replay->reading.consumer, replay->reading.topic,
                                                 replay->reading.partitions[i].partition, error);
    return code;
}

/* --- the command ------------------------------------------------------------------------------ */

static int start(struct replay *replay, int64_t only)
{
    klient_error_t *error = NULL;
    int status = reading_find(&replay->reading, only);

    if (status != EXIT_DONE)
        return status;
    replay->next = calloc(replay->reading.count, sizeof *replay->next);
    if (replay->next == NULL)
        return command_failed(replay->args, "out of memory");
    for (size_t i = 0; i < replay->reading.count; i++)
        replay->next[i] = -1;
    klient_code_t code = reading_assign(&replay->reading, &error);
    if (code == KLIENT_OK && args_has(replay->args, "--from-beginning"))
        code = start_over(replay, &error);
    return code == KLIENT_OK ? EXIT_DONE : connect_failed(replay->args, error);
}

static void summarise(const struct replay *replay, const char *progress)
{
    if (args_json(replay->args))
        json_line(json_pack("{s:I, s:I, s:I, s:I, s:b, s:s}", "replayed", (json_int_t)replay->sent,
                            "passed_over", (json_int_t)replay->passed_over, "no_dead_letters",
                            (json_int_t)replay->strangers, "not_whole",
                            (json_int_t)replay->lacking, "dry_run", replay->dry, "progress",
                            progress));
    else
        printf("%lld dead letters %s, %lld passed over, %lld records are none; progress %s\n",
               (long long)replay->sent, replay->dry ? "would be replayed" : "replayed",
               (long long)replay->passed_over, (long long)replay->strangers, progress);
    if (replay->lacking > 0)
        fprintf(stderr, "%lld dead letters are not replayed: the record was too large, and is not "
                        "all there\n", (long long)replay->lacking);
}

/* Replays with other filters have a progress of their own: what one passes over another wants. */
static void name_progress(const struct replay *replay, char name[NAME_SIZE])
{
    const char *given = args_value(replay->args, "--progress");

    if (given != NULL)
        snprintf(name, NAME_SIZE, "%s", given);
    else if (letter_filter_is_open(&replay->filter))
        snprintf(name, NAME_SIZE, "%s", DLQ_PROGRESS);
    else
        snprintf(name, NAME_SIZE, "%s-%016" PRIx64, DLQ_PROGRESS,
                 letter_filter_hash(&replay->filter));
}

int dlq_replay(const struct args *args)
{
    struct replay replay = { .args = args, .to = args_value(args, "--to"),
                             .dry = args_has(args, "--dry-run") };
    struct dlq_visitor visitor = { &replay, replay_one, pause_to_commit };
    char progress[NAME_SIZE];
    klient_t *klient = NULL;
    klient_error_t *error = NULL;
    int64_t only;

    if (!letter_filter_read(args, &replay.filter) ||
        !args_number(args, "--partition", -1, 0, INT32_MAX, &only) ||
        !args_number(args, "--max", INT64_MAX, 1, INT64_MAX, &replay.left))
        return EXIT_USAGE;
    name_progress(&replay, progress);
    int status = dlq_open(&replay.reading, args, args_operand(args, 0), progress, &klient);
    if (status == EXIT_DONE) {
        replay.producer = klient_producer_open(klient, NULL, &error);
        status = replay.producer == NULL ? connect_refused(args, error) : EXIT_DONE;
    }
    if (status == EXIT_DONE)
        status = start(&replay, only);
    if (status == EXIT_DONE) {
        status = dlq_read(&replay.reading, &visitor);
        summarise(&replay, progress);
    }
    klient_producer_close(replay.producer, 0, NULL);
    for (struct target *target = replay.targets, *next; target != NULL; target = next) {
        next = target->next;
        free(target->topic);
        free(target);
    }
    free(replay.next);
    dlq_close(&replay.reading);
    klient_free(klient);
    return status;
}
