/* DeleteRecords: raise where partitions start; carried out by the loops that own them, answered
 * when the new starts are on the disk. */
#include "common/error.h"
#include "server/api/handlers.h"
#include "server/api/hint.h"
#include "server/api/key.h"
#include "server/api/request.h"
#include "server/runtime/trim.h"

struct trimming {
    struct scatter scatter;
    struct request *request;
    size_t count;
    struct trim_entry *entries;             /* in the order of the request */
};

static Kairn__Error *explain(struct request *request, const struct outcome *outcome)
{
    if (outcome->code == K_POLICY_VIOLATION)
        return hint_code(request, outcome->code,
                         "the topic is only compacted: its cleanup.policy has no delete");
    return hint_error(request, outcome);
}

static void trimmed(struct scatter *scatter)
{
    struct trimming *trimming = LIST_OWNER(scatter, struct trimming, scatter);
    struct request *request = trimming->request;
    Kairn__DeleteRecordsResponse *body = arena_alloc(&request->arena, sizeof *body);
    void **pointers;
    Kairn__DeleteRecordsResult *results =
        request_messages(request, trimming->count, sizeof *results, &pointers);

    if (body == NULL || results == NULL) {
        request_fail(request, K_NOMEM, NULL);
        return;
    }
    for (size_t i = 0; i < trimming->count; i++) {
        const struct trim_entry *entry = &trimming->entries[i];
        kairn__delete_records_result__init(&results[i]);
        results[i].error = explain(request, &entry->question.outcome);
        results[i].log_start = results[i].error == NULL ? entry->start : -1;
    }
    kairn__delete_records_response__init(body);
    body->n_results = trimming->count;
    body->results = (Kairn__DeleteRecordsResult **)pointers;
    request->response.body_case = KAIRN__RESPONSE_HEAD__BODY_DELETE_RECORDS;
    request->response.delete_records = body;
    request_finish(request);
}

void api_delete_records(struct request *request)
{
    const Kairn__DeleteRecordsRequest *body = request->head->delete_records;
    struct trimming *trimming = arena_calloc(&request->arena, 1, sizeof *trimming);
    struct trim_entry *entries =
        arena_calloc(&request->arena, body->n_partitions + 1, sizeof *entries);
    if (trimming == NULL || entries == NULL ||
        scatter_init(&trimming->scatter, request->shard, &request->arena) != 0) {
        request_fail(request, K_NOMEM, NULL);
        return;
    }
    trimming->request = request;
    trimming->count = body->n_partitions;
    trimming->entries = entries;
    for (size_t i = 0; i < trimming->count; i++) {
        const Kairn__DeleteRecordsPartition *partition = body->partitions[i];
        entries[i].offset = partition->offset;
        key_question(partition->topic_id, partition->partition, request->principal,
                     OPERATION_DELETE, &entries[i].question);
        question_add(&entries[i].question, &trimming->scatter);
    }
    trimming->scatter.run = trim_run;
    trimming->scatter.done = trimmed;
    scatter_ask(&trimming->scatter);
}
