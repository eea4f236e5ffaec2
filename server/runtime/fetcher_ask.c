/* One fetcher's session with its leader: questions out, answers in. */
#include "server/runtime/fetcher_private.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/arena.h"
#include "common/error.h"
#include "common/feature.h"
#include "common/log.h"
#include "common/metric.h"
#include "net/loop.h"
#include "proto/api_table.h"
#include "proto/batch.h"
#include "proto/frame.h"
#include "proto/head.h"
#include "server/runtime/drive_replica.h"
#include "server/runtime/partition.h"
#include "server/runtime/peer.h"
#include "server/runtime/replica_story.h"
#include "server/runtime/replica_throttle.h"
#include "server/runtime/shard_state.h"

enum {
    QUESTIONS_MAX = 4000,               /* named in one request: its head stays small */
    ANSWER_SLACK_MS = 10000,            /* beyond the wait: then the leader does not answer */
    BACKOFF_MS = 50                     /* after a failure, doubled */
};

/* --- the session ------------------------------------------------------------------------------ */

/* One request is always there to wait for news; questions do not wait for it to come back. Until
 * the session has its id, they do. */
static bool may_ask(const struct fetcher *fetcher)
{
    if (fetcher->waiting || fetcher->shard->closed || list_empty(&fetcher->follows))
        return false;
    return fetcher->asking == 0 || (fetcher->asking < FETCHER_ASKED_MAX && fetcher->session != 0 &&
                                    !list_empty(&fetcher->changed));
}

static void fetcher_ask_soon(struct fetcher *fetcher)
{
    if (may_ask(fetcher))
        loop_at_turn_end(fetcher->shard->loop, &fetcher->hook);
}

/* It is asked about later, within QUOTA_LOOK_MS. False: out of memory. */
static bool hold(struct follow *follow)
{
    struct fetcher *fetcher = follow->fetcher;
    struct shard *shard = fetcher->shard;
    int64_t at_ms = shard_now_ms(shard) + throttle_follower_wait_ms(follow_partition(follow));

    if (list_empty(&fetcher->held) && shard_deadline_set(shard, &fetcher->release, at_ms) != 0)
        return false;
    list_append(&fetcher->held, &follow->changed);
    return true;
}

void follow_changed(struct follow *follow)
{
    struct fetcher *fetcher = follow->fetcher;

    if (fetcher == NULL || follow->waits || !list_empty(&follow->changed))
        return;
    if (throttle_follower_holds(follow_partition(follow)) && hold(follow))
        return;
    list_append(&fetcher->changed, &follow->changed);
    fetcher_ask_soon(fetcher);
}

void fetcher_release_came(struct shard_deadline *deadline)
{
    struct fetcher *fetcher = LIST_OWNER(deadline, struct fetcher, release);
    struct list held;

    list_init(&held);
    list_move(&held, &fetcher->held);
    while (!list_empty(&held)) {
        struct follow *follow = LIST_OWNER(list_first(&held), struct follow, changed);
        list_remove(&follow->changed);
        if (!fetcher->shard->closed)
            follow_changed(follow);
    }
}

/* The leader knows nothing of us, or not what we believe. */
static void restart_session(struct fetcher *fetcher)
{
    fetcher->session = 0;
    fetcher->epoch = 0;
    fetcher->turn++;
    fetcher->forgotten_count = 0;
    LIST_EACH(&fetcher->follows, node) {
        struct follow *follow = LIST_OWNER(node, struct follow, node);
        follow->known = false;
        if (!follow->waits && list_empty(&follow->changed))
            list_append(&fetcher->changed, &follow->changed);
    }
}

void fetcher_retry_came(struct shard_deadline *deadline)
{
    struct fetcher *fetcher = LIST_OWNER(deadline, struct fetcher, retry);

    fetcher->waiting = false;
    fetcher_ask_soon(fetcher);
}

static void ask_later(struct fetcher *fetcher)
{
    int64_t delay_ms = (int64_t)BACKOFF_MS << (fetcher->failures < 5 ? fetcher->failures : 5);
    int64_t most_ms = shard_options(fetcher->shard)->replication.backoff_ms;

    if (delay_ms > most_ms)
        delay_ms = most_ms;
    fetcher->failures++;
    if (fetcher->shard->closed)
        return;
    fetcher->waiting = shard_deadline_set(fetcher->shard, &fetcher->retry,
                                          shard_now_ms(fetcher->shard) + delay_ms) == 0;
}

void fetcher_forget(struct fetcher *fetcher, const struct partition_key *key)
{
    if (fetcher->session == 0)
        return;
    if (fetcher->forgotten_count == fetcher->forgotten_capacity) {
        size_t capacity = fetcher->forgotten_capacity == 0 ? 16 : 2 * fetcher->forgotten_capacity;
        struct partition_key *grown =
            realloc(fetcher->forgotten, capacity * sizeof *fetcher->forgotten);
        if (grown == NULL) {
            restart_session(fetcher);
            return;
        }
        fetcher->forgotten = grown;
        fetcher->forgotten_capacity = capacity;
    }
    fetcher->forgotten[fetcher->forgotten_count++] = *key;
}

/* --- answers ---------------------------------------------------------------------------------- */

/* Where the batches end, whole and in order; whether they are sound is found out by whoever writes
 * them. */
static int find_end(const uint8_t *bytes, size_t size, int64_t *end)
{
    int64_t reached = -1;

    for (size_t at = 0, batch; at < size; at += batch) {
        int code = batch_check_shape(bytes + at, size - at, false, &batch);
        if (code != 0)
            return code == K_MALFORMED ? K_CORRUPT_MESSAGE : code;
        if (batch_base_offset(bytes + at) < reached)
            return K_CORRUPT_MESSAGE;
        reached = batch_last_offset(bytes + at) + 1;
    }
    *end = reached;
    return 0;
}

static void take_answer(struct fetcher *fetcher, const Kairn__ReplicaAnswer *message,
                        uint8_t *bytes)
{
    struct partition_key key;
    if (head_uuid(message->topic_id, &key.topic_id) != 0)
        return;
    key.index = (int32_t)message->partition;
    struct partition *partition = partition_find(fetcher->shard, &key);
    struct follow *follow = partition != NULL ? &partition->follow : NULL;
    if (follow == NULL || follow->fetcher != fetcher || follow->round != message->round ||
        !list_empty(&follow->changed))
        return;                         /* the answer to a question that is out of date */

    struct drive_fetched fetched = {
        .round = message->round,
        .code = head_error_code(message->error),
        .leader_start = message->log_start,
        .high_watermark = message->high_watermark,
        .diverged = message->diverged != NULL,
        .diverged_epoch = message->diverged != NULL ? message->diverged->epoch : -1,
        .diverged_end = message->diverged != NULL ? message->diverged->end : -1,
        .bytes = bytes,
        .size = message->diverged != NULL ? 0 : message->size,
        .first = follow->offset,
        .end = follow->offset,
    };
    if (fetched.code != 0)
        metric_add(shard_options(fetcher->shard)->metrics, METRIC_REPLICA_ERRORS, 1);
    throttle_follower_took(partition, fetched.size);
    if (fetched.code == 0 && fetched.size > 0) {
        fetched.code = find_end(bytes, fetched.size, &fetched.end);
        if (fetched.code == 0 && fetched.end <= follow->offset)
            fetched.code = K_CORRUPT_MESSAGE;
        if (fetched.code != 0) {
            story_not_appended(partition, fetched.code);
            fetched.end = follow->offset;
            fetched.size = 0;
        }
    }
    /* A leader that is asked in version 0 does not tell, and its log ends at 0. */
    if (fetched.code == 0 && !fetched.diverged)
        follow_lags(fetcher->shard, follow,
                    message->log_end > fetched.end ? message->log_end - fetched.end : 0);
    if (!drive_fetched(partition, &fetched)) {
        follow->waits = true;
        if (partition->state == PARTITION_OPEN)
            fetcher_log_opened(partition);
    }
}

static int take_answers(struct fetcher *fetcher, const Kairn__ReplicaFetchResponse *body,
                        const struct frame *frame)
{
    size_t at = 0;

    for (size_t i = 0; i < body->n_answers; i++) {
        if (body->answers[i]->size > frame->payload_size - at)
            return K_MALFORMED;
        at += body->answers[i]->size;
    }
    if (at != frame->payload_size)
        return K_MALFORMED;
    fetcher->session = body->session;
    at = 0;
    for (size_t i = 0; i < body->n_answers; i++) {
        take_answer(fetcher, body->answers[i], frame->payload + at);
        at += body->answers[i]->size;
    }
    return 0;
}

static void answered(struct channel_call *call, int code, struct slab *slab, uint8_t *bytes,
                     size_t size)
{
    struct fetcher_asked *asked = LIST_OWNER(call, struct fetcher_asked, call);
    struct fetcher *fetcher = asked->fetcher;
    Kairn__ResponseHead *response = NULL;
    struct frame frame;
    struct arena arena;

    (void)slab;
    asked->busy = false;
    fetcher->asking--;
    if (fetcher->shard->closed)
        return;
    if (asked->turn != fetcher->turn) {         /* of a session that was given up meanwhile */
        fetcher_ask_soon(fetcher);
        return;
    }
    arena_init(&arena, NULL, 0, SIZE_MAX);
    if (code == 0)
        code = peer_answer(bytes, size, &arena, &response);
    if (code == 0 && response->body_case != KAIRN__RESPONSE_HEAD__BODY_REPLICA_FETCH)
        code = K_MALFORMED;
    if (code == 0)
        code = frame_split(bytes, size, &frame);
    if (code == 0)
        code = take_answers(fetcher, response->replica_fetch, &frame);
    arena_fini(&arena);
    if (code == 0) {
        fetcher->failures = 0;
        fetcher_ask_soon(fetcher);
        return;
    }
    bool lost = code == K_FETCH_SESSION_ID_NOT_FOUND || code == K_INVALID_FETCH_SESSION_EPOCH;
    bool again = lost && fetcher->failures == 0;
    if (!again) {
        metric_add(shard_options(fetcher->shard)->metrics, METRIC_REPLICA_ERRORS, 1);
        LOG_WARN("replica-fetch-failed", "leader=%" PRId32 " loop=%" PRId32 " code=%s",
                 fetcher->leader, fetcher->loop, k_error_name(code));
    }
    restart_session(fetcher);
    if (code == K_REQUEST_TIMED_OUT || code == K_MALFORMED) {
        struct peer *peer = fetcher->peer;      /* who knows what would come by it */
        fetcher->peer = NULL;
        peer_free(peer);
    }
    ask_later(fetcher);
}

/* --- questions -------------------------------------------------------------------------------- */

static int fill_question(struct arena *arena, struct follow *follow,
                         Kairn__ReplicaQuestion **out)
{
    Kairn__ReplicaQuestion *question = arena_alloc(arena, sizeof *question);
    if (question == NULL)
        return K_NOMEM;
    kairn__replica_question__init(question);
    question->topic_id = head_bytes_of_uuid(&follow_partition(follow)->key.topic_id);
    question->partition = (uint32_t)follow_partition(follow)->key.index;
    question->round = follow->round;
    question->leader_epoch = follow->leader_epoch;
    question->offset = follow->offset;
    question->flushed = follow->flushed;
    question->known_version = (uint32_t)(follow->version + 1);
    question->last_epoch = follow->last_epoch;
    *out = question;
    return 0;
}

static int fill_questions(struct fetcher *fetcher, struct arena *arena,
                          Kairn__ReplicaFetchRequest *body)
{
    size_t count = 0;

    LIST_EACH(&fetcher->changed, node)
        count++;
    if (count > QUESTIONS_MAX)
        count = QUESTIONS_MAX;
    body->questions = arena_calloc(arena, count + 1, sizeof(Kairn__ReplicaQuestion *));
    if (body->questions == NULL)
        return K_NOMEM;
    LIST_EACH(&fetcher->changed, node) {
        if (body->n_questions == count)
            break;
        int code = fill_question(arena, LIST_OWNER(node, struct follow, changed),
                                 &body->questions[body->n_questions]);
        if (code != 0)
            return code;
        body->n_questions++;
    }
    return 0;
}

static int fill_forgotten(struct fetcher *fetcher, struct arena *arena,
                          Kairn__ReplicaFetchRequest *body)
{
    size_t count = fetcher->forgotten_count;

    body->forgotten = arena_calloc(arena, count + 1, sizeof(Kairn__LogPartition *));
    if (body->forgotten == NULL)
        return K_NOMEM;
    for (size_t i = 0; i < count; i++) {
        Kairn__LogPartition *partition = arena_alloc(arena, sizeof *partition);
        if (partition == NULL)
            return K_NOMEM;
        kairn__log_partition__init(partition);
        partition->topic_id = head_bytes_of_uuid(&fetcher->forgotten[i].topic_id);
        partition->partition = (uint32_t)fetcher->forgotten[i].index;
        body->forgotten[i] = partition;
    }
    body->n_forgotten = count;
    return 0;
}

/* It is on its way: what changes from now on is for the next one. */
static void sent(struct fetcher *fetcher, size_t questions)
{
    for (size_t i = 0; i < questions; i++) {
        struct follow *follow = LIST_OWNER(list_first(&fetcher->changed), struct follow, changed);
        list_remove(&follow->changed);
        follow->known = true;
    }
    fetcher->forgotten_count = 0;
    fetcher->epoch++;
}

static int need_peer(struct fetcher *fetcher)
{
    const struct replication *options = &shard_options(fetcher->shard)->replication;

    if (fetcher->peer != NULL)
        return 0;
    return peer_new(fetcher->shard->loop, options->resolver, fetcher->host, fetcher->port,
                    options->cluster_id, (uint16_t)fetcher->loop, &fetcher->peer);
}

static int ask(struct fetcher *fetcher, struct arena *arena)
{
    const struct replication *options = &shard_options(fetcher->shard)->replication;
    struct feature_levels levels = feature_cell_levels(options->levels);
    struct uuid incarnation = options->incarnation;
    Kairn__ReplicaFetchRequest body;
    Kairn__RequestHead head;

    kairn__request_head__init(&head);
    kairn__replica_fetch_request__init(&body);
    head.body_case = KAIRN__REQUEST_HEAD__BODY_REPLICA_FETCH;
    head.replica_fetch = &body;
#ifdef MUTANT_LEVEL_NOT_AWAITED
    levels = (struct feature_levels){ { FEATURE_LEVEL_MAX } };
#endif
    head.version = api_highest(api_find(head.body_case), &levels);
    head.timeout_ms = (uint32_t)(options->wait_max_ms + ANSWER_SLACK_MS);
    body.broker = shard_options(fetcher->shard)->broker_id;
    body.incarnation = head_bytes_of_uuid(&incarnation);
    body.session = fetcher->session;
    body.session_epoch = fetcher->epoch;
    body.max_wait_ms = (uint32_t)options->wait_max_ms;
    body.max_bytes = options->response_max_bytes;
    int code = fill_questions(fetcher, arena, &body);
    if (code == 0)
        code = fill_forgotten(fetcher, arena, &body);
    /* More are to be named than go into one request: it is not to wait for news. */
    if (code == 0 && body.n_questions == QUESTIONS_MAX)
        body.max_wait_ms = 0;
    if (code == 0)
        code = need_peer(fetcher);
    if (code != 0)
        return code;
    struct fetcher_asked *asked = &fetcher->asked[fetcher->asked[0].busy];
    *asked = (struct fetcher_asked){ .call.answer = answered, .fetcher = fetcher,
                                     .turn = fetcher->turn };
    code = peer_ask(fetcher->peer, &asked->call, &head, head.timeout_ms);
    if (code != 0)
        return code;
    asked->busy = true;
    fetcher->asking++;
    sent(fetcher, body.n_questions);
    return 0;
}

void fetcher_turn_ended(struct turn_hook *hook)
{
    struct fetcher *fetcher = LIST_OWNER(hook, struct fetcher, hook);
    struct arena arena;

    if (!may_ask(fetcher))
        return;
    arena_init(&arena, NULL, 0, SIZE_MAX);
    if (ask(fetcher, &arena) != 0)
        ask_later(fetcher);
    arena_fini(&arena);
}
