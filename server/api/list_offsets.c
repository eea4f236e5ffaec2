/* ListOffsets: earliest, latest, by timestamp; answered by the loops that own the partitions. */
#include "common/error.h"
#include "server/api/handlers.h"
#include "server/api/hint.h"
#include "server/api/key.h"
#include "server/api/request.h"
#include "server/runtime/offsets.h"

struct listing {
    struct scatter scatter;
    struct request *request;
    size_t count;
    struct offsets_entry *entries;          /* in the order of the request */
};

static void fill_result(struct request *request, const struct offsets_entry *entry,
                        Kairn__ListOffsetsResult *result)
{
    kairn__list_offsets_result__init(result);
    result->error = hint_error(request, &entry->question.outcome);
    result->offset = result->timestamp = result->leader_epoch = -1;
    if (result->error == NULL) {
        result->offset = entry->offset;
        result->timestamp = entry->found_timestamp;
        result->leader_epoch = entry->epoch;
    }
}

static void listed(struct scatter *scatter)
{
    struct listing *listing = LIST_OWNER(scatter, struct listing, scatter);
    struct request *request = listing->request;
    Kairn__ListOffsetsResponse *body = arena_alloc(&request->arena, sizeof *body);
    void **pointers;
    Kairn__ListOffsetsResult *results =
        request_messages(request, listing->count, sizeof *results, &pointers);

    if (body == NULL || results == NULL) {
        request_fail(request, K_NOMEM, NULL);
        return;
    }
    for (size_t i = 0; i < listing->count; i++)
        fill_result(request, &listing->entries[i], &results[i]);
    kairn__list_offsets_response__init(body);
    body->n_results = listing->count;
    body->results = (Kairn__ListOffsetsResult **)pointers;
    request->response.body_case = KAIRN__RESPONSE_HEAD__BODY_LIST_OFFSETS;
    request->response.list_offsets = body;
    request_finish(request);
}

static void fill_entry(struct request *request, const Kairn__ListOffsetsPartition *partition,
                       struct offsets_entry *entry)
{
    key_question(partition->topic_id, partition->partition, request->principal,
                 OPERATION_DESCRIBE, &entry->question);
    entry->question.leader_epoch = partition->leader_epoch;
    entry->timestamp = partition->timestamp;
    entry->committed = request->head->list_offsets->isolation == 1;
}

void api_list_offsets(struct request *request)
{
    const Kairn__ListOffsetsRequest *body = request->head->list_offsets;
    struct listing *listing = arena_calloc(&request->arena, 1, sizeof *listing);
    struct offsets_entry *entries =
        arena_calloc(&request->arena, body->n_partitions + 1, sizeof *entries);
    if (listing == NULL || entries == NULL ||
        scatter_init(&listing->scatter, request->shard, &request->arena) != 0) {
        request_fail(request, K_NOMEM, NULL);
        return;
    }
    listing->request = request;
    listing->count = body->n_partitions;
    listing->entries = entries;
    for (size_t i = 0; i < listing->count; i++) {
        fill_entry(request, body->partitions[i], &entries[i]);
        question_add(&entries[i].question, &listing->scatter);
    }
    listing->scatter.run = offsets_run;
    listing->scatter.done = listed;
    scatter_ask(&listing->scatter);
}
