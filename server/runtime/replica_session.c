#include "server/runtime/replica_session.h"

#include <assert.h>
#include <stdlib.h>

#include "common/error.h"
#include "common/map.h"
#include "common/rand.h"
#include "server/runtime/replica_throttle.h"
#include "server/runtime/shard_state.h"

enum {
    LATE_MS = 20,                       /* a watermark alone waits so long for records */
    SESSIONS_MAX = 256,
    IDLE_MS = 60 * 1000                 /* no request for so long: the follower has another one */
};

struct session_question {
    struct list following;              /* in partition.followers, or session.unknown */
    struct list queued;                 /* in session.ready or session.late */
    struct replica_session *session;
    struct replica_ask ask;
    bool open;                          /* asked, and not answered */
    bool held;                          /* queued in session.held: news change nothing */
    int64_t told_watermark, told_start; /* -1: nothing yet */
};

struct replica_session {
    struct list node;                   /* in shard.sessions, longest unused first */
    struct shard *shard;
    uint64_t id;
    uint32_t epoch;                     /* of the next request */
    int32_t broker;
    struct uuid incarnation;
    int64_t used_ms;
    struct map questions;               /* struct partition_key to struct session_question; owned */
    struct list unknown;                /* session_question.following: of partitions to come */
    struct list ready, late;
    struct list held;                   /* those that a throttle makes wait */
    size_t queued;                      /* in all three */
    struct shard_deadline release;      /* of those held */
    struct replica_fetch *parked;
    struct shard_deadline deadline;
    int64_t wake_ms;                    /* when it fires; INT64_MAX: never */
    struct turn_hook hook;
};

/* --- answering -------------------------------------------------------------------------------- */

static void unqueue(struct session_question *question)
{
    if (list_empty(&question->queued))
        return;
    list_remove(&question->queued);
    question->held = false;
    question->session->queued--;
}

static void answer_soon(struct replica_session *session)
{
    if (session->parked != NULL)
        loop_at_turn_end(session->shard->loop, &session->hook);
}

static void answer_by(struct replica_session *session, int64_t at_ms)
{
    if (session->parked == NULL || at_ms >= session->wake_ms)
        return;
    session->wake_ms = at_ms;
    if (shard_deadline_set(session->shard, &session->deadline, at_ms) != 0)
        answer_soon(session);
}

static void queue(struct session_question *question, bool late)
{
    struct replica_session *session = question->session;

    if (!question->open || question->held)
        return;
    unqueue(question);
    list_append(late ? &session->late : &session->ready, &question->queued);
    session->queued++;
    if (late)
        answer_by(session, shard_now_ms(session->shard) + LATE_MS);
    else
        answer_soon(session);
}

static void answer(struct replica_session *session)
{
    struct replica_fetch *fetch = session->parked;

    if (fetch == NULL)
        return;
    replica_session_unpark(session);
    fetch->ready(fetch);
}

static void turn_ended(struct turn_hook *hook)
{
    answer(LIST_OWNER(hook, struct replica_session, hook));
}

static void deadline_came(struct shard_deadline *deadline)
{
    answer(LIST_OWNER(deadline, struct replica_session, deadline));
}

void replica_session_unpark(struct replica_session *session)
{
    session->parked = NULL;
    session->wake_ms = INT64_MAX;
    shard_deadline_clear(session->shard, &session->deadline);
    turn_hook_cancel(&session->hook);
}

/* --- those that a throttle makes wait --------------------------------------------------------- */

static void hold(struct session_question *question, int64_t wait_ms)
{
    struct replica_session *session = question->session;
    bool first = list_empty(&session->held);

    list_append(&session->held, &question->queued);
    session->queued++;
    question->held = true;
    if (first && shard_deadline_set(session->shard, &session->release,
                                    shard_now_ms(session->shard) + wait_ms) != 0)
        unqueue(question);              /* the next records bring it up again */
}

/* All of them look again: whose turn it is, the order of the queue says. */
static void release(struct replica_session *session)
{
    while (!list_empty(&session->held)) {
        struct session_question *question =
            LIST_OWNER(list_first(&session->held), struct session_question, queued);
        unqueue(question);
        queue(question, false);
    }
}

static void release_came(struct shard_deadline *deadline)
{
    release(LIST_OWNER(deadline, struct replica_session, release));
}

/* --- what a question is worth ----------------------------------------------------------------- */

enum news { NEWS_NONE, NEWS_LATE, NEWS_NOW };

static enum news judge(const struct session_question *question,
                       const struct drive_fetch_answer *answer)
{
    if (answer->code != 0 || answer->diverged || answer->end > question->ask.offset ||
        question->told_watermark < 0)
        return NEWS_NOW;
    return answer->high_watermark != question->told_watermark ||
                   answer->start != question->told_start
               ? NEWS_LATE
               : NEWS_NONE;
}

/* The follower has heard of this epoch, and we have not: its question is answered when we have. */
static bool is_ahead(const struct session_question *question, const struct partition *partition)
{
    return !partition->replica.assigned ||
           question->ask.leader_epoch > partition->replica.state.leader_epoch;
}

/* Give the question to the rules of its partition. False: it waits for the log, or a picture. */
static bool put(struct session_question *question, struct partition **out,
                struct drive_fetch_answer *answer)
{
    struct replica_session *session = question->session;
    struct partition *partition = partition_find(session->shard, &question->ask.key);
    const struct drive_fetch fetch = {
        .follower = session->broker,
        .incarnation = session->incarnation,
        .leader_epoch = question->ask.leader_epoch,
        .last_epoch = question->ask.last_epoch,
        .offset = question->ask.offset,
        .flushed = question->ask.flushed,
        .version = question->ask.version,
    };

    *out = partition;
    *answer = (struct drive_fetch_answer){ .code = 0, .start = -1, .high_watermark = -1 };
    if (partition == NULL || is_ahead(question, partition))
        return false;
    if (partition->state == PARTITION_OFFLINE) {
        answer->code = partition->offline_code;
        return true;
    }
    return drive_fetch(partition, &fetch, answer);
}

/* The question is new, or something happened in its partition. */
static void look(struct session_question *question)
{
    struct drive_fetch_answer answer;
    struct partition *partition;

    if (!question->open || !put(question, &partition, &answer))
        return;
    enum news news = judge(question, &answer);
    if (news != NEWS_NONE)
        queue(question, news == NEWS_LATE);
}

/* --- sessions --------------------------------------------------------------------------------- */

static void free_question(struct session_question *question)
{
    unqueue(question);
    list_remove(&question->following);
    free(question);
}

void replica_session_free(struct replica_session *session)
{
    size_t position = 0;
    void *value;

    assert(session->parked == NULL);
    while (map_next(&session->questions, &position, NULL, NULL, &value))
        free_question(value);
    map_fini(&session->questions);
    shard_deadline_clear(session->shard, &session->deadline);
    shard_deadline_clear(session->shard, &session->release);
    turn_hook_cancel(&session->hook);
    list_remove(&session->node);
    session->shard->session_count--;
    free(session);
}

/* The longest unused are given up; one with a parked request is in use. */
static void make_room(struct shard *shard)
{
    int64_t now_ms = shard_now_ms(shard);

    LIST_EACH_SAFE(&shard->sessions, node, after) {
        struct replica_session *session = LIST_OWNER(node, struct replica_session, node);
        bool full = shard->session_count >= SESSIONS_MAX;
        if (session->parked == NULL && (full || now_ms - session->used_ms >= IDLE_MS))
            replica_session_free(session);
    }
}

static struct replica_session *new_session(struct shard *shard, int32_t broker,
                                           const struct uuid *incarnation)
{
    struct replica_session *session = calloc(1, sizeof *session);

    if (session == NULL)
        return NULL;
    session->shard = shard;
    session->broker = broker;
    session->incarnation = *incarnation;
    session->epoch = 1;
    session->id = rand_u64(&shard->rand) | 1;   /* not one of our former process, nor 0 */
    session->wake_ms = INT64_MAX;
    map_init(&session->questions);
    list_init(&session->unknown);
    list_init(&session->ready);
    list_init(&session->late);
    list_init(&session->held);
    shard_deadline_init(&session->deadline, deadline_came);
    shard_deadline_init(&session->release, release_came);
    turn_hook_init(&session->hook, turn_ended);
    list_init(&session->node);
    list_append(&shard->sessions, &session->node);
    shard->session_count++;
    return session;
}

static struct replica_session *find_session(struct shard *shard, uint64_t id)
{
    LIST_EACH(&shard->sessions, node) {
        struct replica_session *session = LIST_OWNER(node, struct replica_session, node);
        if (session->id == id)
            return session;
    }
    return NULL;
}

int replica_session_find(struct shard *shard, uint64_t id, uint32_t epoch, int32_t broker,
                         const struct uuid *incarnation, struct replica_session **out)
{
    struct replica_session *session;

    if (id == 0) {
        make_room(shard);
        session = shard->session_count < SESSIONS_MAX ? new_session(shard, broker, incarnation)
                                                      : NULL;
        if (session == NULL)
            return K_NOMEM;
    } else {
        session = find_session(shard, id);
        if (session == NULL || session->broker != broker ||
            !uuid_equal(&session->incarnation, incarnation))
            return K_FETCH_SESSION_ID_NOT_FOUND;
        if (session->epoch != epoch)
            return K_INVALID_FETCH_SESSION_EPOCH;
        session->epoch++;
        answer(session);                /* what waits has waited long enough */
    }
    session->used_ms = shard_now_ms(shard);
    list_remove(&session->node);
    list_append(&shard->sessions, &session->node);
    *out = session;
    return 0;
}

uint64_t replica_session_id(const struct replica_session *session)
{
    return session->id;
}

static struct session_question *find_question(struct replica_session *session,
                                              const struct partition_key *key)
{
    struct session_question *question = map_get(&session->questions, key, sizeof *key);

    if (question != NULL)
        return question;
    question = calloc(1, sizeof *question);
    if (question == NULL)
        return NULL;
    question->session = session;
    question->told_watermark = question->told_start = -1;
    list_init(&question->queued);
    list_init(&question->following);
    if (map_put(&session->questions, key, sizeof *key, question, NULL) != 0) {
        free(question);
        return NULL;
    }
    return question;
}

int replica_session_ask(struct replica_session *session, const struct replica_ask *ask)
{
    struct session_question *question = find_question(session, &ask->key);

    if (question == NULL)
        return K_NOMEM;
    unqueue(question);
    question->ask = *ask;
    question->open = true;
    struct partition *partition = partition_find(session->shard, &ask->key);
    list_remove(&question->following);
    list_append(partition != NULL ? &partition->followers : &session->unknown,
                &question->following);
    look(question);
    return 0;
}

void replica_session_forget(struct replica_session *session, const struct partition_key *key)
{
    struct session_question *question = map_remove(&session->questions, key, sizeof *key);

    if (question != NULL)
        free_question(question);
}

void replica_session_start(struct replica_session *session, struct replica_fetch *fetch)
{
    assert(session->parked == NULL);
    session->parked = fetch;
    if (!list_empty(&session->ready) || session->shard->closed)
        answer_soon(session);
    answer_by(session, fetch->deadline_ms);
    if (!list_empty(&session->late))
        answer_by(session, shard_now_ms(session->shard) + LATE_MS);
}

/* --- answers ---------------------------------------------------------------------------------- */

size_t replica_session_count(const struct replica_session *session)
{
    return session->queued;
}

static int read_records(struct partition *partition, struct replica_session *session, size_t room,
                        const struct replica_ask *ask, struct drive_fetch_answer *answer,
                        struct log_span *span)
{
    size_t most = shard_options(session->shard)->replication.fetch_max_bytes;

    if (most > room)
        most = room;
    most = throttle_leader_portion(partition, session->broker, most);
    int code = log_read(partition->log, ask->offset, answer->end, most, span);
    if (code == K_CORRUPT || code == K_IO)
        code = K_KAFKA_STORAGE_ERROR;
    return code;
}

static struct session_question *next_queued(struct replica_session *session)
{
    struct list *from = list_empty(&session->ready) ? &session->late : &session->ready;

    return list_empty(from) ? NULL : LIST_OWNER(list_first(from), struct session_question, queued);
}

/* True when *out is an answer; false: the question is left for later, or wants no answer. */
static bool answer_question(struct session_question *question, size_t room, bool first,
                            struct replica_answer *out, bool *full)
{
    struct replica_session *session = question->session;
    struct partition *partition;

    unqueue(question);
    *out = (struct replica_answer){ .key = question->ask.key, .round = question->ask.round,
                                    .span = { .fd = -1 } };
    bool asked = put(question, &partition, &out->fetch);
    unqueue(question);                  /* the step may have moved the watermark */
    if (!asked)
        return false;
    if (judge(question, &out->fetch) == NEWS_NONE)
        return false;
    if (out->fetch.code == 0 && !out->fetch.diverged && out->fetch.end > question->ask.offset) {
        if (partition->state != PARTITION_OPEN) {
            partition_wake(partition);      /* its news come once it is open */
            return false;
        }
        if (throttle_leader_holds(partition, session->broker)) {
            hold(question, throttle_leader_wait_ms(partition));
            return false;
        }
        out->fetch.code =
            read_records(partition, session, room, &question->ask, &out->fetch, &out->span);
        if (out->span.size > room && !first) {
            log_span_release(out->span.segment);
            list_prepend(&session->ready, &question->queued);
            session->queued++;
            *full = true;
            return false;
        }
        if (out->fetch.code == 0 && out->span.size == 0 &&
            out->fetch.high_watermark == question->told_watermark)
            return false;               /* compaction has left nothing there: wait for more */
        if (out->span.size > 0) {
            throttle_leader_sent(partition, out->span.size);
            partition_used(partition);
        }
    }
    question->open = false;
    question->told_watermark = out->fetch.high_watermark;
    question->told_start = out->fetch.start;
    return true;
}

bool replica_session_next(struct replica_session *session, size_t room, bool first,
                          struct replica_answer *out)
{
    struct session_question *question;
    bool full = false;

    while (!full && (question = next_queued(session)) != NULL) {
        if (answer_question(question, room, first, out, &full))
            return true;
    }
    return false;
}

/* --- news ------------------------------------------------------------------------------------- */

void replica_sessions_appended(struct partition *partition)
{
    LIST_EACH(&partition->followers, node) {
        struct session_question *question = LIST_OWNER(node, struct session_question, following);
        if (question->ask.offset < partition->replica.end)
            queue(question, false);
    }
}

/* Who gets records anyway learns it with them. */
void replica_sessions_watermark(struct partition *partition)
{
    LIST_EACH(&partition->followers, node) {
        struct session_question *question = LIST_OWNER(node, struct session_question, following);
        if (list_empty(&question->queued) &&
            (question->told_watermark != partition->replica.high_watermark ||
             question->told_start != partition->replica.start))
            queue(question, true);
    }
}

void replica_sessions_picture_changed(struct shard *shard)
{
    LIST_EACH(&shard->sessions, at) {
        struct replica_session *session = LIST_OWNER(at, struct replica_session, node);
        LIST_EACH_SAFE(&session->unknown, node, after) {
            struct session_question *question =
                LIST_OWNER(node, struct session_question, following);
            struct partition *partition = partition_find(shard, &question->ask.key);
            if (partition == NULL)
                continue;
            list_remove(node);
            list_append(&partition->followers, node);
            queue(question, false);
        }
    }
}

/* Asked at the end of the turn: the partition may be in the middle of a step. */
void replica_sessions_changed(struct partition *partition)
{
    LIST_EACH(&partition->followers, node) {
        struct session_question *question = LIST_OWNER(node, struct session_question, following);
        if (question->held)
            unqueue(question);
        queue(question, false);
    }
}

void replica_sessions_gone(struct partition *partition)
{
    while (!list_empty(&partition->followers)) {
        struct list *node = list_first(&partition->followers);
        list_remove(node);
        list_append(&LIST_OWNER(node, struct session_question, following)->session->unknown, node);
    }
}

enum follower_question replica_sessions_question(const struct partition *partition, int32_t broker)
{
    enum follower_question found = QUESTION_ANSWERED;

    for (const struct list *node = partition->followers.next; node != &partition->followers;
         node = node->next) {
        const struct session_question *question =
            LIST_OWNER(node, struct session_question, following);
        if (question->session->broker != broker || !question->open)
            continue;                   /* of a session of the past, perhaps */
        found = question->held ? QUESTION_HELD : QUESTION_OPEN;
    }
    return found;
}

void replica_sessions_init(struct shard *shard)
{
    list_init(&shard->sessions);
}

void replica_sessions_fini(struct shard *shard)
{
    while (!list_empty(&shard->sessions)) {
        struct replica_session *session =
            LIST_OWNER(list_first(&shard->sessions), struct replica_session, node);
        session->parked = NULL;
        replica_session_free(session);
    }
}
