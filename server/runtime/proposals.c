#include "server/runtime/proposals.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/arena.h"
#include "common/error.h"
#include "common/log.h"
#include "proto/head.h"
#include "server/runtime/control.h"
#include "server/runtime/drive_replica.h"
#include "server/runtime/partition.h"
#include "server/runtime/shard_state.h"

enum {
    WAIT_MS = 5000,                     /* then the answer is not waited for any more */
    BATCH_MAX = 2000                    /* proposals of one request */
};

/* One at a time of a partition; it is sent, or waits for the turn to end. */
struct proposal {
    struct list node;                   /* in shard.proposals, then in update.proposals */
    struct partition *partition;        /* NULL: gone */
    struct partition_key key;
    uint64_t round;
    int32_t leader_epoch, version;
    bool flush_on_ack;
    int32_t count;
    struct replica_member members[REPLICAS_MAX];
};

/* A request on its way. */
struct update {
    struct shard *shard;
    struct control_request request;
    Kairn__RequestHead head;
    Kairn__ResponseHead response;
    struct uuid incarnation;
    struct arena arena;
    struct list proposals;
};

/* --- verdicts --------------------------------------------------------------------------------- */

static void settle(struct proposal *proposal, int code)
{
    struct partition *partition = proposal->partition;
    uint64_t round = proposal->round;

    list_remove(&proposal->node);
    free(proposal);
    if (partition == NULL)
        return;
    partition->proposal = NULL;
    if (!partition->shard->closed)
        drive_isr_answered(partition, round, code);
}

/* Refused for good is only who may not join: that is judged against the very state that was meant.
 * Any other error says that another state is stored, which can be what was proposed, or follow it;
 * who took that for a refusal would commit without those who are in it. */
static int verdict_code(const Kairn__IsrVerdict *verdict)
{
    int code = head_error_code(verdict->error);

    return code == 0 || code == K_INELIGIBLE_REPLICA ? code : K_REQUEST_TIMED_OUT;
}

static void settle_all(struct list *proposals, const Kairn__UpdateIsrResponse *verdicts)
{
    for (size_t i = 0; !list_empty(proposals); i++) {
        struct proposal *proposal = LIST_OWNER(list_first(proposals), struct proposal, node);
        settle(proposal,
               verdicts == NULL ? K_REQUEST_TIMED_OUT : verdict_code(verdicts->verdicts[i]));
    }
}

static void free_update(struct update *update)
{
    arena_fini(&update->arena);
    free(update);
}

static void answered(struct control_request *request)
{
    struct update *update = LIST_OWNER(request, struct update, request);
    const Kairn__UpdateIsrResponse *verdicts = NULL;
    size_t count = 0;

    LIST_EACH(&update->proposals, node)
        count++;
    if (request->code == 0 && update->response.body_case == KAIRN__RESPONSE_HEAD__BODY_UPDATE_ISR &&
        update->response.update_isr->n_verdicts == count)
        verdicts = update->response.update_isr;
    else if (!update->shard->unheard)   /* they are repeated: said once */
        LOG_WARN("in-sync-not-proposed",
                 "loop=%d partitions=%zu controller=%d code=%s action=\"trying again\"",
                 update->shard->index, count, request->controller, k_error_name(request->code));
    update->shard->unheard = verdicts == NULL;
    settle_all(&update->proposals, verdicts);
    free_update(update);
}

/* --- the request ------------------------------------------------------------------------------ */

static int fill_members(struct arena *arena, const struct proposal *proposal,
                        Kairn__IsrProposal *message)
{
    size_t count = (size_t)proposal->count;
    Kairn__IsrMember *members = arena_calloc(arena, count + 1, sizeof *members);
    Kairn__IsrMember **pointers = arena_calloc(arena, count + 1, sizeof(Kairn__IsrMember *));

    if (members == NULL || pointers == NULL)
        return K_NOMEM;
    for (size_t i = 0; i < count; i++) {
        kairn__isr_member__init(&members[i]);
        members[i].broker = proposal->members[i].id;
        if (!uuid_is_zero(&proposal->members[i].incarnation))
            members[i].incarnation = head_bytes_of_uuid(&proposal->members[i].incarnation);
        pointers[i] = &members[i];
    }
    message->n_members = count;
    message->members = pointers;
    return 0;
}

static int fill_proposal(struct arena *arena, const struct proposal *proposal,
                         Kairn__IsrProposal **out)
{
    Kairn__IsrProposal *message = arena_alloc(arena, sizeof *message);

    if (message == NULL)
        return K_NOMEM;
    kairn__isr_proposal__init(message);
    message->topic_id = head_bytes_of_uuid(&proposal->key.topic_id);
    message->partition = (uint32_t)proposal->key.index;
    message->leader_epoch = proposal->leader_epoch;
    message->state_version = (uint32_t)proposal->version;
    message->round = proposal->round;
    message->flush_on_ack = proposal->flush_on_ack;
    *out = message;
    return fill_members(arena, proposal, message);
}

static int fill_request(struct update *update, size_t count)
{
    const struct shards_options *options = shard_options(update->shard);
    Kairn__UpdateIsrRequest *body = arena_alloc(&update->arena, sizeof *body);
    Kairn__IsrProposal **pointers =
        arena_calloc(&update->arena, count, sizeof(Kairn__IsrProposal *));
    int code = body == NULL || pointers == NULL ? K_NOMEM : 0;

    if (code != 0)
        return code;
    kairn__update_isr_request__init(body);
    update->incarnation = options->replication.incarnation;
    body->broker = options->broker_id;
    body->incarnation = head_bytes_of_uuid(&update->incarnation);
    body->proposals = pointers;
    body->controller_epoch = update->shard->picture->controller_epoch;
    LIST_EACH(&update->proposals, node) {
        if (code == 0)
            code = fill_proposal(&update->arena, LIST_OWNER(node, struct proposal, node),
                                 &pointers[body->n_proposals++]);
    }
    update->head.body_case = KAIRN__REQUEST_HEAD__BODY_UPDATE_ISR;
    update->head.update_isr = body;
    return code;
}

static void send(struct shard *shard, struct list *proposals, size_t count)
{
    const struct replication *options = &shard_options(shard)->replication;
    struct update *update = calloc(1, sizeof *update);

    if (update == NULL) {
        settle_all(proposals, NULL);
        return;
    }
    update->shard = shard;
    arena_init(&update->arena, NULL, 0, SIZE_MAX);
    kairn__request_head__init(&update->head);
    kairn__response_head__init(&update->response);
    list_init(&update->proposals);
    list_move(&update->proposals, proposals);
    update->head.timeout_ms = WAIT_MS;
    update->request = (struct control_request){
        .answer_to = shard_mail_target(shard),
        .answered = answered,
        .head = &update->head,
        .deadline_ms = shard_now_ms(shard) + WAIT_MS,
        .controller = -1,
        .arena = &update->arena,
        .response = &update->response,
    };
    if (fill_request(update, count) != 0) {
        settle_all(&update->proposals, NULL);
        free_update(update);
        return;
    }
    options->relay(options->relay_context, &update->request);
}

static void turn_ended(struct turn_hook *hook)
{
    struct shard *shard = LIST_OWNER(hook, struct shard, proposing);

    while (!list_empty(&shard->proposals)) {
        struct list batch;
        size_t count = 0;
        list_init(&batch);
        for (; count < BATCH_MAX && !list_empty(&shard->proposals); count++) {
            struct list *node = list_first(&shard->proposals);
            list_remove(node);
            list_append(&batch, node);
        }
        send(shard, &batch, count);
    }
}

/* --- for the rules ---------------------------------------------------------------------------- */

int proposals_add(struct partition *partition, const struct replica_effect *effect)
{
    struct shard *shard = partition->shard;
    struct proposal *proposal = calloc(1, sizeof *proposal);

    if (proposal == NULL)
        return K_NOMEM;
    proposals_forget(partition);        /* it has another round now */
    proposal->partition = partition;
    proposal->key = partition->key;
    proposal->round = effect->propose.round;
    proposal->leader_epoch = effect->propose.leader_epoch;
    proposal->version = effect->propose.version;
    proposal->flush_on_ack = effect->propose.flush_on_ack;
    proposal->count = effect->propose.count;
    memcpy(proposal->members, effect->propose.members, sizeof proposal->members);
    list_init(&proposal->node);
    partition->proposal = proposal;
    list_append(&shard->proposals, &proposal->node);
    loop_at_turn_end(shard->loop, &shard->proposing);
    return 0;
}

void proposals_forget(struct partition *partition)
{
    if (partition->proposal != NULL)
        partition->proposal->partition = NULL;
    partition->proposal = NULL;
}

void proposals_init(struct shard *shard)
{
    list_init(&shard->proposals);
    turn_hook_init(&shard->proposing, turn_ended);
}
