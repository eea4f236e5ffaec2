/* fake_answers.c - what a fake broker answers, question by question. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/compress.h"
#include "common/error.h"
#include "common/slab.h"
#include "proto/api_table.h"
#include "tests/client/fake_private.h"

static int delay_of(struct fake *fake, Kairn__ResponseHead__BodyCase body)
{
    switch (body) {
    case KAIRN__RESPONSE_HEAD__BODY_PRODUCE: return atomic_load(&fake->faults.delay_ms);
    case KAIRN__RESPONSE_HEAD__BODY_JOIN_GROUP: return atomic_load(&fake->faults.join_delay_ms);
    case KAIRN__RESPONSE_HEAD__BODY_OFFSET_FETCH:
        return atomic_load(&fake->faults.committed_delay_ms);
    case KAIRN__RESPONSE_HEAD__BODY_OFFSET_COMMIT:
        return atomic_load(&fake->faults.commit_delay_ms);
    default: return 0;
    }
}

void fake_answer(struct fake_conn *conn, Kairn__ResponseHead *head, struct chain *payload)
{
    struct fake *fake = conn->broker->fake;
    int metadata = head->body_case == KAIRN__RESPONSE_HEAD__BODY_METADATA;
    int produce = head->body_case == KAIRN__RESPONSE_HEAD__BODY_PRODUCE;
    size_t payload_size = payload == NULL ? 0 : payload->size;
    struct chain chain;
    int delay_ms = delay_of(fake, head->body_case);

    if (atomic_load(&fake->faults.mute) ||
        conn->broker - fake->brokers + 1 == atomic_load(&fake->faults.mute_broker) ||
        fake_spoil(conn, head, &payload_size,
              atomic_load(metadata ? &fake->faults.hostile_metadata : &fake->faults.hostile))) {
        if (payload != NULL)
            chain_fini(payload);
        return;
    }
    chain_init(&chain);
    head_pack_response(head, payload_size, &chain);
    if (payload != NULL && payload_size > 0)
        chain_move(&chain, payload);
    else if (payload != NULL)
        chain_fini(payload);
    if (fake->mangle != NULL && fake_mangle(conn, (int)head->body_case, &chain))
        return;
    if (atomic_load(&fake->faults.shuffle) && (produce || metadata))
        delay_ms += (int)rand_below(&fake->rand, 10);
    if (delay_ms == 0)
        conn_send(conn->conn, &chain);
    else
        chain_move(&fake_waiting_new(conn, &fake->late, fake_late_fired, delay_ms)->answer, &chain);
}

/* --- requests that wait ----------------------------------------------------------------------- */

static void look_again(void *context)
{
    struct waiting *waiting = context;
    struct fake_conn *conn = waiting->conn;

    conn->references++;
    if (!conn->closed)
        fake_serve(conn, waiting->request, waiting->request_size, 1);
    fake_waiting_free(waiting);
    fake_conn_unref(conn);
}

void fake_park(struct fake_conn *conn, struct list *list, int64_t wait_ms, const uint8_t *bytes,
               size_t size)
{
    struct waiting *waiting = fake_waiting_new(conn, list, look_again, wait_ms);

    waiting->request = malloc(size);
    waiting->request_size = size;
    memcpy(waiting->request, bytes, size);
}

static void wake(struct list *list)
{
    LIST_EACH(list, node)
        timer_after(LIST_OWNER(node, struct waiting, node)->timer, 0);
}

void fake_wake_fetches(struct fake *fake)
{
    wake(&fake->fetches);
}

void fake_wake_news(struct fake *fake)
{
    wake(&fake->news);
}

/* --- metadata --------------------------------------------------------------------------------- */

int fake_loops(struct fake *fake)
{
    int loops = atomic_load(&fake->faults.loops);

    return loops > 0 ? loops : 1;
}

static void describe_topic(struct fake *fake, struct fake_topic *topic, Kairn__TopicInfo *info)
{
    struct arena *arena = &fake->arena;

    info->name = topic->name;
    info->topic_id = head_bytes_of_uuid(&topic->id);
    int codec = atomic_load(&fake->faults.codec);
    if (codec > 0)
        info->codec = (char *)compress_row(codec - 1)->name;
    info->partitions = arena_calloc(arena, (size_t)topic->partition_count, sizeof(void *));
    for (int p = 0; p < topic->partition_count; p++) {
        Kairn__PartitionInfo *partition = NEW(arena, partition_info, PartitionInfo);
        int leader = topic->partitions[p].leader;
        partition->partition = (uint32_t)p;
        partition->leader = leader < 0 ? -1 : leader + 1;
        partition->leader_epoch = topic->partitions[p].epoch;
        partition->loop = (uint32_t)(p % fake_loops(fake));
        int32_t replica = leader + 1;
        partition->replicas = arena_copy(arena, &replica, sizeof replica);
        partition->n_replicas = 1;
        partition->isr = partition->replicas;
        partition->n_isr = 1;
        info->partitions[info->n_partitions++] = partition;
    }
}

static bool is_superseded(struct fake *fake, const Kairn__StaleLeader *stale)
{
    struct fake_partition *partition = fake_partition_by_id(fake, stale->topic_id,
                                                            stale->partition);

    return partition == NULL || partition->epoch > stale->leader_epoch;
}

static void make_missing(struct fake *fake, const Kairn__MetadataRequest *question)
{
    if (atomic_load(&fake->faults.makes_topics) == 0)
        return;
    for (size_t i = 0; i < question->create_missing && i < question->n_topics; i++)
        if (fake_topic_add(fake, question->topics[i], 1) == 0)
            atomic_fetch_add(&fake->faults.topics_made, 1);
}

static void metadata(struct fake_conn *conn, const Kairn__RequestHead *request,
                     Kairn__ResponseHead *head, const uint8_t *bytes, size_t size, int last_chance)
{
    struct fake *fake = conn->broker->fake;
    struct arena *arena = &fake->arena;
    Kairn__MetadataResponse *body = NEW(arena, metadata_response, MetadataResponse);
    const Kairn__MetadataRequest *question = request->metadata;

    if (atomic_load(&fake->faults.park) != 0 && !last_chance && question->newer_than != NULL &&
        !is_superseded(fake, question->newer_than)) {
        fake_park(conn, &fake->news, request->timeout_ms, bytes, size);
        return;
    }
    make_missing(fake, question);
    body->cluster_id = (char *)"fake-cluster";
    int controller = atomic_load(&fake->faults.controller);
    bool late = atomic_load(&fake->faults.only_controller_knows) != 0 &&
                conn->broker != &fake->brokers[controller];
    body->controller = controller + 1;
    body->controller_epoch = 1;
    body->sequence = fake->sequence;
    body->brokers = arena_calloc(arena, (size_t)fake->broker_count, sizeof(void *));
    for (int i = fake->broker_count - 1; i >= 0; i--) {
        Kairn__BrokerInfo *broker = NEW(arena, broker_info, BrokerInfo);
        broker->id = i + 1;
        broker->host = (char *)"127.0.0.1";
        broker->port = listener_port(fake->brokers[i].listener);
        broker->rack = (char *)(fake->brokers[i].rack == NULL ? "" : fake->brokers[i].rack);
        body->brokers[body->n_brokers++] = broker;
    }
    body->topics = arena_calloc(arena, TOPICS_MAX + question->n_topics, sizeof(void *));
    for (int i = 0; i < TOPICS_MAX && question->all_topics; i++) {
        if (fake->topics[i] == NULL)
            continue;
        body->topics[body->n_topics] = NEW(arena, topic_info, TopicInfo);
        describe_topic(fake, fake->topics[i], body->topics[body->n_topics++]);
    }
    for (size_t i = 0; i < question->n_topics; i++) {
        struct fake_topic *topic = fake_topic_by_name(fake, question->topics[i]);
        Kairn__TopicInfo *info = body->topics[body->n_topics++] =
            NEW(arena, topic_info, TopicInfo);
        info->name = question->topics[i];
        if (topic != NULL)
            topic->asked++;
        if (topic != NULL && !late)
            describe_topic(fake, topic, info);
        else
            info->error = head_error(arena, K_UNKNOWN_TOPIC_OR_PARTITION, NULL);
    }
    head->body_case = KAIRN__RESPONSE_HEAD__BODY_METADATA;
    head->metadata = body;
    fake_answer(conn, head, NULL);
}

/* --- produce ---------------------------------------------------------------------------------- */

int fake_use_up(atomic_int *count)
{
    int left = atomic_load(count);

    while (left > 0)
        if (atomic_compare_exchange_weak(count, &left, left - 1))
            return 1;
    return 0;
}

static void refuse_stale(struct fake *fake, struct fake_partition *partition,
                         Kairn__ProduceResult *result, int hint)
{
    result->error = head_error(&fake->arena, K_NOT_LEADER_OR_FOLLOWER, NULL);
    if (!hint || partition->leader < 0)
        return;
    Kairn__LeaderHint *where = NEW(&fake->arena, leader_hint, LeaderHint);
    where->broker = partition->leader + 1;
    where->epoch = partition->epoch;
    where->host = (char *)"127.0.0.1";
    where->port = listener_port(fake->brokers[partition->leader].listener);
    result->error->leader = where;
}

/* Store what is sound and not there yet; the payload has been received whole. Returns the code, and
 * where it begins. */
static int store(struct fake *fake, struct fake_partition *partition,
                 const Kairn__ProducePartition *row, const uint8_t *bytes, int64_t *stored)
{
    int larger = atomic_load(&fake->faults.refuse_larger);
    const uint8_t *at = bytes;
    size_t size;

    for (size_t i = 0; i < row->n_batch_sizes; at += row->batch_sizes[i++]) {
        int code = batch_check(at, row->batch_sizes[i], true, &size);
        if (code != 0 || size != row->batch_sizes[i])
            return code != 0 ? code : K_CORRUPT_MESSAGE;
        if (larger > 0 && size > (size_t)larger)
            return K_MESSAGE_TOO_LARGE;
    }
    if (fake_use_up(&fake->faults.forget_producers))
        fake_sequence_forget(partition);
    int code = fake_sequence_check(partition, bytes, (size_t)(at - bytes), stored);
    if (code != 0 || *stored >= 0)
        return code;
    *stored = partition->end;
    size_t count = row->n_batch_sizes;
    if (count > 1 && fake_use_up(&fake->faults.store_part)) {
        count /= 2;
        atomic_store(&fake->faults.drop_after, 1);
    }
    for (size_t i = 0; i < count; bytes += row->batch_sizes[i++]) {
        fake_sequence_note(partition, bytes, row->batch_sizes[i], partition->end);
        fake_store(fake, partition, bytes, row->batch_sizes[i]);
    }
    return 0;
}

static void produce_one(struct fake_conn *conn, const Kairn__ProducePartition *row,
                        const uint8_t *bytes, Kairn__ProduceResult *result)
{
    struct fake *fake = conn->broker->fake;
    struct fake_faults *faults = &fake->faults;
    struct fake_partition *partition = fake_partition_by_id(fake, row->topic_id, row->partition);

    result->base_offset = result->append_time_ms = -1;
    if (partition == NULL) {
        result->error = head_error(&fake->arena, K_UNKNOWN_TOPIC_OR_PARTITION, NULL);
        return;
    }
    int silent = fake_use_up(&faults->move_silently);
    if (silent || fake_use_up(&faults->move_leader)) {
        fake_move_leader(fake, partition);
        refuse_stale(fake, partition, result, !silent);
        return;
    }
    if (partition->leader != conn->broker->id) {
        refuse_stale(fake, partition, result, 1);
        return;
    }
    int code = fake_use_up(&faults->refuse_count) ? atomic_load(&faults->refuse_code) : 0;
    int64_t base = -1;
    if (code == 0 || code == K_NOT_ENOUGH_REPLICAS_AFTER_APPEND) {
        int stored = store(fake, partition, row, bytes, &base);
        code = stored != 0 ? stored : code;
    }
    if (code != 0)
        result->error = head_error(&fake->arena, code, NULL);
    else
        result->base_offset = base;
    if (code == K_MESSAGE_TOO_LARGE && result->error != NULL)
        result->error->limit = atomic_load(&faults->refuse_larger);
}

static void random_fault(struct fake *fake)
{
    static const int codes[] = { K_NOT_ENOUGH_REPLICAS,   K_DISK_FULL,
                                 K_LEASE_EXPIRED,         K_LEADER_NOT_AVAILABLE,
                                 K_FENCED_LEADER_EPOCH,   K_UNKNOWN_LEADER_EPOCH,
                                 K_NOT_ENOUGH_REPLICAS_AFTER_APPEND };   /* stored: the last */
    struct fake_faults *faults = &fake->faults;
    bool lost = atomic_load(&faults->random_lost) != 0;

    if ((int)rand_below(&fake->rand, 100) >= atomic_load(&faults->random_percent))
        return;
    switch (rand_below(&fake->rand, lost ? 6 : 5)) {
    case 5: atomic_store(&faults->drop_after, 1); break;
    case 0: atomic_store(&faults->drop_before, 1); break;
    case 1: atomic_store(&faults->move_leader, 1); break;
    case 2: atomic_store(&faults->move_silently, 1); break;
    default:
        atomic_store(&faults->refuse_code, codes[rand_below(&fake->rand, lost ? 7 : 6)]);
        atomic_store(&faults->refuse_count, 1);
        break;
    }
}

static void produce(struct fake_conn *conn, const Kairn__RequestHead *request,
                    Kairn__ResponseHead *head, const struct frame *frame)
{
    struct fake *fake = conn->broker->fake;
    struct arena *arena = &fake->arena;
    const Kairn__ProduceRequest *question = request->produce;
    Kairn__ProduceResponse *body = NEW(arena, produce_response, ProduceResponse);
    const uint8_t *bytes = frame->payload;
    size_t total = 0;

    random_fault(fake);
    if (fake_use_up(&fake->faults.drop_before)) {
        fake_hang_up(conn);
        return;
    }
    for (size_t i = 0; i < question->n_partitions; i++)
        for (size_t b = 0; b < question->partitions[i]->n_batch_sizes; b++)
            total += question->partitions[i]->batch_sizes[b];
    assert(total == frame->payload_size);
    body->results = arena_calloc(arena, question->n_partitions, sizeof(void *));
    for (size_t i = 0; i < question->n_partitions; i++) {
        Kairn__ProducePartition *row = question->partitions[i];
        body->results[i] = NEW(arena, produce_result, ProduceResult);
        if (conn->wanted_loop == (int)row->partition % fake_loops(fake))
            atomic_fetch_add(&fake->faults.by_own_loop, 1);
        produce_one(conn, row, bytes, body->results[i]);
        for (size_t b = 0; b < row->n_batch_sizes; b++)
            bytes += row->batch_sizes[b];
    }
    body->n_results = question->n_partitions;
    head->body_case = KAIRN__RESPONSE_HEAD__BODY_PRODUCE;
    head->produce = body;
    if (fake_use_up(&fake->faults.drop_after))
        fake_hang_up(conn);
    else if (question->acks != 0)
        fake_answer(conn, head, NULL);
    fake_wake_fetches(fake);
}

static void producer_id(struct fake_conn *conn, Kairn__ResponseHead *head)
{
    struct fake *fake = conn->broker->fake;
    Kairn__ProducerIdResponse *body = NEW(&fake->arena, producer_id_response, ProducerIdResponse);

    body->producer_id = fake->producer_ids++;
    head->body_case = KAIRN__RESPONSE_HEAD__BODY_PRODUCER_ID;
    head->producer_id = body;
    fake_answer(conn, head, NULL);
}

/* --- offsets ---------------------------------------------------------------------------------- */

static void list_offsets(struct fake_conn *conn, const Kairn__RequestHead *request,
                         Kairn__ResponseHead *head)
{
    struct fake *fake = conn->broker->fake;
    const Kairn__ListOffsetsPartition *row = request->list_offsets->partitions[0];
    struct fake_partition *partition = fake_partition_by_id(fake, row->topic_id, row->partition);
    Kairn__ListOffsetsResponse *body =
        NEW(&fake->arena, list_offsets_response, ListOffsetsResponse);
    Kairn__ListOffsetsResult *result = NEW(&fake->arena, list_offsets_result, ListOffsetsResult);

    result->offset = -1;
    if (partition == NULL) {
        result->error = head_error(&fake->arena, K_UNKNOWN_TOPIC_OR_PARTITION, NULL);
    } else if (partition->leader != conn->broker->id) {
        result->error = head_error(&fake->arena, K_NOT_LEADER_OR_FOLLOWER, NULL);
    } else if (row->timestamp < 0) {
        result->offset = row->timestamp == -1 ? partition->end : partition->start;
    } else {
        /* Good enough: the first batch that is not wholly older. */
        for (size_t i = 0; i < partition->count && result->offset < 0; i++)
            if (batch_max_timestamp(partition->batches[i].slab->bytes) >= row->timestamp)
                result->offset = batch_base_offset(partition->batches[i].slab->bytes);
    }
    body->results = arena_copy(&fake->arena, &result, sizeof result);
    body->n_results = 1;
    head->body_case = KAIRN__RESPONSE_HEAD__BODY_LIST_OFFSETS;
    head->list_offsets = body;
    fake_answer(conn, head, NULL);
}

/* --- topics and settings ---------------------------------------------------------------------- */

static Kairn__TopicResult *topic_result(struct arena *arena, char *name, int code)
{
    Kairn__TopicResult *result = NEW(arena, topic_result, TopicResult);

    result->name = name;
    result->error = code == 0 ? NULL : head_error(arena, code, NULL);
    return result;
}

static void create_topics(struct fake_conn *conn, const Kairn__RequestHead *request,
                          Kairn__ResponseHead *head)
{
    struct fake *fake = conn->broker->fake;
    struct arena *arena = &fake->arena;
    const Kairn__CreateTopicsRequest *question = request->create_topics;
    Kairn__CreateTopicsResponse *body = NEW(arena, create_topics_response, CreateTopicsResponse);

    body->results = arena_calloc(arena, question->n_topics, sizeof(void *));
    for (size_t i = 0; i < question->n_topics; i++) {
        Kairn__NewTopic *topic = question->topics[i];
        int partitions = topic->partitions < 0 ? 1 : topic->partitions;
        int code = topic->replication_factor > 1 ? K_INVALID_REPLICATION_FACTOR
                   : question->validate_only     ? 0
                                                 : fake_topic_add(fake, topic->name, partitions);
        body->results[i] = topic_result(arena, topic->name, code);
        body->results[i]->partitions = (uint32_t)partitions;
        body->results[i]->replication_factor = 1;
    }
    body->n_results = question->n_topics;
    head->body_case = KAIRN__RESPONSE_HEAD__BODY_CREATE_TOPICS;
    head->create_topics = body;
    fake_answer(conn, head, NULL);
}

static void delete_topics(struct fake_conn *conn, const Kairn__RequestHead *request,
                          Kairn__ResponseHead *head)
{
    struct fake *fake = conn->broker->fake;
    struct arena *arena = &fake->arena;
    const Kairn__DeleteTopicsRequest *question = request->delete_topics;
    Kairn__DeleteTopicsResponse *body = NEW(arena, delete_topics_response, DeleteTopicsResponse);

    body->results = arena_calloc(arena, question->n_topics, sizeof(void *));
    for (size_t i = 0; i < question->n_topics; i++)
        body->results[i] = topic_result(arena, question->topics[i],
                                        fake_topic_remove(fake, question->topics[i]));
    body->n_results = question->n_topics;
    head->body_case = KAIRN__RESPONSE_HEAD__BODY_DELETE_TOPICS;
    head->delete_topics = body;
    fake_answer(conn, head, NULL);
}

/* --- versions --------------------------------------------------------------------------------- */

static void announced(struct fake *fake, uint32_t body, Kairn__ApiVersion *out)
{
    const struct api_row *known = api_find(body);
    bool other = (int)body == atomic_load(&fake->faults.version_body);

    out->body = body;
    out->lowest = other ? (uint32_t)atomic_load(&fake->faults.version_lowest) : 0;
    out->highest = other           ? (uint32_t)atomic_load(&fake->faults.version_highest)
                   : known == NULL ? 0
                                   : known->highest;
}

static void api_versions(struct fake_conn *conn, Kairn__ResponseHead *head)
{
    struct fake *fake = conn->broker->fake;
    Kairn__ApiVersionsResponse *body =
        NEW(&fake->arena, api_versions_response, ApiVersionsResponse);
    size_t count;
    const struct api_row *rows = api_rows(&count);

    body->versions = arena_calloc(&fake->arena, count, sizeof(void *));
    for (size_t i = 0; i < count; i++) {
        Kairn__ApiVersion *row = NEW(&fake->arena, api_version, ApiVersion);
        announced(fake, rows[i].body, row);
        if (row->lowest <= row->highest)
            body->versions[body->n_versions++] = row;
    }
    body->software_version = (char *)"fake";
    head->body_case = KAIRN__RESPONSE_HEAD__BODY_API_VERSIONS;
    head->api_versions = body;
    fake_answer(conn, head, NULL);
}

/* --- all of them ------------------------------------------------------------------------------ */

void fake_serve(struct fake_conn *conn, uint8_t *bytes, size_t size, int last_chance)
{
    struct fake *fake = conn->broker->fake;
    struct frame frame;
    Kairn__RequestHead *request;
    Kairn__ResponseHead head = KAIRN__RESPONSE_HEAD__INIT;
    Kairn__ApiVersion served;

    arena_reset(&fake->arena);
    if (frame_split(bytes, size, &frame) != 0 ||
        head_unpack_request(frame.head, frame.head_size, &fake->arena, &request) != 0) {
        fake_hang_up(conn);
        return;
    }
    if (!last_chance && (int)request->body_case < BODIES_MAX)
        fake->requests[request->body_case]++;
    head.correlation = request->correlation;
    announced(fake, request->body_case, &served);
    if (request->version < served.lowest || request->version > served.highest) {
        head.error = head_error(&fake->arena, K_UNSUPPORTED_VERSION, NULL);
        fake_answer(conn, &head, NULL);
        return;
    }
    switch (request->body_case) {
    case KAIRN__REQUEST_HEAD__BODY_API_VERSIONS: api_versions(conn, &head); break;
    case KAIRN__REQUEST_HEAD__BODY_METADATA:
        metadata(conn, request, &head, bytes, size, last_chance);
        break;
    case KAIRN__REQUEST_HEAD__BODY_PRODUCE: produce(conn, request, &head, &frame); break;
    case KAIRN__REQUEST_HEAD__BODY_FETCH:
        fake_fetch(conn, request, &head, bytes, size, last_chance);
        break;
    case KAIRN__REQUEST_HEAD__BODY_LIST_OFFSETS: list_offsets(conn, request, &head); break;
    case KAIRN__REQUEST_HEAD__BODY_CREATE_TOPICS: create_topics(conn, request, &head); break;
    case KAIRN__REQUEST_HEAD__BODY_DELETE_TOPICS: delete_topics(conn, request, &head); break;
    case KAIRN__REQUEST_HEAD__BODY_PRODUCER_ID: producer_id(conn, &head); break;
    default:
        if (fake_group_serve(conn, request, &head))
            return;
        if (fake_alter(conn->broker, request, &head) ||
            fake_describe(conn->broker, request, &head))
            fake_answer(conn, &head, NULL);
        else
            fake_hang_up(conn);
    }
}
