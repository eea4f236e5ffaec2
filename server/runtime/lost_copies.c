/* What a turn brings goes out as one request, the next one after its answer: so what is said of a
 * partition arrives in its order, but for a request whose answer was not waited for. That is what
 * rounds are for. What had no answer is said again a little later. */
#include "server/runtime/lost_copies.h"

#include <stdlib.h>

#include "common/arena.h"
#include "common/error.h"
#include "common/log.h"
#include "proto/head.h"
#include "server/runtime/control.h"
#include "server/runtime/partition.h"
#include "server/runtime/shard_state.h"

enum {
    WAIT_MS = 5000,                     /* then the answer is not waited for any more */
    AGAIN_MS = 500,                     /* after one that was no good */
    BATCH_MAX = 2000                    /* reports of one request */
};

/* What was said. */
struct said {
    struct partition_key key;
    bool lost;
    int32_t end_epoch;                  /* without a leader, where the log ended so; -1: not said */
    struct log_end end;
};

/* A request on its way; one of a shard. */
struct telling {
    struct shard *shard;
    struct control_request request;
    Kairn__RequestHead head;
    Kairn__ResponseHead response;
    struct arena arena;
    size_t count;
    struct said said[];
};

static void say_soon(struct partition *partition)
{
    struct shard *shard = partition->shard;

    if (shard->closed)
        return;
    if (list_empty(&partition->losing))
        list_append(&shard->losses, &partition->losing);
    if (!shard->telling)
        loop_at_turn_end(shard->loop, &shard->tell_losses);
}

/* --- answers ---------------------------------------------------------------------------------- */

/* Will the same be answered the next time? UNSUPPORTED_VERSION: by an older controller. */
static bool is_final(int code)
{
    return code == 0 || code == K_UNKNOWN_TOPIC_ID || code == K_UNKNOWN_TOPIC_OR_PARTITION ||
           code == K_NOT_LEADER_OR_FOLLOWER || code == K_UNSUPPORTED_VERSION;
}

/* Is there anything that the controller does not know? */
static bool has_news(const struct partition *partition)
{
    struct log_end end;

    return partition->copy != COPY_FINE ||
           (partition->replica.state.leader < 0 &&
            partition->end_told != partition->replica.state.leader_epoch &&
            replica_tells_end(&partition->replica, &end));
}

/* What is true of it now. */
static struct said say(const struct partition *partition)
{
    struct said said = { .key = partition->key, .lost = partition->copy == COPY_LOST,
                         .end_epoch = -1 };

    if (!said.lost && replica_tells_end(&partition->replica, &said.end))
        said.end_epoch = partition->replica.state.leader_epoch;
    return said;
}

/* Returns whether it is to be said again. */
static bool settle(struct shard *shard, const struct said *said, int code)
{
    struct partition *partition = partition_find(shard, &said->key);

    if (partition == NULL || !has_news(partition))
        return false;
    struct said now = say(partition);
    if (now.lost != said->lost || now.end_epoch != said->end_epoch)
        return false; /* something else is true now, and waits to be said */
    if (!is_final(code)) {
        if (list_empty(&partition->losing))
            list_append(&shard->losses, &partition->losing);
        return true;
    }
    if (partition->copy == COPY_FOUND)
        partition->copy = COPY_FINE;
    partition->end_told = said->end_epoch;
    return false;
}

static void say_next(struct shard *shard)
{
    shard->telling = false;
    if (!list_empty(&shard->losses) && !shard->closed)
        loop_at_turn_end(shard->loop, &shard->tell_losses);
}

static void again(struct shard_deadline *deadline)
{
    say_next(LIST_OWNER(deadline, struct shard, tell_again));
}

static void say_later(struct shard *shard)
{
    if (shard->closed)
        say_next(shard);
    else
        shard_deadline_hold(shard, &shard->tell_again, shard_now_ms(shard) + AGAIN_MS);
}

static void answered(struct control_request *request)
{
    struct telling *telling = LIST_OWNER(request, struct telling, request);
    struct shard *shard = telling->shard;
    const Kairn__ReportReplicasResponse *answer = NULL;
    bool once_more = false;

    if (request->code == 0 &&
        telling->response.body_case == KAIRN__RESPONSE_HEAD__BODY_REPORT_REPLICAS &&
        telling->response.report_replicas->n_verdicts == telling->count)
        answer = telling->response.report_replicas;
    else if (!shard->losses_unheard)    /* they are repeated: said once */
        LOG_WARN("lost-copies-not-told",
                 "loop=%d partitions=%zu controller=%d code=%s action=\"%s\"", shard->index,
                 telling->count, request->controller, k_error_name(request->code),
                 is_final(request->code) ? "waiting for another controller" : "trying again");
    shard->losses_unheard = answer == NULL;
    int code = request->code != 0 ? request->code : K_REQUEST_TIMED_OUT;
    for (size_t i = 0; i < telling->count && !shard->closed; i++)
        once_more |= settle(shard, &telling->said[i],
                            answer != NULL ? head_error_code(answer->verdicts[i]->error) : code);
    arena_fini(&telling->arena);
    free(telling);
    if (once_more)
        say_later(shard);
    else
        say_next(shard);
}

/* --- the request ------------------------------------------------------------------------------ */

static Kairn__ReplicaReport *make_report(struct telling *telling, const struct said *said, int code)
{
    struct shards *shards = telling->shard->shards;
    Kairn__ReplicaReport *report = arena_alloc(&telling->arena, sizeof *report);

    if (report == NULL)
        return NULL;
    kairn__replica_report__init(report);
    report->topic_id = head_bytes_of_uuid(&said->key.topic_id);
    report->partition = (uint32_t)said->key.index;
    report->round = atomic_fetch_add(&shards->losses_told, 1) + 1;
    report->code = said->lost ? code : 0;
    if (said->end_epoch < 0)
        return report;
    report->end = arena_alloc(&telling->arena, sizeof *report->end);
    if (report->end == NULL)
        return NULL;
    kairn__replica_end__init(report->end);
    report->end->leader_epoch = said->end_epoch;
    report->end->last_epoch = said->end.last_epoch;
    report->end->end = (uint64_t)said->end.end;
    return report;
}

/* Takes as many as fit from the list. 0 or NOMEM: then they are still in it. */
static int fill(struct telling *telling, size_t count)
{
    struct shard *shard = telling->shard;
    const struct shards_options *options = shard_options(shard);
    Kairn__ReportReplicasRequest *body = arena_alloc(&telling->arena, sizeof *body);
    Kairn__ReplicaReport **reports = arena_calloc(&telling->arena, count, sizeof *reports);
    struct list *node = list_first(&shard->losses);

    if (body == NULL || reports == NULL)
        return K_NOMEM;
    for (size_t i = 0; i < count; i++, node = node->next) {
        const struct partition *partition = LIST_OWNER(node, struct partition, losing);
        telling->said[i] = say(partition);
        reports[i] = make_report(telling, &telling->said[i], partition->offline_code);
        if (reports[i] == NULL)
            return K_NOMEM;
    }
    for (size_t i = 0; i < count; i++)
        list_remove(list_first(&shard->losses));
    kairn__report_replicas_request__init(body);
    body->broker = options->broker_id;
    body->incarnation = head_bytes_of_uuid(&options->replication.incarnation);
    body->reports = reports;
    body->n_reports = count;
    telling->count = count;
    telling->head.body_case = KAIRN__REQUEST_HEAD__BODY_REPORT_REPLICAS;
    telling->head.report_replicas = body;
    return 0;
}

static size_t count_losses(const struct shard *shard)
{
    size_t count = 0;

    for (const struct list *node = shard->losses.next; node != &shard->losses && count < BATCH_MAX;
         node = node->next)
        count++;
    return count;
}

static void turn_ended(struct turn_hook *hook)
{
    struct shard *shard = LIST_OWNER(hook, struct shard, tell_losses);
    const struct replication *options = &shard_options(shard)->replication;
    size_t count = count_losses(shard);

    if (shard->telling || shard->closed || count == 0)
        return;
    struct telling *telling = calloc(1, sizeof *telling + count * sizeof telling->said[0]);
    shard->telling = true;
    if (telling == NULL) {
        say_later(shard);
        return;
    }
    telling->shard = shard;
    arena_init(&telling->arena, NULL, 0, SIZE_MAX);
    kairn__request_head__init(&telling->head);
    kairn__response_head__init(&telling->response);
    telling->head.timeout_ms = WAIT_MS;
    telling->request = (struct control_request){
        .answer_to = shard_mail_target(shard),
        .answered = answered,
        .head = &telling->head,
        .deadline_ms = shard_now_ms(shard) + WAIT_MS,
        .controller = -1,
        .arena = &telling->arena,
        .response = &telling->response,
    };
    if (fill(telling, count) != 0) {
        arena_fini(&telling->arena);
        free(telling);
        say_later(shard);
        return;
    }
    options->relay(options->relay_context, &telling->request);
}

/* --- for partitions --------------------------------------------------------------------------- */

void lost_copies_init(struct shard *shard)
{
    list_init(&shard->losses);
    turn_hook_init(&shard->tell_losses, turn_ended);
    shard_deadline_init(&shard->tell_again, again);
}

void lost_copies_add(struct partition *partition)
{
    if (partition->copy == COPY_LOST || partition->offline_code == K_CLOSED)
        return;
    partition->copy = COPY_LOST;
    say_soon(partition);
}

void lost_copies_found(struct partition *partition)
{
    if (partition->copy != COPY_LOST)
        return;
    partition->copy = COPY_FOUND;
    say_soon(partition);
}

void lost_copies_stepped(struct partition *partition)
{
    if (has_news(partition))
        say_soon(partition);
}

void lost_copies_forget(struct partition *partition)
{
    list_remove(&partition->losing);
    partition->copy = COPY_FINE;
}

void lost_copies_reign(struct partition *partition)
{
    partition->end_told = -1;
    if (has_news(partition))
        say_soon(partition);
}
