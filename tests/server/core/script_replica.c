/* The replica's lines in transcripts. It is replica 1, until a line says otherwise.
 *
 *   > self ID                        before all else
 *   > opened START END [flushed F] [hw H] [last EPOCH]
 *   > assigned leader L epoch E version V replicas 1,2 isr 1,2 [min M] [unclean E] [flush]
 *   > configured [flush] [lag MS]
 *   > appended END [last EPOCH] | flushed END | truncated START END [last EPOCH] | trimmed START
 *   > fetch ID epoch E offset O [flushed F] [last EPOCH] [ours EPOCH:END] [version V] [life N]
 *                                    ours: by default the log has all that the follower has
 *   > fetched ROUND CODE [start S] [hw H] [diverged EPOCH:END ours EPOCH:END] [records FIRST-END]
 *   > isr ROUND CODE | closed CODE | tick
 *   > at MS                          the clock of the next events
 *   > append [all] [no-lease] | read [no-lease] | latest | deadline | show      print them */
#include <check.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "server/core/replica.h"
#include "tests/server/core/suites.h"
#include "tests/server/core/transcript.h"

struct stage {
    struct replica replica;
    struct partition_state state; /* of the last `assigned` */
    int64_t now_ms;
};

static void *stage_start(void)
{
    struct stage *stage = calloc(1, sizeof *stage);
    replica_init(&stage->replica, 1);
    return stage;
}

static void stage_stop(void *subject)
{
    struct stage *stage = subject;
    replica_fini(&stage->replica);
    free(stage);
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

static const char *name_of(int code)
{
    size_t count;
    const struct k_error_row *rows = k_error_rows(&count);
    for (size_t i = 0; i < count; i++)
        if (rows[i].code == code)
            return rows[i].name;
    ck_abort_msg("no such error: %d", code);
}

/* --- what it says ----------------------------------------------------------------------------- */

static void print_propose(const struct replica_effect *effect, FILE *out)
{
    fprintf(out, "propose round %" PRIu64 " epoch %d after version %d isr", effect->propose.round,
            (int)effect->propose.leader_epoch, (int)effect->propose.version);
    for (int32_t i = 0; i < effect->propose.count; i++) {
        const struct replica_member *member = &effect->propose.members[i];
        fprintf(out, "%c%d", i == 0 ? ' ' : ',', (int)member->id);
        if (!uuid_is_zero(&member->incarnation))
            fprintf(out, ":%d", member->incarnation.bytes[0]);
    }
    fprintf(out, "%s\n", effect->propose.flush_on_ack ? " flush" : "");
}

static void print_answer(const struct replica_effect *effect, FILE *out)
{
    fprintf(out, "answer-fetch %s", name_of(effect->answer_fetch.code));
    if (effect->answer_fetch.diverged)
        fprintf(out, " diverged %d:%" PRId64, (int)effect->answer_fetch.diverged_epoch,
                effect->answer_fetch.diverged_end);
    else if (effect->answer_fetch.code == 0)
        fprintf(out, " up to %" PRId64, effect->answer_fetch.end);
    fprintf(out, " start %" PRId64 " hw %" PRId64 "\n", effect->answer_fetch.start,
            effect->answer_fetch.high_watermark);
}

static void print_fetch(const struct replica_effect *effect, FILE *out)
{
    fprintf(out, "fetch round %" PRIu64 " from %d epoch %d", effect->fetch.round,
            (int)effect->fetch.leader, (int)effect->fetch.leader_epoch);
    fprintf(out, " offset %" PRId64 " flushed %" PRId64 " last %d\n", effect->fetch.offset,
            effect->fetch.flushed, (int)effect->fetch.last_epoch);
}

static void print_effect(const struct replica_effect *effect, FILE *out)
{
    switch (effect->type) {
    case REPLICA_DO_FETCH:
        print_fetch(effect, out);
        break;
    case REPLICA_DO_STOP_FETCHING:
        fputs("stop-fetching\n", out);
        break;
    case REPLICA_DO_APPEND:
        fprintf(out, "append up to %" PRId64 "\n", effect->append.end);
        break;
    case REPLICA_DO_TRUNCATE:
        fprintf(out, "truncate to %" PRId64 "\n", effect->truncate.end);
        break;
    case REPLICA_DO_RESET:
        fprintf(out, "reset to %" PRId64 "\n", effect->reset.end);
        break;
    case REPLICA_DO_TRIM:
        fprintf(out, "trim up to %" PRId64 "\n", effect->trim.end);
        break;
    case REPLICA_DO_ANSWER_FETCH:
        print_answer(effect, out);
        break;
    case REPLICA_DO_ANSWER_PRODUCES:
        if (effect->answer_produces.end == INT64_MAX)
            fprintf(out, "answer-produces all %s\n", name_of(effect->answer_produces.code));
        else
            fprintf(out, "answer-produces up to %" PRId64 " %s\n", effect->answer_produces.end,
                    name_of(effect->answer_produces.code));
        break;
    case REPLICA_DO_PUBLISH:
        fprintf(out, "publish %" PRId64 "\n", effect->publish.end);
        break;
    case REPLICA_DO_PROPOSE:
        print_propose(effect, out);
        break;
    case REPLICA_DO_FAIL:
        fprintf(out, "fail %s: %s\n", name_of(effect->fail.code), effect->fail.reason);
        break;
    }
}

static void show(const struct replica *replica, FILE *out)
{
    static const char *const roles[] = {"waiting", "leading", "following", "failed"};

    fprintf(out, "%s start %" PRId64 " hw %" PRId64 " end %" PRId64, roles[replica->role],
            replica->start, replica->high_watermark, replica->end);
    fprintf(out, " flushed %" PRId64 " last %d\n", replica->flushed, (int)replica->last_epoch);
}

static bool ask(const struct stage *stage, const struct words *words, FILE *out)
{
    const char *verb = words->items[0];
    bool lease = !has_word(words, "no-lease");
    const struct replica *replica = &stage->replica;

    if (strcmp(verb, "append") == 0) {
        fprintf(out, "%s\n", name_of(replica_may_append(replica, has_word(words, "all"), lease)));
    } else if (strcmp(verb, "read") == 0) {
        fprintf(out, "%s\n", name_of(replica_may_read(replica, lease)));
    } else if (strcmp(verb, "latest") == 0) {
        int64_t offset = -1;
        int code = replica_latest(replica, &offset);
        if (code == 0)
            fprintf(out, "latest %" PRId64 "\n", offset);
        else
            fprintf(out, "%s\n", name_of(code));
    } else if (strcmp(verb, "deadline") == 0) {
        int64_t deadline = replica_deadline_ms(replica);
        if (deadline == INT64_MAX)
            fputs("deadline never\n", out);
        else
            fprintf(out, "deadline %" PRId64 "\n", deadline);
    } else if (strcmp(verb, "show") == 0) {
        show(replica, out);
    } else {
        return false;
    }
    return true;
}

/* --- what happens to it ----------------------------------------------------------------------- */

static int64_t number_at(const struct words *words, int place)
{
    ck_assert_int_lt(place, words->count);
    return strtoll(words->items[place], NULL, 10);
}

static void read_set(const struct words *words, const char *key, struct replica_set *set)
{
    const char *text = word_after(words, key);

    set->count = 0;
    while (text != NULL && *text != '\0' && *text != '-') {
        char *rest;
        set->ids[set->count++] = (int32_t)strtol(text, &rest, 10);
        text = *rest == ',' ? rest + 1 : rest;
    }
}

static void read_state(const struct words *words, struct partition_state *state)
{
    *state = (struct partition_state){.leader = (int32_t)number_after(words, "leader", -1),
                                      .leader_epoch = (int32_t)number_after(words, "epoch", 0),
                                      .version = (int32_t)number_after(words, "version", 0),
                                      .min_insync = (int32_t)number_after(words, "min", 1),
                                      .unclean_epoch =
                                          (int32_t)number_after(words, "unclean", -1),
                                      .flush_on_ack = has_word(words, "flush")};
    read_set(words, "replicas", &state->replicas);
    read_set(words, "isr", &state->isr);
}

/* "EPOCH:END" */
static void read_pair(const char *text, int32_t *epoch, int64_t *end)
{
    char *rest;
    *epoch = (int32_t)strtol(text, &rest, 10);
    ck_assert_msg(*rest == ':', "not EPOCH:END: %s", text);
    *end = strtoll(rest + 1, NULL, 10);
}

static void read_fetch(const struct stage *stage, const struct words *words,
                       struct replica_event *event)
{
    const char *ours = word_after(words, "ours");

    event->type = REPLICA_FETCH;
    event->fetch.follower = (int32_t)number_at(words, 1);
    event->fetch.leader_epoch = (int32_t)number_after(words, "epoch", 0);
    event->fetch.offset = number_after(words, "offset", 0);
    event->fetch.flushed = number_after(words, "flushed", event->fetch.offset);
    event->fetch.last_epoch = (int32_t)number_after(words, "last", -1);
    event->fetch.version = (int32_t)number_after(words, "version", -1);
    event->fetch.incarnation.bytes[0] = (uint8_t)number_after(words, "life", 1);
    event->fetch.our_epoch = event->fetch.last_epoch;
    event->fetch.our_end = stage->replica.end;
    if (ours != NULL)
        read_pair(ours, &event->fetch.our_epoch, &event->fetch.our_end);
}

static void read_fetched(const struct words *words, struct replica_event *event)
{
    const char *diverged = word_after(words, "diverged"), *records = word_after(words, "records");

    event->type = REPLICA_FETCHED;
    event->fetched.round = (uint64_t)number_at(words, 1);
    event->fetched.code = code_of(words->items[2]);
    event->fetched.leader_start = number_after(words, "start", 0);
    event->fetched.high_watermark = number_after(words, "hw", 0);
    if (diverged != NULL) {
        event->fetched.diverged = true;
        read_pair(diverged, &event->fetched.diverged_epoch, &event->fetched.diverged_end);
        read_pair(word_after(words, "ours"), &event->fetched.our_epoch, &event->fetched.our_end);
    }
    if (records != NULL) {
        char *rest;
        event->fetched.first = strtoll(records, &rest, 10);
        event->fetched.end = strtoll(rest + 1, NULL, 10);
    }
}

static bool read_log_event(const struct words *words, struct replica_event *event)
{
    const char *verb = words->items[0];

    if (strcmp(verb, "opened") == 0) {
        event->type = REPLICA_OPENED;
        event->opened.start = number_at(words, 1);
        event->opened.end = number_at(words, 2);
        event->opened.flushed = number_after(words, "flushed", event->opened.end);
        event->opened.high_watermark = number_after(words, "hw", -1);
        event->opened.last_epoch = (int32_t)number_after(words, "last", -1);
    } else if (strcmp(verb, "appended") == 0) {
        event->type = REPLICA_APPENDED;
        event->appended.end = number_at(words, 1);
        event->appended.last_epoch = (int32_t)number_after(words, "last", 0);
    } else if (strcmp(verb, "flushed") == 0) {
        event->type = REPLICA_FLUSHED;
        event->flushed.end = number_at(words, 1);
    } else if (strcmp(verb, "truncated") == 0) {
        event->type = REPLICA_TRUNCATED;
        event->truncated.start = number_at(words, 1);
        event->truncated.end = number_at(words, 2);
        event->truncated.last_epoch = (int32_t)number_after(words, "last", -1);
    } else if (strcmp(verb, "trimmed") == 0) {
        event->type = REPLICA_TRIMMED;
        event->trimmed.start = number_at(words, 1);
    } else {
        return false;
    }
    return true;
}

static void read_event(struct stage *stage, const struct words *words, struct replica_event *event)
{
    const char *verb = words->items[0];

    if (read_log_event(words, event))
        return;
    if (strcmp(verb, "assigned") == 0) {
        read_state(words, &stage->state);
        event->type = REPLICA_ASSIGNED;
        event->assigned = &stage->state;
    } else if (strcmp(verb, "configured") == 0) {
        event->type = REPLICA_CONFIGURED;
        event->configured.flush_on_ack = has_word(words, "flush");
        event->configured.lag_max_ms = number_after(words, "lag", 30000);
    } else if (strcmp(verb, "fetch") == 0) {
        read_fetch(stage, words, event);
    } else if (strcmp(verb, "fetched") == 0) {
        read_fetched(words, event);
    } else if (strcmp(verb, "isr") == 0) {
        event->type = REPLICA_ISR_ANSWERED;
        event->isr_answered.round = (uint64_t)number_at(words, 1);
        event->isr_answered.code = code_of(words->items[2]);
    } else if (strcmp(verb, "reign") == 0) {
        event->type = REPLICA_REIGN;
    } else if (strcmp(verb, "closed") == 0) {
        event->type = REPLICA_CLOSED;
        event->closed.code = code_of(words->items[1]);
    } else {
        ck_assert_msg(strcmp(verb, "tick") == 0, "no such event: %s", verb);
        event->type = REPLICA_TICK;
    }
}

static void stage_apply(void *subject, const struct words *words, FILE *out)
{
    struct stage *stage = subject;
    struct replica_event event = {.type = REPLICA_TICK};
    struct replica_effects effects;

    if (strcmp(words->items[0], "at") == 0) {
        stage->now_ms = number_at(words, 1);
        return;
    }
    if (strcmp(words->items[0], "self") == 0) {
        replica_init(&stage->replica, (int32_t)number_at(words, 1));
        return;
    }
    if (ask(stage, words, out))
        return;
    read_event(stage, words, &event);
    event.now_ms = stage->now_ms;
    replica_step(&stage->replica, &event, &effects);
    for (size_t i = 0; i < effects.count; i++)
        print_effect(&effects.items[i], out);
    ck_assert_msg(stage->replica.broken == NULL, "broken: %s", stage->replica.broken);
}

const struct transcript_script replica_script = {stage_start, stage_stop, stage_apply};
