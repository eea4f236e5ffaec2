/* OffsetCommit: how far a group is; answered when all in-sync replicas have it. */
#include <string.h>

#include "common/error.h"
#include "server/api/group.h"
#include "server/api/handlers.h"
#include "server/api/hint.h"
#include "server/api/request.h"
#include "server/runtime/metadata.h"

struct committing {
    int *codes;                         /* in the order of the request: not asked, because; or 0 */
    struct groups_event event;
};

static void answered(struct group_calls *calls)
{
    struct request *request = calls->request;
    const struct committing *committing = calls->context;
    size_t count = request->head->offset_commit->n_partitions;
    Kairn__OffsetCommitResponse *body = arena_alloc(&request->arena, sizeof *body);
    void **pointers;
    Kairn__OffsetCommitResult *results =
        request_messages(request, count, sizeof *results, &pointers);

    if (calls->calls[0].outcome.code != 0) {
        group_fail(request, &calls->calls[0]);
        return;
    }
    if (body == NULL || results == NULL) {
        request_fail(request, K_NOMEM, NULL);
        return;
    }
    kairn__offset_commit_response__init(body);
    for (size_t i = 0; i < count; i++) {
        kairn__offset_commit_result__init(&results[i]);
        if (committing->codes[i] != 0)
            results[i].error = hint_code(request, committing->codes[i], NULL);
    }
    body->n_results = count;
    body->results = (Kairn__OffsetCommitResult **)pointers;
    request->response.body_case = KAIRN__RESPONSE_HEAD__BODY_OFFSET_COMMIT;
    request->response.offset_commit = body;
    request_finish(request);
}

/* May this offset be committed, as far as it can be seen here? Then *id is its topic's. */
static int check(const struct request *request, const Kairn__OffsetCommitPartition *partition,
                 struct uuid *id)
{
    int code = authorise_topic(request->principal, OPERATION_READ, partition->topic);
    if (code != 0)
        return code;
    const struct metadata_topic *topic =
        metadata_topic_by_name(shard_picture(request->shard), partition->topic);
    if (topic == NULL || partition->partition >= (uint32_t)topic->partition_count)
        return K_UNKNOWN_TOPIC_OR_PARTITION;
    *id = topic->id;
    if (partition->offset < 0)
        return K_INVALID_REQUEST;
    return strlen(partition->metadata) > (size_t)request->api->offset_metadata_max
               ? K_OFFSET_METADATA_TOO_LARGE
               : 0;
}

/* False when out of memory. */
static bool fill(struct request *request, struct committing *committing)
{
    const Kairn__OffsetCommitRequest *body = request->head->offset_commit;
    struct groups_event *event = &committing->event;
    struct groups_offset *offsets =
        arena_calloc(&request->arena, body->n_partitions + 1, sizeof *offsets);

    committing->codes =
        arena_calloc(&request->arena, body->n_partitions + 1, sizeof *committing->codes);
    if (offsets == NULL || committing->codes == NULL)
        return false;
    event->type = GROUPS_COMMIT;
    event->asker.member = body->member;
    event->asker.instance = text_or_null(body->instance);
    event->asker.generation = body->generation;
    event->commit.offsets = offsets;
    for (size_t i = 0; i < body->n_partitions; i++) {
        const Kairn__OffsetCommitPartition *partition = body->partitions[i];
        struct uuid id = {0};
        committing->codes[i] = check(request, partition, &id);
        if (committing->codes[i] != 0)
            continue;
        offsets[event->commit.count++] = (struct groups_offset){
            .topic = partition->topic,
            .topic_id = id,
            .known = group_known(request),
            .partition = (int32_t)partition->partition,
            .offset = partition->offset,
            .leader_epoch = partition->leader_epoch >= 0 ? partition->leader_epoch : -1,
            .metadata = partition->metadata};
    }
    return true;
}

void api_offset_commit(struct request *request)
{
    const char *group = request->head->offset_commit->group;
    int code = group_check(request, group, OPERATION_READ);
    struct group_calls *calls = group_calls_new(request, 1, answered);
    struct committing *committing = arena_calloc(&request->arena, 1, sizeof *committing);

    if (code == 0 && (calls == NULL || committing == NULL || !fill(request, committing)))
        code = K_NOMEM;
    if (code != 0) {
        request_fail(request, code, NULL);
        return;
    }
    calls->context = committing;
    group_calls_add(calls, group)->event = &committing->event;
    group_calls_start(calls);
}
