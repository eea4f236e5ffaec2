/* The groups' lines in transcripts. Metadata and assignments are words; t/0=5 is offset 5 of
 * partition 0 of t.
 *
 *   > options [delay MS] [session MIN MAX] [size N] [told N] [metadata N] [timeout MS]
 *          [retention MS check MS]
 *   > gained E | loaded E | lost E
 *   > join T GROUP [member ID] [instance I] [new ID] [known-only] [session MS] [rebalance MS]
 *          [type TYPE] as NAME=DATA,...
 *   > sync T GROUP member ID [instance I] generation N [protocol P] [assign ID=DATA,...]
 *   > beat T GROUP member ID [instance I] generation N [wait MS]
 *   > leave T GROUP [member ID] [instance I]
 *   > commit T GROUP [member ID] [instance I] [generation N] [id N] offsets t/0=5[:NOTE],...
 *                                  N: of the topic
 *   > delete T GROUP | forget T GROUP offsets t/0,...
 *   > gone TOPIC [id N]
 *   > stored TOKEN [CODE]            the topic has it now, or it was refused
 *   > successor E                    another coordinator: gained, and the topic is replayed
 *   > tick | at MS [wall MS]
 *   > committed GROUP t/0 | offsets | describe | deadline    print them */
#include <check.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "server/core/groups.h"
#include "tests/server/core/groups_log.h"
#include "tests/server/core/suites.h"
#include "tests/server/core/transcript.h"

enum { ITEMS_MAX = 16 };

struct stage {
    struct groups *groups;
    struct groups_options options;
    struct groups_log log;
    int64_t now_ms, wall_ms;
};

static void *stage_start(void)
{
    struct stage *stage = calloc(1, sizeof *stage);
    stage->groups = groups_new(1);
    return stage;
}

static void stage_stop(void *subject)
{
    struct stage *stage = subject;
    groups_free(stage->groups);
    groups_log_fini(&stage->log);
    free(stage);
}

/* --- printing --------------------------------------------------------------------------------- */

static void print_span(FILE *out, const char *title, struct groups_span span)
{
    if (span.size > 0)
        fprintf(out, "%s%.*s", title, (int)span.size, (const char *)span.data);
}

static void print_members(FILE *out, const struct groups_member *members, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        fprintf(out, "  %s", members[i].id);
        if (members[i].instance != NULL)
            fprintf(out, " instance %s", members[i].instance);
        print_span(out, " says ", members[i].metadata);
        print_span(out, " has ", members[i].assignment);
        fputc('\n', out);
    }
}

static void print_offset(void *out, const char *group, const struct groups_offset *offset)
{
    fprintf(out, "  %s %s/%d=%" PRId64, group, offset->topic, (int)offset->partition,
            offset->offset);
    fprintf(out, "%s%s\n", offset->metadata[0] != '\0' ? ":" : "", offset->metadata);
}

static void print_record(FILE *out, const struct groups_record *record)
{
    const char *chosen = record->state.protocol;

    if (record->tombstone && record->type == GROUPS_RECORD_OFFSET) {
        fprintf(out, "  %s %s/%d gone\n", record->group, record->offset.topic,
                (int)record->offset.partition);
    } else if (record->tombstone) {
        fprintf(out, "  %s gone\n", record->group);
    } else if (record->type == GROUPS_RECORD_OFFSET) {
        print_offset(out, record->group, &record->offset);
    } else {
        fprintf(out, "  %s %s generation %d protocol %s leader %s\n", record->group,
                record->state.protocol_type, (int)record->state.generation,
                chosen != NULL ? chosen : "-",
                record->state.leader != NULL ? record->state.leader : "-");
        print_members(out, record->state.members, record->state.member_count);
    }
}

static void print_answer(FILE *out, const struct groups_effect *effect)
{
    fprintf(out, "answer %" PRIu64 " %s", effect->answer.ticket,
            k_error_name(effect->answer.error));
    if (effect->answer.reason != NULL)
        fprintf(out, ": %s", effect->answer.reason);
    if (effect->answer.member != NULL)
        fprintf(out, " member %s", effect->answer.member);
    if (effect->answer.generation >= 0)
        fprintf(out, " generation %d %s/%s leader %s", (int)effect->answer.generation,
                effect->answer.protocol_type, effect->answer.protocol, effect->answer.leader);
    print_span(out, " has ", effect->answer.assignment);
    fprintf(out, "%s\n", effect->answer.skip_assignment ? " skip" : "");
    print_members(out, effect->answer.members, effect->answer.member_count);
}

static void print_description(void *out, const struct groups_description *group)
{
    static const char *const states[] = {"empty", "preparing", "completing", "stable", "dead"};

    fprintf(out, "  %s %s generation %d", group->group, states[group->state],
            (int)group->generation);
    if (group->protocol != NULL)
        fprintf(out, " %s/%s leader %s", group->protocol_type, group->protocol,
                group->leader != NULL ? group->leader : "-");
    fputc('\n', out);
    print_members(out, group->members, group->member_count);
}

/* --- reading ---------------------------------------------------------------------------------- */

struct items { size_t count; char *names[ITEMS_MAX], *values[ITEMS_MAX]; };

/* NAME=VALUE,... */
static struct items split(const struct words *words, const char *key)
{
    struct items items = {0};
    char *rest = NULL, *list = (char *)word_after(words, key);

    for (char *item = list == NULL ? NULL : strtok_r(list, ",", &rest); item != NULL;
         item = strtok_r(NULL, ",", &rest)) {
        ck_assert_uint_lt(items.count, ITEMS_MAX);
        char *equals = strchr(item, '=');
        if (equals != NULL)
            *equals++ = '\0';
        items.names[items.count] = item;
        items.values[items.count++] = equals == NULL ? item + strlen(item) : equals;
    }
    return items;
}

static struct groups_span span_of(const char *text)
{
    return (struct groups_span){text, strlen(text)};
}

static struct groups_offset offset_of(char *name, char *value)
{
    char *slash = strchr(name, '/'), *note = strchr(value, ':');

    ck_assert_ptr_nonnull(slash);
    *slash = '\0';
    return (struct groups_offset){.topic = name,
                                  .partition = (int32_t)strtol(slash + 1, NULL, 10),
                                  .offset = strtoll(value, NULL, 10),
                                  .leader_epoch = -1,
                                  .metadata = note != NULL ? note + 1 : NULL};
}

static void run(struct stage *stage, struct groups_event *event, FILE *out)
{
    event->now_ms = stage->now_ms;
    event->wall_ms = stage->wall_ms;
    struct groups_effects effects = groups_step(stage->groups, event);
    for (size_t i = 0; i < effects.count; i++) {
        const struct groups_effect *effect = &effects.items[i];
        if (effect->type == GROUPS_DO_ANSWER) {
            print_answer(out, effect);
            continue;
        }
        fprintf(out, "store %" PRIu64 "\n", effect->store.token);
        for (size_t r = 0; r < effect->store.count; r++)
            print_record(out, &effect->store.records[r]);
        groups_log_append(&stage->log, effect);
    }
    groups_check(stage->groups);
}

static void read_join(struct stage *stage, const struct words *words, struct groups_event *event,
                      FILE *out)
{
    struct groups_protocol protocols[ITEMS_MAX];
    struct items items = split(words, "as");
    const char *new_id = word_after(words, "new"), *type = word_after(words, "type");

    for (size_t i = 0; i < items.count; i++)
        protocols[i] = (struct groups_protocol){items.names[i], span_of(items.values[i])};
    event->type = GROUPS_JOIN;
    event->join.new_id = new_id != NULL ? new_id : "none";
    event->join.known_only = has_word(words, "known-only");
    event->join.client_id = "client";
    event->join.client_host = "/host";
    event->join.protocol_type = type != NULL ? type : "consumer";
    event->join.session_timeout_ms = (int32_t)number_after(words, "session", 10000);
    event->join.rebalance_timeout_ms = (int32_t)number_after(words, "rebalance", 60000);
    event->join.protocols = protocols;
    event->join.protocol_count = items.count;
    run(stage, event, out);
}

static void read_sync(struct stage *stage, const struct words *words, struct groups_event *event,
                      FILE *out)
{
    struct groups_member members[ITEMS_MAX] = {0};
    struct items items = split(words, "assign");

    for (size_t i = 0; i < items.count; i++) {
        members[i].id = items.names[i];
        members[i].assignment = span_of(items.values[i]);
    }
    event->type = GROUPS_SYNC;
    event->sync.protocol_type = word_after(words, "type");
    event->sync.protocol = word_after(words, "protocol");
    event->sync.assignments = members;
    event->sync.assignment_count = items.count;
    run(stage, event, out);
}

static struct uuid id_after(const struct words *words)
{
    return (struct uuid){{(uint8_t)number_after(words, "id", 0)}};
}

static void read_gone(struct stage *stage, const struct words *words, FILE *out)
{
    struct groups_event event = {.type = GROUPS_TOPIC_GONE};

    event.topic_gone.topic = words->items[1];
    event.topic_gone.id = id_after(words);
    run(stage, &event, out);
}

/* A commit, or offsets to be forgotten. */
static void read_offsets(struct stage *stage, const struct words *words,
                         struct groups_event *event, FILE *out)
{
    struct groups_offset offsets[ITEMS_MAX];
    struct items items = split(words, "offsets");

    for (size_t i = 0; i < items.count; i++)
        offsets[i] = offset_of(items.names[i], items.values[i]);
    for (size_t i = 0; i < items.count; i++)
        offsets[i].topic_id = id_after(words);
    event->type = words->items[0][0] == 'c' ? GROUPS_COMMIT : GROUPS_FORGET;
    event->commit.offsets = offsets;
    event->commit.count = items.count;
    run(stage, event, out);
}

/* A request; false: it is none. */
static bool read_request(struct stage *stage, const struct words *words, FILE *out)
{
    const char *verb = words->items[0], *member = word_after(words, "member");
    struct groups_event event = {.type = GROUPS_TICK};

    if (words->count < 3)
        return false;
    event.asker = (struct groups_asker){.ticket = strtoull(words->items[1], NULL, 10),
                                        .group = words->items[2],
                                        .member = member != NULL ? member : "",
                                        .instance = word_after(words, "instance"),
                                        .generation =
                                            (int32_t)number_after(words, "generation", -1)};
    if (strcmp(verb, "join") == 0) {
        read_join(stage, words, &event, out);
    } else if (strcmp(verb, "sync") == 0) {
        read_sync(stage, words, &event, out);
    } else if (strcmp(verb, "commit") == 0 || strcmp(verb, "forget") == 0) {
        read_offsets(stage, words, &event, out);
    } else if (strcmp(verb, "beat") == 0) {
        event.type = GROUPS_HEARTBEAT;
        event.heartbeat.wait_ms = number_after(words, "wait", 0);
        run(stage, &event, out);
    } else if (strcmp(verb, "leave") == 0 || strcmp(verb, "delete") == 0) {
        event.type = verb[0] == 'l' ? GROUPS_LEAVE : GROUPS_DELETE;
        run(stage, &event, out);
    } else {
        return false;
    }
    return true;
}

static int code_of(const char *name)
{
    size_t count;
    const struct k_error_row *rows = k_error_rows(&count);
    for (size_t i = 0; i < count; i++)
        if (strcmp(rows[i].name, name) == 0)
            return rows[i].code;
    ck_abort_msg("no such error: %s", name);
}

/* Orders are committed in their order. */
static void read_stored(struct stage *stage, const struct words *words, FILE *out)
{
    struct groups_event event = {.type = GROUPS_STORED};
    size_t place = stage->log.committed;

    event.stored.token = strtoull(words->items[1], NULL, 10);
    event.stored.code = words->count > 2 ? code_of(words->items[2]) : 0;
    while (place < stage->log.count && stage->log.orders[place].token != event.stored.token)
        place++;
    if (place < stage->log.count && event.stored.code != 0)
        groups_log_remove(&stage->log, place);
    else if (place < stage->log.count)
        ck_assert_uint_eq(place, stage->log.committed++);
    run(stage, &event, out);
}

static void read_successor(struct stage *stage, const struct words *words, FILE *out)
{
    struct groups_event event = {.type = GROUPS_CONFIGURED, .configured = &stage->options};

    groups_free(stage->groups);
    stage->groups = groups_new(1);
    run(stage, &event, out);
    event = (struct groups_event){.type = GROUPS_GAINED};
    event.gained.epoch = (int32_t)strtol(words->items[1], NULL, 10);
    run(stage, &event, out);
    groups_log_cut(&stage->log, stage->log.committed);
    groups_log_replay(&stage->log, 0, stage->log.count, stage->groups);
    groups_check(stage->groups);
}

static void read_options(struct stage *stage, const struct words *words, FILE *out)
{
    struct groups_event event = {.type = GROUPS_CONFIGURED, .configured = &stage->options};
    struct groups_options *options = &stage->options;

    for (int i = 1; i + 1 < words->count; i++)
        if (strcmp(words->items[i], "session") == 0) {
            options->session_min_ms = (int32_t)strtol(words->items[i + 1], NULL, 10);
            options->session_max_ms = (int32_t)strtol(words->items[i + 2], NULL, 10);
        }
    options->initial_delay_ms = number_after(words, "delay", options->initial_delay_ms);
    options->size_max = (int32_t)number_after(words, "size", options->size_max);
    options->told_max = number_after(words, "told", options->told_max);
    options->metadata_max = (int32_t)number_after(words, "metadata", options->metadata_max);
    options->store_timeout_ms = number_after(words, "timeout", 5000);
    options->retention_ms = number_after(words, "retention", options->retention_ms);
    options->retention_check_ms = number_after(words, "check", options->retention_check_ms);
    run(stage, &event, out);
}

static bool read_partition(struct stage *stage, const struct words *words, FILE *out)
{
    static const struct {
        const char *verb;
        enum groups_event_type type;
    } rows[] = {{"gained", GROUPS_GAINED},
                {"loaded", GROUPS_LOADED},
                {"lost", GROUPS_LOST},
                {"tick", GROUPS_TICK}};

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (strcmp(rows[i].verb, words->items[0]) == 0) {
            struct groups_event event = {.type = rows[i].type};
            if (words->count > 1)
                event.gained.epoch = (int32_t)strtol(words->items[1], NULL, 10);
            run(stage, &event, out);
            return true;
        }
    return false;
}

/* Questions; false: it is none. */
static bool read_question(struct stage *stage, const struct words *words, FILE *out)
{
    const char *verb = words->items[0];
    int error = 0;

    if (strcmp(verb, "committed") == 0) {
        char no_offset[] = "";
        struct groups_offset wanted = offset_of(words->items[2], no_offset), found;
        error = groups_committed(stage->groups, words->items[1], wanted.topic, wanted.partition,
                                 &found);
        if (error == 0)
            print_offset(out, words->items[1], &found);
    } else if (strcmp(verb, "offsets") == 0) {
        error = groups_offsets(stage->groups, NULL, print_offset, out);
    } else if (strcmp(verb, "describe") == 0) {
        error = groups_describe(stage->groups, NULL, print_description, out);
    } else if (strcmp(verb, "deadline") == 0) {
        int64_t at_ms = groups_deadline_ms(stage->groups);
        if (at_ms == INT64_MAX)
            fputs("  never\n", out);
        else
            fprintf(out, "  %" PRId64 "\n", at_ms);
    } else {
        return false;
    }
    if (error != 0)
        fprintf(out, "  %s\n", k_error_name(error));
    return true;
}

static void stage_apply(void *subject, const struct words *words, FILE *out)
{
    struct stage *stage = subject;
    const char *verb = words->items[0];

    if (strcmp(verb, "at") == 0) {
        stage->now_ms = strtoll(words->items[1], NULL, 10);
        stage->wall_ms = number_after(words, "wall", stage->wall_ms);
    } else if (strcmp(verb, "options") == 0) {
        read_options(stage, words, out);
    } else if (strcmp(verb, "stored") == 0) {
        read_stored(stage, words, out);
    } else if (strcmp(verb, "gone") == 0) {
        read_gone(stage, words, out);
    } else if (strcmp(verb, "successor") == 0) {
        read_successor(stage, words, out);
    } else {
        ck_assert_msg(read_question(stage, words, out) || read_partition(stage, words, out) ||
                          read_request(stage, words, out),
                      "no such line: %s", verb);
    }
}

const struct transcript_script groups_script = {stage_start, stage_stop, stage_apply};
