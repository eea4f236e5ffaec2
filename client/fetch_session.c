/* fetch_session.c - fetches that name only what changed, to brokers that remember the rest.
 *
 * A lane has one session, which begins with the first fetch, and lives as long as its connection.
 * What a partition is asked for is a question. It is open until it is answered with records, an
 * error or a divergence, and asked anew when the application has room for more: so what is paused,
 * or read by nobody, costs nothing. A request that names what became due ends the wait of the one
 * before; one is always there while a question is open.
 *
 * Invariants
 *   Q1  an assigned partition has one question at most, of one lane
 *   Q2  what the broker has in the session is in sessions.questions, or on its way to be forgotten
 *   Q3  an answer counts for the round that was asked last, once, and in the partition's generation
 *
 * Belongs to the loop. */
#include <stdlib.h>

#include "client/broker.h"
#include "client/fetcher_private.h"
#include "common/error.h"
#include "common/slab.h"
#include "proto/head.h"

enum { WITHOUT_MS = 60 * 1000 };

struct question_key {
    struct uuid topic_id;
    int32_t partition;
};

static struct question_key key_of(const struct uuid *topic_id, int32_t partition)
{
    return (struct question_key){ *topic_id, partition };
}

/* --- questions -------------------------------------------------------------------------------- */

void sessions_init(struct sessions *sessions)
{
    *sessions = (struct sessions){ .id = 0 };
    map_init(&sessions->questions);
    list_init(&sessions->kept);
    list_init(&sessions->leaving);
}

static void set_open(struct question *question, bool open)
{
    if (open != question->open)
        question->lane->sessions.open += open ? 1 : (size_t)-1;
    question->open = open;
}

static void free_question(struct question *question)
{
    set_open(question, false);
    list_remove(&question->node);
    free(question);
}

/* The partition does not want it any more. */
static void detach(struct question *question)
{
    struct assigned *assigned = question->entry.assigned;
    struct question_key key = key_of(&question->entry.topic_id, assigned->partition);

    map_remove(&question->lane->sessions.questions, &key, sizeof key);
    set_open(question, false);
    question->partition = assigned->partition;
    question->entry.assigned = NULL;
    assigned->question = NULL;
    assigned_unref(assigned);
}

void sessions_fini(struct sessions *sessions)
{
    while (!list_empty(&sessions->leaving))
        free_question(LIST_OWNER(list_first(&sessions->leaving), struct question, node));
    map_fini(&sessions->questions);
}

/* Numbers of requests come round: by its own name a session is known, too. */
static bool has_begun(const struct sessions *sessions)
{
    return sessions->epoch != 0 || sessions->id != 0;
}

/* There is no session any more; the next one begins anew. */
static void end_session(struct sessions *sessions)
{
    list_move(&sessions->leaving, &sessions->kept);
    while (!list_empty(&sessions->leaving)) {
        struct question *question =
            LIST_OWNER(list_first(&sessions->leaving), struct question, node);
        if (question->entry.assigned != NULL)
            detach(question);
        free_question(question);
    }
    sessions->id = 0;
    sessions->epoch = 0;
    sessions->turn++;
}

bool fetch_session_asks(const struct assigned *assigned)
{
    return assigned->question != NULL && assigned->question->open;
}

static void let_leave(struct question *question)
{
    list_remove(&question->node);
    list_append(&question->lane->sessions.leaving, &question->node);
    question->leaves = true;
}

void fetch_session_drop(struct assigned *assigned)
{
    struct question *question = assigned->question;

    if (question == NULL)
        return;
    detach(question);
    let_leave(question);
}

void fetch_session_pause(struct assigned *assigned)
{
    if (fetch_session_asks(assigned))
        let_leave(assigned->question);
}

void fetch_session_resume(struct assigned *assigned)
{
    struct question *question = assigned->question;

    if (question == NULL || !question->leaves)
        return;
    list_remove(&question->node);
    list_append(&question->lane->sessions.kept, &question->node);
    question->leaves = false;
}

void fetch_session_follow(struct fetcher *fetcher, struct assigned *assigned)
{
    const struct topic *held = assigned->held;
    const struct question *question = assigned->question;

    if (!fetch_session_asks(assigned) || held->code != 0 || assigned->partition >= held->count)
        return;
    const struct broker *leader =
        cluster_leader(fetcher_klient(fetcher)->cluster, held, assigned->partition);
    if (question->entry.epoch != held->partitions[assigned->partition].epoch ||
        !uuid_equal(&question->entry.topic_id, &held->id) ||
        (leader != NULL && leader != question->lane->link->broker))
        fetch_session_drop(assigned);
}

/* --- the end ---------------------------------------------------------------------------------- */

static void give_up(struct fetcher *fetcher, struct question *question, int code, bool sent)
{
    struct entry entry = question->entry;
    bool open = question->open;

    atomic_fetch_add(&entry.assigned->references, 1);
    detach(question);
    free_question(question);
    if (open && !sent)
        fetcher_retry_later(fetcher, entry.assigned);
    else if (open && code != 0)
        fetch_take_result(fetcher, NULL, &entry, code, NULL, NULL, NULL, false);
    assigned_unref(entry.assigned);
}

/* What was asked will not be answered, because of `code`; 0: it is asked anew at once. */
static void give_up_all(struct fetcher *fetcher, struct lane *lane, int code, bool sent)
{
    struct sessions *sessions = &lane->sessions;
    struct list questions;

    list_init(&questions);
    list_move(&questions, &sessions->leaving);
    list_move(&questions, &sessions->kept);
    while (!list_empty(&questions)) {
        struct question *question = LIST_OWNER(list_first(&questions), struct question, node);
        if (question->entry.assigned != NULL)
            give_up(fetcher, question, code, sent);
        else
            free_question(question);
    }
    end_session(sessions);
}

static void fail(struct fetcher *fetcher, struct lane *lane, int code)
{
    bool lost = code == K_FETCH_SESSION_ID_NOT_FOUND || code == K_INVALID_FETCH_SESSION_EPOCH;

    if (lost)                           /* another one begins; but not for ever without a pause */
        code = lane->sessions.losses++ == 0 ? 0 : K_NETWORK_EXCEPTION;
    give_up_all(fetcher, lane, code, true);
}

/* --- requests --------------------------------------------------------------------------------- */

bool fetch_session_serves(struct fetcher *fetcher, struct lane *lane)
{
    const struct versions *versions = &lane->link->broker->versions;
    struct sessions *sessions = &lane->sessions;
    uint32_t version;
    bool serves = versions->known &&
                  versions_choose(versions, KAIRN__REQUEST_HEAD__BODY_FETCH, &version) == 0 &&
                  version >= 1 && fetcher_now_ms(fetcher) >= sessions->without_until_ms;

    /* With its connection went the session. */
    if (has_begun(sessions) && sessions->in_flight == 0 &&
        (!serves || !link_ready(lane->link)))
        end_session(sessions);
    return serves;
}

/* The partition's question to this lane, which takes over the entry. NULL when out of memory. */
static struct question *ask(struct lane *lane, struct assigned *assigned)
{
    struct sessions *sessions = &lane->sessions;
    struct question *question = assigned->question;
    struct question_key key = key_of(&assigned->held->id, assigned->partition);

    if (question != NULL && (question->lane != lane || question->leaves ||
                             !uuid_equal(&question->entry.topic_id, &assigned->held->id))) {
        fetch_session_drop(assigned);
        question = NULL;
    }
    if (question == NULL) {
        question = calloc(1, sizeof *question);
        if (question == NULL ||
            map_put(&sessions->questions, &key, sizeof key, question, NULL) != 0) {
            free(question);
            return NULL;
        }
        list_append(&sessions->kept, &question->node);
        question->lane = lane;
        question->entry = fetch_entry(assigned);
        assigned->question = question;
    } else {
        question->entry = fetch_entry(assigned);
        assigned_unref(assigned);           /* it was referenced */
    }
    set_open(question, true);
    question->answered = false;
    question->round = ++sessions->rounds;
    return question;
}

static int ask_due(struct lane *lane, struct arena *arena, size_t count,
                   Kairn__FetchRequest *body)
{
    Kairn__FetchPartition *rows = arena_calloc(arena, count + 1, sizeof *rows);

    body->partitions = arena_calloc(arena, count + 1, sizeof *body->partitions);
    if (rows == NULL || body->partitions == NULL)
        return K_NOMEM;
    for (; body->n_partitions < count; body->n_partitions++) {
        struct assigned *assigned = LIST_OWNER(list_first(&lane->due), struct assigned, due);
        Kairn__FetchPartition *row = &rows[body->n_partitions];
        list_remove(&assigned->due);
        struct question *question = ask(lane, assigned);
        if (question == NULL)
            return K_NOMEM;
        fetch_describe_entry(&question->entry, row);
        row->round = question->round;
        body->partitions[body->n_partitions] = row;
    }
    return 0;
}

static int forget_left(struct sessions *sessions, struct arena *arena, Kairn__FetchRequest *body)
{
    size_t count = 0;

    LIST_EACH(&sessions->leaving, node)
        count++;
    Kairn__LogPartition *rows = arena_calloc(arena, count + 1, sizeof *rows);
    body->forgotten = arena_calloc(arena, count + 1, sizeof *body->forgotten);
    if (rows == NULL || body->forgotten == NULL)
        return K_NOMEM;
    LIST_EACH(&sessions->leaving, node) {
        struct question *question = LIST_OWNER(node, struct question, node);
        Kairn__LogPartition *row = &rows[body->n_forgotten];
        struct uuid *id = arena_copy(arena, &question->entry.topic_id, sizeof *id);
        if (id == NULL)
            return K_NOMEM;
        kairn__log_partition__init(row);
        row->topic_id = head_bytes_of_uuid(id);
        row->partition = (uint32_t)(question->entry.assigned != NULL
                                        ? question->entry.assigned->partition
                                        : question->partition);
        body->forgotten[body->n_forgotten++] = row;
    }
    return 0;
}

/* The broker is told. What is on its way for who was only paused is taken all the same. */
static void left(struct sessions *sessions)
{
    while (!list_empty(&sessions->leaving)) {
        struct question *question =
            LIST_OWNER(list_first(&sessions->leaving), struct question, node);
        if (question->entry.assigned == NULL) {
            free_question(question);
            continue;
        }
        list_remove(&question->node);
        list_append(&sessions->kept, &question->node);
        question->leaves = false;
        set_open(question, false);
    }
}

static int fill(struct fetch *fetch, size_t count, int64_t room)
{
    struct sessions *sessions = &fetch->lane->sessions;
    struct arena *arena = &fetch->request.arena;
    Kairn__FetchRequest *body = arena_alloc(arena, sizeof *body);

    if (body == NULL)
        return K_NOMEM;
    fetch_describe(fetch->fetcher, body, room);
    body->session = sessions->id;
    body->session_epoch = sessions->epoch + 1;
    int code = ask_due(fetch->lane, arena, count, body);
    if (code == 0)
        code = forget_left(sessions, arena, body);
    fetch->request.head.body_case = KAIRN__REQUEST_HEAD__BODY_FETCH;
    fetch->request.head.fetch = body;
    return code;
}

/* Is there something open that no request waits for? */
static bool is_unwatched(struct fetcher *fetcher, const struct sessions *sessions,
                         int64_t *next_ms)
{
    if (sessions->open == 0 || sessions->in_flight > 0)
        return false;
    if (sessions->rest_until_ms <= fetcher_now_ms(fetcher))
        return true;
    if (sessions->rest_until_ms < *next_ms)
        *next_ms = sessions->rest_until_ms;
    return false;
}

void fetch_session_lane(struct fetcher *fetcher, struct lane *lane, int64_t room,
                        int64_t *next_ms)
{
    struct sessions *sessions = &lane->sessions;
    bool beginning = has_begun(sessions) && sessions->id == 0;
    bool unwatched = is_unwatched(fetcher, sessions, next_ms);
    size_t count = 0;

    LIST_EACH(&lane->due, node)
        count++;
    if ((count == 0 && list_empty(&sessions->leaving) && !unwatched) || beginning ||
        lane->in_flight >= LANE_FETCHES_MAX)
        return;
    if (count > ENTRIES_MAX) {
        count = ENTRIES_MAX;
        fetcher_pump_soon(fetcher);
    }
    struct fetch *fetch = fetch_new(fetcher, lane, 0);
    if (fetch == NULL)
        return;
    fetch->in_session = true;
    int code = fill(fetch, count, room);
    if (code == 0)
        code = fetch_send(fetch);
    if (code != 0) {
        fetch_free(fetch);
        give_up_all(fetcher, lane, code, false);
        return;
    }
    left(sessions);
    sessions->epoch++;
    sessions->in_flight++;
}

/* --- answers ---------------------------------------------------------------------------------- */

/* Is the answer one of this session, and are its sizes those of the payload? */
static int check_answer(const struct sessions *sessions, const Kairn__FetchResponse *answer,
                        size_t size)
{
    uint64_t total = 0;

    for (size_t i = 0; i < answer->n_results; i++) {
        struct uuid id;
        if (head_uuid(answer->results[i]->topic_id, &id) != 0 ||
            answer->results[i]->partition > INT32_MAX)
            return K_MALFORMED;
        total += answer->results[i]->size;
    }
    bool other = sessions->id != 0 && answer->session != sessions->id;
    return total == size && !other ? 0 : K_MALFORMED;
}

static struct question *find(const struct sessions *sessions, const Kairn__FetchResult *result)
{
    struct uuid id;

    if (head_uuid(result->topic_id, &id) != 0)
        return NULL;
    struct question_key key = key_of(&id, (int32_t)result->partition);
    return map_get(&sessions->questions, &key, sizeof key);
}

static void take(struct fetcher *fetcher, struct lane *lane, const Kairn__FetchResult *result,
                 struct slab *slab, const uint8_t *bytes)
{
    struct question *question = find(&lane->sessions, result);

    if (question == NULL || question->round != result->round || question->answered ||
        question->entry.generation != question->entry.assigned->fetch_generation)
        return;
    struct entry entry = question->entry;       /* the question may go meanwhile */
    if (result->error != NULL || result->diverged != NULL || result->size > 0) {
        set_open(question, false);
        question->answered = true;
        fetch_session_resume(entry.assigned);   /* there is nothing left to be told of it */
    }
    atomic_fetch_add(&entry.assigned->references, 1);
    fetch_take_result(fetcher, lane->link, &entry, 0, result, slab, bytes, false);
    assigned_unref(entry.assigned);
}

void fetch_session_answered(struct fetch *fetch, int code, const Kairn__FetchResponse *answer,
                            struct slab *slab, const uint8_t *payload, size_t size)
{
    struct fetcher *fetcher = fetch->fetcher;
    struct lane *lane = fetch->lane;
    struct sessions *sessions = &lane->sessions;

    sessions->in_flight--;
    if (fetch->turn != sessions->turn)
        return;
    if (code == 0)
        code = check_answer(sessions, answer, size);
    if (code != 0) {
        fail(fetcher, lane, code);
        return;
    }
    bool given = answer->session != 0, began = sessions->id == 0;
    int64_t now_ms = fetcher_now_ms(fetcher);
    if (!began && answer->n_results == 0 && sessions->in_flight == 0 &&
        now_ms - fetch->sent_ms < fetcher_values(fetcher)->fetch_wait_ms_max / 2)
        sessions->rest_until_ms = now_ms + QUICK_EMPTY_MS;
    sessions->id = answer->session;
    sessions->losses = 0;
    for (size_t i = 0; i < answer->n_results; i++) {
        const uint8_t *bytes = payload;
        payload += answer->results[i]->size;
        take(fetcher, lane, answer->results[i], slab, bytes);
    }
    if (!given && fetch->turn == sessions->turn) {
        end_session(sessions);
        sessions->without_until_ms = now_ms + WITHOUT_MS;
    }
}
