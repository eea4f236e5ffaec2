/* Produce: check every batch here, append on the loops that own the partitions. */
#include "common/error.h"
#include "proto/batch.h"
#include "server/api/handlers.h"
#include "server/api/hint.h"
#include "server/api/key.h"
#include "server/api/request.h"
#include "server/runtime/append.h"
#include "server/runtime/numbers.h"

enum { ACKS_ALL = -1, ACKS_NONE = 0, ACKS_LEADER = 1 };

struct produce {
    struct scatter scatter;
    struct request *request;
    size_t count;
    struct append_entry *entries;           /* in the order of the request */
};

/* --- the answer ------------------------------------------------------------------------------- */

/* Nobody waits for an answer to acks=0; an error is told by hanging up, so that the producer
 * looks for the leader again. */
static void finish_unanswered(struct produce *produce)
{
    struct request *request = produce->request;

    request->silent = true;
    for (size_t i = 0; i < produce->count; i++)
        request->hang_up |= produce->entries[i].outcome.code != 0;
    request_finish(request);
}

static void fill_result(struct request *request, const struct append_entry *entry,
                        Kairn__ProduceResult *result)
{
    kairn__produce_result__init(result);
    result->error = hint_error(request, &entry->outcome);
    result->base_offset = result->append_time_ms = result->log_start = -1;
    if (result->error == NULL) {
        result->base_offset = entry->base_offset;
        result->append_time_ms = entry->append_time_ms;
        result->log_start = entry->log_start;
    }
}

static void appended(struct scatter *scatter)
{
    struct produce *produce = LIST_OWNER(scatter, struct produce, scatter);
    struct request *request = produce->request;

    request_observe(request, METRIC_PRODUCE_US);
    if (request->head->produce->acks == ACKS_NONE) {
        finish_unanswered(produce);
        return;
    }
    Kairn__ProduceResponse *body = arena_alloc(&request->arena, sizeof *body);
    void **pointers;
    Kairn__ProduceResult *results =
        request_messages(request, produce->count, sizeof *results, &pointers);
    if (body == NULL || results == NULL) {
        request_fail(request, K_NOMEM, NULL);
        return;
    }
    for (size_t i = 0; i < produce->count; i++)
        fill_result(request, &produce->entries[i], &results[i]);
    kairn__produce_response__init(body);
    body->n_results = produce->count;
    body->results = (Kairn__ProduceResult **)pointers;
    request->response.body_case = KAIRN__RESPONSE_HEAD__BODY_PRODUCE;
    request->response.produce = body;
    request_finish(request);
}

/* --- the question ----------------------------------------------------------------------------- */

/* What only a broker writes into a batch would be believed by whoever reads it. */
static int check_attributes(const uint8_t *batch)
{
    if ((batch_attributes(batch) & BATCH_APPEND_TIME) != 0)
        return K_INVALID_TIMESTAMP;
    /* Nobody could end it, and it would hold back whoever reads committed records. */
    if ((batch_attributes(batch) & BATCH_TRANSACTIONAL) != 0)
        return K_NOT_SUPPORTED_YET;
    return (batch_attributes(batch) & BATCH_DELETE_HORIZON) != 0 ? K_INVALID_RECORD : 0;
}

/* The batches must be exactly as large as the head says, and sound. */
static int check_batches(const Kairn__ProducePartition *partition, struct append_entry *entry)
{
    const uint8_t *at = entry->bytes;

    if (partition->n_batch_sizes == 0)
        return K_INVALID_REQUEST;
    for (size_t i = 0; i < partition->n_batch_sizes; i++) {
        size_t size, declared = partition->batch_sizes[i];
        int code = batch_check(at, declared, true, &size);
        if (code == K_MALFORMED || (code == 0 && size != declared))
            return K_CORRUPT_MESSAGE;
        if (code == 0)
            code = check_attributes(at);
        if (code != 0)
            return code;
        if (size > entry->largest)
            entry->largest = size;
        at += size;
    }
    return numbers_read(entry->bytes, entry->size, &entry->numbers);
}

/* Returns why the entry can not be asked for; 0: it can. */
static int fill_entry(struct request *request, const Kairn__ProducePartition *partition,
                      struct append_entry *entry)
{
    entry->outcome = OUTCOME_NONE;
    entry->leader_epoch = partition->leader_epoch;
    entry->deadline_ms = request_deadline_ms(request);
    entry->access = request->head->produce->acks == ACKS_ALL ? ACCESS_WRITE_ALL : ACCESS_WRITE;
    int code = key_read(partition->topic_id, partition->partition, &entry->key);
    if (code != 0)
        return code;
    code = authorise_topic_id(request->principal, OPERATION_WRITE, &entry->key.topic_id);
    return code != 0 ? code : check_batches(partition, entry);
}

/* Where each entry's batches lie. False when the sizes do not add up to the payload. */
static bool cut_payload(struct request *request, struct produce *produce)
{
    const Kairn__ProduceRequest *body = request->head->produce;
    size_t left = request->payload_size;

    for (size_t i = 0; i < body->n_partitions; i++) {
        struct append_entry *entry = &produce->entries[i];
        entry->bytes = request->payload + (request->payload_size - left);
        for (size_t b = 0; b < body->partitions[i]->n_batch_sizes; b++) {
            size_t size = body->partitions[i]->batch_sizes[b];
            if (size > left)
                return false;
            entry->size += size;
            left -= size;
        }
    }
    return left == 0;
}

void api_produce(struct request *request)
{
    const Kairn__ProduceRequest *body = request->head->produce;
    if (body->acks != ACKS_ALL && body->acks != ACKS_NONE && body->acks != ACKS_LEADER) {
        request_fail(request, K_INVALID_REQUIRED_ACKS, NULL);
        return;
    }
    struct produce *produce = arena_calloc(&request->arena, 1, sizeof *produce);
    struct append_entry *entries =
        arena_calloc(&request->arena, body->n_partitions + 1, sizeof *entries);
    if (produce == NULL || entries == NULL ||
        scatter_init(&produce->scatter, request->shard, &request->arena) != 0) {
        request_fail(request, K_NOMEM, NULL);
        return;
    }
    produce->request = request;
    produce->count = body->n_partitions;
    produce->entries = entries;
    if (!cut_payload(request, produce)) {
        request_fail(request, K_INVALID_REQUEST, "the batch sizes do not add up to the payload");
        return;
    }
    for (size_t i = 0; i < produce->count; i++) {
        struct append_entry *entry = &entries[i];
        entry->outcome.code = fill_entry(request, body->partitions[i], entry);
        if (entry->outcome.code == 0)
            scatter_add(&produce->scatter, &entry->key.topic_id, entry->key.index, &entry->node);
    }
    produce->scatter.run = append_run;
    produce->scatter.done = appended;
    scatter_ask(&produce->scatter);
}
