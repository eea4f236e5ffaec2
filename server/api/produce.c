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
static void answer_by_silence(struct produce *produce)
{
    struct request *request = produce->request;

    request->silent = true;
    for (size_t i = 0; i < produce->count; i++)
        request->hang_up |= produce->entries[i].outcome.code != 0;
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

/* False: out of memory. */
static bool make_answer(struct produce *produce)
{
    struct request *request = produce->request;

    request_observe(request, METRIC_PRODUCE_US);
    if (request->head->produce->acks == ACKS_NONE) {
        answer_by_silence(produce);
        return true;
    }
    Kairn__ProduceResponse *body = arena_alloc(&request->arena, sizeof *body);
    void **pointers;
    Kairn__ProduceResult *results =
        request_messages(request, produce->count, sizeof *results, &pointers);
    if (body == NULL || results == NULL)
        return false;
    for (size_t i = 0; i < produce->count; i++)
        fill_result(request, &produce->entries[i], &results[i]);
    kairn__produce_response__init(body);
    body->n_results = produce->count;
    body->results = (Kairn__ProduceResult **)pointers;
    request->response.body_case = KAIRN__RESPONSE_HEAD__BODY_PRODUCE;
    request->response.produce = body;
    return true;
}

static void appended(struct scatter *scatter)
{
    struct produce *produce = LIST_OWNER(scatter, struct produce, scatter);

    if (make_answer(produce))
        request_finish(produce->request);
    else
        request_fail(produce->request, K_NOMEM, NULL);
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

/* What the head says of all batches. */
static bool sizes_add_up(const struct request *request)
{
    const Kairn__ProduceRequest *body = request->head->produce;
    uint64_t size = 0;

    for (size_t i = 0; i < body->n_partitions; i++)
        for (size_t b = 0; b < body->partitions[i]->n_batch_sizes; b++)
            size += body->partitions[i]->batch_sizes[b];
    return size == request->payload_size;
}

/* Where each entry's batches lie. */
static void cut_payload(struct request *request, struct produce *produce)
{
    const Kairn__ProduceRequest *body = request->head->produce;
    uint8_t *at = request->payload;

    for (size_t i = 0; i < body->n_partitions; i++) {
        struct append_entry *entry = &produce->entries[i];
        entry->bytes = at;
        for (size_t b = 0; b < body->partitions[i]->n_batch_sizes; b++)
            entry->size += body->partitions[i]->batch_sizes[b];
        at += entry->size;
    }
}

static bool acks_known(const struct request *request)
{
    int32_t acks = request->head->produce->acks;

    return acks == ACKS_ALL || acks == ACKS_NONE || acks == ACKS_LEADER;
}

/* NULL: out of memory. */
static struct produce *produce_new(struct request *request)
{
    size_t count = request->head->produce->n_partitions;
    struct produce *produce = arena_calloc(&request->arena, 1, sizeof *produce);
    struct append_entry *entries =
        arena_calloc(&request->arena, count + 1, sizeof *entries);

    if (produce == NULL || entries == NULL)
        return NULL;
    produce->request = request;
    produce->count = count;
    produce->entries = entries;
    return produce;
}

void api_produce(struct request *request)
{
    const Kairn__ProduceRequest *body = request->head->produce;
    if (!acks_known(request)) {
        request_fail(request, K_INVALID_REQUIRED_ACKS, NULL);
        return;
    }
    struct produce *produce = produce_new(request);
    if (produce == NULL ||
        scatter_init(&produce->scatter, request->shard, &request->arena) != 0) {
        request_fail(request, K_NOMEM, NULL);
        return;
    }
    if (!sizes_add_up(request)) {
        request_fail(request, K_INVALID_REQUEST, "the batch sizes do not add up to the payload");
        return;
    }
    cut_payload(request, produce);
    for (size_t i = 0; i < produce->count; i++) {
        struct append_entry *entry = &produce->entries[i];
        entry->outcome.code = fill_entry(request, body->partitions[i], entry);
        if (entry->outcome.code == 0)
            scatter_add(&produce->scatter, &entry->key.topic_id, entry->key.index, &entry->node);
    }
    produce->scatter.run = append_run;
    produce->scatter.done = appended;
    scatter_ask(&produce->scatter);
}

/* --- refused by the head alone ---------------------------------------------------------------- */

/* Of a partition that is led here, as far as this shard knows: whose leader is somebody else may
 * allow more by now. NULL: that can not be told. */
static const struct metadata_topic *topic_led_here(const struct request *request,
                                                   const Kairn__ProducePartition *partition)
{
    struct partition_key key;

    if (key_read(partition->topic_id, partition->partition, &key) != 0 ||
        authorise_topic_id(request->principal, OPERATION_WRITE, &key.topic_id) != 0)
        return NULL;
    const struct metadata_topic *topic =
        metadata_topic_by_id(shard_picture(request->shard), &key.topic_id);
    if (topic == NULL || key.index >= topic->partition_count)
        return NULL;
    const struct metadata_partition *known = &topic->partitions[key.index];
    bool leads = known->leader == request->api->broker_id &&
                 (partition->leader_epoch < 0 || partition->leader_epoch == known->leader_epoch);
#ifdef MUTANT_TOO_LARGE_FOR_ANOTHER
    leads = true;
#endif
    return leads ? topic : NULL;
}

static bool is_too_large(const struct request *request, const Kairn__ProducePartition *partition,
                         struct outcome *outcome)
{
    const struct metadata_topic *topic = topic_led_here(request, partition);
    uint32_t largest = 0;

    if (topic == NULL)
        return false;
    for (size_t i = 0; i < partition->n_batch_sizes; i++)
        if (partition->batch_sizes[i] > largest)
            largest = partition->batch_sizes[i];
    *outcome = OUTCOME_NONE;
    outcome->limit = topic_config_batch_max_of(shard_defaults(request->shard), topic);
    outcome->code = K_MESSAGE_TOO_LARGE;
    return largest > outcome->limit;
}

bool produce_refuse_unread(struct request *request)
{
    const Kairn__ProduceRequest *body = request->head->produce;
    struct produce *produce = produce_new(request);

    if (produce == NULL || !acks_known(request) || !sizes_add_up(request))
        return false;
    for (size_t i = 0; i < produce->count; i++)
        if (!is_too_large(request, body->partitions[i], &produce->entries[i].outcome))
            return false;
    return make_answer(produce);
}
