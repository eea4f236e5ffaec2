/* member.c - a member writes down what it processed before it asks for a commit, and what was
 * committed after it was told: killed in between it knows less than the coordinator, never more. */
#include "tests/chaos/member.h"

#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>

#include "client/klient.h"
#include "tests/chaos/history.h"
#include "tests/chaos/record.h"

enum {
    POLL_MS = 50,
    COMMIT_EVERY_US = 100 * 1000,
    COMMIT_WAIT_MS = 3000,
    LOOK_EVERY_US = 1000 * 1000,
    LOOK_WAIT_MS = 500,
    CLOSE_WAIT_MS = 8000,
    SULK_MS = MEMBER_POLL_INTERVAL_MS + 1500
};

static volatile sig_atomic_t stopping, sulking;

struct member {
    const struct member_options *options;
    klient_consumer_t *consumer;
    int status;
    uint64_t calls;
    bool held[HISTORY_PARTITIONS_MAX];
    int64_t next[HISTORY_PARTITIONS_MAX];   /* after what was processed; -1: nothing was */
};

/* Offsets to commit, as the library takes them. */
struct tally {
    klient_offset_t items[HISTORY_PARTITIONS_MAX];
    const klient_offset_t *pointers[HISTORY_PARTITIONS_MAX];
    size_t count;
};

static void on_signal(int signal)
{
    if (signal == SIGTERM)
        stopping = 1;
    else
        sulking = 1;
}

static void say(const struct member *member, const char *what, const klient_error_t *error)
{
    fprintf(stderr, "member %d of %s: %s: %s: %s\n", member->options->process,
            member->options->group, what, klient_code_name(klient_error_code(error)),
            klient_error_text(error));
}

static void note(struct member *member, enum history_kind kind, uint64_t number, int partition,
                 int64_t offset, uint32_t checksum)
{
    struct history_event event = { .time_us = history_now_us(), .number = number, .offset = offset,
                                   .checksum = checksum, .partition = (uint16_t)partition,
                                   .kind = (uint8_t)kind,
                                   .client = (uint8_t)member->options->number };
    history_write(member->options->history, &event);
}

static void write_down(struct member *member)
{
    if (fflush(member->options->history) != 0) {
        perror("history");
        exit(MEMBER_FAILED);
    }
}

/* --- commits ---------------------------------------------------------------------------------- */

/* Everything that was processed, or what is in `only`. */
static void add_up(struct member *member, const klient_topic_partition_t *only, size_t count,
                   struct tally *tally)
{
    bool wanted[HISTORY_PARTITIONS_MAX];

    for (int p = 0; p < member->options->partitions; p++)
        wanted[p] = only == NULL;
    for (size_t i = 0; only != NULL && i < count; i++)
        wanted[only[i].partition] = true;
    tally->count = 0;
    for (int p = 0; p < member->options->partitions; p++) {
        if (!wanted[p] || !member->held[p] || member->next[p] < 0)
            continue;
        klient_offset_t *item = &tally->items[tally->count];
        klient_offset_init(item);
        item->topic = member->options->topic;
        item->partition = p;
        item->offset = member->next[p];
        tally->pointers[tally->count++] = item;
    }
}

static uint64_t note_asked(struct member *member, const struct tally *tally)
{
    uint64_t call = ++member->calls;

    for (size_t i = 0; i < tally->count; i++)
        note(member, HISTORY_ASKED, call, tally->items[i].partition, tally->items[i].offset, 0);
    write_down(member);
    return call;
}

/* `all`: leave it to the library what that is. */
static void commit_and_wait(struct member *member, const struct tally *tally, bool all)
{
    klient_error_t *error = NULL;

    if (tally->count == 0)
        return;
    uint64_t call = note_asked(member, tally);
    if (klient_consumer_commit_sync(member->consumer, all ? NULL : tally->pointers,
                                    all ? 0 : tally->count, COMMIT_WAIT_MS, &error) == KLIENT_OK)
        for (size_t i = 0; i < tally->count; i++)
            note(member, HISTORY_COMMITTED, call, tally->items[i].partition,
                 tally->items[i].offset, 0);
    klient_error_free(error);
    write_down(member);
}

struct outcome {
    struct member *member;
    uint64_t call;
};

static void committed(void *context, klient_consumer_t *consumer, klient_code_t code,
                      const klient_offset_t *const *offsets, size_t count)
{
    struct outcome *outcome = context;

    (void)consumer, (void)code;
    for (size_t i = 0; i < count; i++)
        if (offsets[i]->code == KLIENT_OK)
            note(outcome->member, HISTORY_COMMITTED, outcome->call, offsets[i]->partition,
                 offsets[i]->offset, 0);
    write_down(outcome->member);
    free(outcome);
}

static void commit_later(struct member *member, const struct tally *tally)
{
    struct outcome *outcome = malloc(sizeof *outcome);

    if (outcome == NULL || tally->count == 0) {
        free(outcome);
        return;
    }
    *outcome = (struct outcome){ member, note_asked(member, tally) };
    if (klient_consumer_commit_async(member->consumer, tally->pointers, tally->count, committed,
                                     outcome, NULL) != KLIENT_OK)
        free(outcome);
}

static void commit(struct member *member)
{
    struct tally tally;

    add_up(member, NULL, 0, &tally);
    switch (member->options->commits) {
    case COMMIT_ASYNC: commit_later(member, &tally); break;
    case COMMIT_SYNC: commit_and_wait(member, &tally, false); break;
    case COMMIT_ALL: commit_and_wait(member, &tally, true); break;
    default: break;
    }
}

/* What the group knows of what this member holds. */
static void look(struct member *member)
{
    klient_topic_partition_t held[HISTORY_PARTITIONS_MAX];
    klient_offsets_t *offsets = NULL;
    klient_offset_t offset;
    size_t count = 0;
    uint64_t asked_us = (uint64_t)history_now_us();

    for (int p = 0; p < member->options->partitions; p++)
        if (member->held[p])
            held[count++] = (klient_topic_partition_t){ member->options->topic, p };
    if (count == 0 || klient_consumer_committed(member->consumer, held, count, LOOK_WAIT_MS,
                                                &offsets, NULL) != KLIENT_OK)
        return;
    klient_offset_init(&offset);
    for (size_t i = 0; i < klient_offsets_count(offsets); i++)
        if (klient_offsets_get(offsets, i, &offset) == KLIENT_OK)
            note(member, HISTORY_LOOKED, asked_us, offset.partition, offset.offset, 0);
    klient_offsets_free(offsets);
    write_down(member);
}

/* --- rebalances ------------------------------------------------------------------------------- */

static void assigned(void *context, klient_consumer_t *consumer,
                     const klient_topic_partition_t *partitions, size_t count)
{
    struct member *member = context;
    const struct member_options *options = member->options;
    klient_group_metadata_t group = { .size = sizeof group };
    klient_topic_partition_t one;

    for (size_t i = 0; i < count; i++)
        member->next[partitions[i].partition] = -1;
    if (klient_consumer_group_metadata(consumer, &group, NULL) != KLIENT_OK)
        exit(MEMBER_FAILED);
    note(member, HISTORY_JOINED, (uint64_t)group.generation, 0, options->process,
         (uint32_t)(options->is_static ? options->slot : options->process));
    for (size_t i = 0; i < klient_consumer_assignment_count(consumer); i++) {
        if (klient_consumer_assignment(consumer, i, &one, NULL) != KLIENT_OK)
            exit(MEMBER_FAILED);
        member->held[one.partition] = true;
        note(member, HISTORY_ASSIGNED, 0, one.partition, 0, 0);
    }
    write_down(member);
}

static void lost(void *context, klient_consumer_t *consumer,
                 const klient_topic_partition_t *partitions, size_t count)
{
    struct member *member = context;

    (void)consumer;
    for (size_t i = 0; i < count; i++) {
        member->held[partitions[i].partition] = false;
        note(member, HISTORY_REVOKED, 0, partitions[i].partition, 0, 0);
    }
    write_down(member);
}

static void revoked(void *context, klient_consumer_t *consumer,
                    const klient_topic_partition_t *partitions, size_t count)
{
    struct member *member = context;
    struct tally tally;

    add_up(member, partitions, count, &tally);
    if (member->options->commits != COMMIT_AUTO)
        commit_and_wait(member, &tally, false);
    lost(context, consumer, partitions, count);
}

/* --- records ---------------------------------------------------------------------------------- */

/* Records of one partition, one after the other. */
struct run {
    int partition;
    int64_t first;
    uint64_t count;
    uint32_t sum;
};

static void end_run(struct member *member, struct run *run)
{
    if (run->count > 0) {
        note(member, HISTORY_PROCESSED, run->count, run->partition, run->first, run->sum);
        member->next[run->partition] = run->first + (int64_t)run->count;
    }
    run->count = 0;
}

static void process(struct member *member, klient_records_t *records)
{
    struct run run = { .count = 0 };
    klient_record_t record;

    klient_record_init(&record);
    while (klient_records_next(records, &record) == 1) {
        if (record.partition != run.partition || record.offset != run.first + (int64_t)run.count)
            end_run(member, &run);
        if (run.count == 0)
            run = (struct run){ .partition = record.partition, .first = record.offset };
        run.sum = history_fold(run.sum, record_number(&record), record_checksum(&record));
        run.count++;
    }
    end_run(member, &run);
    write_down(member);
}

/* False: it can not go on. */
static bool read_some(struct member *member)
{
    klient_records_t *records = NULL;
    klient_error_t *error = NULL;
    klient_code_t code = klient_consumer_poll(member->consumer, POLL_MS, &records, &error);

    if (records != NULL)
        process(member, records);
    klient_records_free(records);
    if (code == KLIENT_OK)
        return true;
    bool over = klient_error_fatal(error) || code == KLIENT_LOG_TRUNCATION ||
                code == KLIENT_CORRUPT_MESSAGE;
    if (over)
        member->status = code == KLIENT_FENCED_INSTANCE_ID ? MEMBER_FENCED : MEMBER_FAILED;
    say(member, "poll", error);
    klient_error_free(error);
    return !over;
}

/* --- a life ----------------------------------------------------------------------------------- */

static void set(struct member *member, klient_config_t *config, const char *name,
                const char *value)
{
    klient_error_t *error = NULL;

    if (klient_config_set(config, name, value, &error) != KLIENT_OK) {
        say(member, name, error);
        exit(MEMBER_FAILED);
    }
}

static void set_number(struct member *member, klient_config_t *config, const char *name, int value)
{
    char text[24];

    snprintf(text, sizeof text, "%d", value);
    set(member, config, name, text);
}

static klient_config_t *configure(struct member *member)
{
    const struct member_options *options = member->options;
    klient_config_t *config = klient_config_new();
    char name[24];

    set(member, config, "bootstrap.servers", options->bootstrap);
    set(member, config, "group.id", options->group);
    set(member, config, "partition.assignment.strategy", options->assignors);
    set(member, config, "auto.offset.reset", "earliest");
    set(member, config, "enable.auto.commit", options->commits == COMMIT_AUTO ? "true" : "false");
    set_number(member, config, "auto.commit.interval.ms", COMMIT_EVERY_US / 1000);
    set_number(member, config, "session.timeout.ms", MEMBER_SESSION_MS);
    set_number(member, config, "heartbeat.interval.ms", MEMBER_HEARTBEAT_MS);
    set_number(member, config, "max.poll.interval.ms", MEMBER_POLL_INTERVAL_MS);
    snprintf(name, sizeof name, "slot-%d", options->slot);
    if (options->is_static)
        set(member, config, "group.instance.id", name);
    return config;
}

static void join(struct member *member)
{
    klient_config_t *config = configure(member);
    klient_listener_t listener;
    klient_error_t *error = NULL;

    member->consumer = klient_consumer_new(config, &error);
    klient_config_free(config);
    klient_listener_init(&listener);
    listener.assigned = assigned;
    listener.revoked = revoked;
    listener.lost = lost;
    listener.context = member;
    if (member->consumer == NULL ||
        klient_consumer_subscribe(member->consumer, &member->options->topic, 1, &listener,
                                  &error) != KLIENT_OK) {
        say(member, "it can not begin", error);
        exit(MEMBER_FAILED);
    }
}

static void go_on(struct member *member)
{
    int64_t committed_us = 0, looked_us = history_now_us();

    while (!stopping && read_some(member)) {
        if (sulking) {
            poll(NULL, 0, SULK_MS);
            sulking = 0;
            committed_us = 0;
        }
        int64_t now_us = history_now_us();
        if (now_us - committed_us > COMMIT_EVERY_US) {
            commit(member);
            committed_us = now_us;
        }
        if (now_us - looked_us > LOOK_EVERY_US) {
            look(member);
            looked_us = now_us;
        }
    }
}

int member_live(const struct member_options *options)
{
    struct member member = { .options = options, .status = MEMBER_LEFT };

    signal(SIGTERM, on_signal);
    signal(SIGUSR1, on_signal);
    for (int p = 0; p < HISTORY_PARTITIONS_MAX; p++)
        member.next[p] = -1;
    write_down(&member);
    join(&member);
    go_on(&member);
    klient_consumer_close(member.consumer, CLOSE_WAIT_MS, NULL);
    if (fclose(options->history) != 0)
        return MEMBER_FAILED;
    return member.status;
}
