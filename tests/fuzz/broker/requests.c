#include "tests/fuzz/broker/requests.h"

#include <stdlib.h>
#include <string.h>

#include "common/buffer.h"
#include "common/chain.h"
#include "common/compress.h"
#include "proto/batch.h"
#include "proto/frame.h"
#include "proto/head.h"

enum {
    BATCH_ROOM = 16 << 10, RECORDS_MAX = 8, TEXT_MAX = 256, RAW_MAX = 255,
    PRODUCER = 7                    /* who numbers his batches */
};

/* A request in the making. */
struct making {
    struct input *input;
    struct arena *arena;
    const struct model *model;
    Kairn__RequestHead head;
    const uint8_t *payload;
    size_t payload_size;
};

/* A message in the arena, and a list of one. */
#define NEW(making, lower, Upper)                                           \
    ({                                                                      \
        Kairn__##Upper *made = arena_alloc((making)->arena, sizeof *made);  \
        kairn__##lower##__init(made);                                       \
        made;                                                               \
    })
#define BODY(making, CASE, field, lower, Upper)                             \
    ({                                                                      \
        Kairn__##Upper *body_made = NEW(making, lower, Upper);              \
        (making)->head.body_case = KAIRN__REQUEST_HEAD__BODY_##CASE;        \
        (making)->head.field = body_made;                                   \
        body_made;                                                          \
    })
#define LIST_OF_ONE(making, item)                                           \
    ({                                                                      \
        void **list = arena_alloc((making)->arena, sizeof *list);           \
        *list = (item);                                                     \
        (void *)list;                                                       \
    })

static const char *const groups[] = { "readers", "writers", "" };
static const char *const topics[] = { "orders", "nothing", "__consumer_offsets" };

static char *pick(struct making *making, const char *const *from, unsigned count)
{
    return (char *)from[input_below(making->input, count)];
}

/* One of two members of the group; what the broker calls them is not known here, so they are
 * instances. */
static char *pick_instance(struct making *making)
{
    static const char *const instances[] = { "one", "two" };

    return pick(making, instances, 2);
}

static ProtobufCBinaryData topic_id(const struct making *making)
{
    return head_bytes_of_uuid(&making->model->id);
}

/* --- records ---------------------------------------------------------------------------------- */

/* Of one who numbers his batches the numbers say all of a batch: sent again it is the same one. */
static void fill(struct making *making, struct batch_builder *builder, bool numbered)
{
    unsigned choice = input_u8(making->input), length = input_below(making->input, TEXT_MAX);
    char text[TEXT_MAX];

    memset(text, 'a' + choice % 26, sizeof text);
    for (unsigned i = 0; i <= choice % RECORDS_MAX; i++)
        batch_build_add(builder, 1000 + i, choice & 64 ? "key" : NULL, 3,
                        choice & 128 ? NULL : text, (int32_t)(numbered ? choice : length), NULL, 0);
    if (numbered) {
        builder->producer_id = PRODUCER;
        builder->producer_epoch = 0;
        builder->base_sequence = (int32_t)choice;
    }
}

static void compress(struct making *making, uint8_t *batch, struct batch_builder *builder)
{
    enum compress_codec codec = input_below(making->input, CODEC_COUNT);
    struct buffer out = { 0 };

    if (codec != CODEC_NONE &&
        compress_bytes((int)codec, -1, batch + BATCH_HEADER_SIZE,
                       builder->size - BATCH_HEADER_SIZE, &out) == 0 &&
        out.size < BATCH_ROOM - BATCH_HEADER_SIZE) {
        memcpy(batch + BATCH_HEADER_SIZE, out.bytes, out.size);
        builder->size = BATCH_HEADER_SIZE + out.size;
        store_u32(batch + BATCH_LENGTH, (uint32_t)(builder->size - BATCH_LENGTH_END));
        store_u16(batch + BATCH_ATTRIBUTES, (uint16_t)codec);
        batch_seal_crc(batch);
    }
    buffer_fini(&out);
}

static void make_produce(struct making *making)
{
    Kairn__ProduceRequest *body = BODY(making, PRODUCE, produce, produce_request, ProduceRequest);
    Kairn__ProducePartition *entry = NEW(making, produce_partition, ProducePartition);
    uint8_t *batch = arena_alloc(making->arena, BATCH_ROOM);
    unsigned how = input_u8(making->input);
    struct batch_builder builder;

    batch_build_start(&builder, batch, BATCH_ROOM);
    fill(making, &builder, how & 4);
    batch_build_finish(&builder);
    if ((how & 4) == 0)
        compress(making, batch, &builder);
    body->acks = (int32_t)(how / 8 % 3) - 1;
    body->n_partitions = 1;
    body->partitions = LIST_OF_ONE(making, entry);
    entry->topic_id = topic_id(making);
    entry->partition = how % 4 % 3;
    entry->leader_epoch = -1;
    entry->n_batch_sizes = 1;
    entry->batch_sizes = arena_alloc(making->arena, sizeof *entry->batch_sizes);
    entry->batch_sizes[0] = (uint32_t)builder.size;
    making->payload = batch;
    making->payload_size = builder.size;
}

/* Within the session that was told last, or one that is not known, or a new one. */
static void make_session(struct making *making, Kairn__FetchRequest *body)
{
    Kairn__LogPartition *gone = NEW(making, log_partition, LogPartition);
    unsigned how = input_u8(making->input);

    making->head.version = 1;
    body->session = how % 8 == 0 ? 1 : making->model->session;
    body->session_epoch = making->model->session != 0 && how / 8 % 2 == 0
                              ? making->model->session_epoch
                              : how / 16 % 4 + 1;
    body->n_partitions = how % 2;
    body->n_forgotten = how / 2 % 2;
    body->forgotten = LIST_OF_ONE(making, gone);
    gone->topic_id = topic_id(making);
    gone->partition = how / 4 % 2;
}

static void make_fetch(struct making *making)
{
    Kairn__FetchRequest *body = BODY(making, FETCH, fetch, fetch_request, FetchRequest);
    Kairn__FetchPartition *entry = NEW(making, fetch_partition, FetchPartition);
    unsigned how = input_u8(making->input);

    body->max_wait_ms = how / 8 % 4;
    body->min_bytes = how / 32;
    body->max_bytes = input_u16(making->input);
    body->isolation = how / 4 % 2;
    body->n_partitions = 1;
    body->partitions = LIST_OF_ONE(making, entry);
    entry->topic_id = topic_id(making);
    entry->partition = how % 4 % 3;
    entry->offset = input_u8(making->input);
    entry->max_bytes = input_u16(making->input);
    entry->leader_epoch = entry->last_epoch = -1;
    entry->round = how;
    if (how % 4 == 3)
        make_session(making, body);
}

static void make_list_offsets(struct making *making)
{
    Kairn__ListOffsetsRequest *body =
        BODY(making, LIST_OFFSETS, list_offsets, list_offsets_request, ListOffsetsRequest);
    Kairn__ListOffsetsPartition *entry = NEW(making, list_offsets_partition, ListOffsetsPartition);
    unsigned how = input_u8(making->input);

    body->isolation = how / 4 % 2;
    body->n_partitions = 1;
    body->partitions = LIST_OF_ONE(making, entry);
    entry->topic_id = topic_id(making);
    entry->partition = how % 4 % 3;
    entry->timestamp = (int64_t)input_below(making->input, 12) - 5;
    if (entry->timestamp >= 0)
        entry->timestamp += 1000;
    entry->leader_epoch = -1;
    if (body->isolation == 1 && entry->timestamp == -1)
        entry->timestamp = -2;          /* the stable end may be before the end */
}

static void make_delete_records(struct making *making)
{
    Kairn__DeleteRecordsRequest *body =
        BODY(making, DELETE_RECORDS, delete_records, delete_records_request, DeleteRecordsRequest);
    Kairn__DeleteRecordsPartition *entry =
        NEW(making, delete_records_partition, DeleteRecordsPartition);

    body->n_partitions = 1;
    body->partitions = LIST_OF_ONE(making, entry);
    entry->topic_id = topic_id(making);
    entry->partition = input_below(making->input, 3);
    entry->offset = (int64_t)input_below(making->input, 32) - 1;
}

/* --- groups ----------------------------------------------------------------------------------- */

static void make_join(struct making *making)
{
    Kairn__JoinGroupRequest *body =
        BODY(making, JOIN_GROUP, join_group, join_group_request, JoinGroupRequest);
    Kairn__GroupProtocol *protocol = NEW(making, group_protocol, GroupProtocol);

    body->group = pick(making, groups, 3);
    body->instance = pick_instance(making);
    body->protocol_type = (char *)"consumer";
    body->session_timeout_ms = 100 + input_u8(making->input);
    body->rebalance_timeout_ms = input_u8(making->input);
    body->n_protocols = 1;
    body->protocols = LIST_OF_ONE(making, protocol);
    protocol->name = (char *)"range";
    protocol->metadata.data = (uint8_t *)input_bytes(making->input, 32, &protocol->metadata.len);
}

static void make_sync(struct making *making)
{
    Kairn__SyncGroupRequest *body =
        BODY(making, SYNC_GROUP, sync_group, sync_group_request, SyncGroupRequest);
    Kairn__MemberAssignment *given = NEW(making, member_assignment, MemberAssignment);

    body->group = pick(making, groups, 3);
    body->instance = pick_instance(making);
    body->generation = (int32_t)input_below(making->input, 4);
    body->n_assignments = 1;
    body->assignments = LIST_OF_ONE(making, given);
    given->assignment.data = (uint8_t *)input_bytes(making->input, 32, &given->assignment.len);
}

static void make_heartbeat(struct making *making)
{
    Kairn__HeartbeatRequest *body =
        BODY(making, HEARTBEAT, heartbeat, heartbeat_request, HeartbeatRequest);

    body->group = pick(making, groups, 3);
    body->instance = pick_instance(making);
    body->generation = (int32_t)input_below(making->input, 4);
    body->wait_ms = input_below(making->input, 4);
}

static void make_leave(struct making *making)
{
    Kairn__LeaveGroupRequest *body =
        BODY(making, LEAVE_GROUP, leave_group, leave_group_request, LeaveGroupRequest);
    Kairn__LeavingMember *leaving = NEW(making, leaving_member, LeavingMember);

    body->group = pick(making, groups, 3);
    body->n_members = 1;
    body->members = LIST_OF_ONE(making, leaving);
    leaving->instance = pick_instance(making);
}

static void make_commit(struct making *making)
{
    Kairn__OffsetCommitRequest *body =
        BODY(making, OFFSET_COMMIT, offset_commit, offset_commit_request, OffsetCommitRequest);
    Kairn__OffsetCommitPartition *entry =
        NEW(making, offset_commit_partition, OffsetCommitPartition);

    body->group = pick(making, groups, 3);
    body->generation = -1;
    body->n_partitions = 1;
    body->partitions = LIST_OF_ONE(making, entry);
    entry->topic = pick(making, topics, 3);
    entry->partition = input_below(making->input, 3);
    entry->offset = input_u8(making->input);
    entry->leader_epoch = -1;
}

static void make_committed(struct making *making)
{
    Kairn__OffsetFetchRequest *body =
        BODY(making, OFFSET_FETCH, offset_fetch, offset_fetch_request, OffsetFetchRequest);
    Kairn__TopicPartition *entry = NEW(making, topic_partition, TopicPartition);

    body->group = pick(making, groups, 3);
    body->all = input_below(making->input, 2);
    body->n_partitions = !body->all;
    body->partitions = LIST_OF_ONE(making, entry);
    entry->topic = pick(making, topics, 3);
    entry->partition = input_below(making->input, 3);
}

static void make_delete_group(struct making *making)
{
    Kairn__DeleteGroupsRequest *body =
        BODY(making, DELETE_GROUPS, delete_groups, delete_groups_request, DeleteGroupsRequest);

    body->n_groups = 1;
    body->groups = LIST_OF_ONE(making, pick(making, groups, 3));
}

/* --- the rest --------------------------------------------------------------------------------- */

static void make_metadata(struct making *making)
{
    Kairn__MetadataRequest *body =
        BODY(making, METADATA, metadata, metadata_request, MetadataRequest);
    unsigned how = input_u8(making->input);

    body->all_topics = how % 2;
    body->topic_configs = how / 2 % 2;
    body->n_topics = how / 4 % 2;
    body->topics = LIST_OF_ONE(making, pick(making, topics, 3));
    body->n_topic_ids = how / 8 % 2;
    body->topic_ids = arena_alloc(making->arena, sizeof *body->topic_ids);
    body->topic_ids[0] = topic_id(making);
    if (how & 16) {
        making->head.timeout_ms = 1;
        body->newer_than = NEW(making, stale_leader, StaleLeader);
        body->newer_than->topic_id = topic_id(making);
        body->newer_than->leader_epoch = input_u8(making->input);
    }
}

static void make_create_topics(struct making *making)
{
    Kairn__CreateTopicsRequest *body =
        BODY(making, CREATE_TOPICS, create_topics, create_topics_request, CreateTopicsRequest);
    Kairn__NewTopic *topic = NEW(making, new_topic, NewTopic);

    body->validate_only = input_below(making->input, 2);
    body->n_topics = 1;
    body->topics = LIST_OF_ONE(making, topic);
    topic->name = pick(making, topics, 3);
    topic->partitions = (int32_t)input_u8(making->input) - 1;
    topic->replication_factor = (int32_t)input_below(making->input, 4) - 1;
    making->head.timeout_ms = 10;
}

static void make_describe_logs(struct making *making)
{
    Kairn__DescribeLogsRequest *body =
        BODY(making, DESCRIBE_LOGS, describe_logs, describe_logs_request, DescribeLogsRequest);
    Kairn__LogPartition *entry = NEW(making, log_partition, LogPartition);

    body->n_partitions = 1;
    body->partitions = LIST_OF_ONE(making, entry);
    entry->topic_id = topic_id(making);
    entry->partition = input_below(making->input, 3);
}

static void make_replica_fetch(struct making *making)
{
    Kairn__ReplicaFetchRequest *body =
        BODY(making, REPLICA_FETCH, replica_fetch, replica_fetch_request, ReplicaFetchRequest);
    Kairn__ReplicaQuestion *question = NEW(making, replica_question, ReplicaQuestion);

    making->head.version = input_below(making->input, 2);
    body->broker = 2;
    body->incarnation.len = 16;
    body->incarnation.data = arena_calloc(making->arena, 1, 16);
    body->incarnation.data[0] = 1;
    body->session = input_below(making->input, 2);
    body->session_epoch = input_below(making->input, 4);
    body->max_wait_ms = input_below(making->input, 4);
    body->max_bytes = 10000;
    body->n_questions = 1;
    body->questions = LIST_OF_ONE(making, question);
    question->topic_id = topic_id(making);
    question->partition = input_below(making->input, 2);
    question->leader_epoch = (int32_t)input_below(making->input, 8);
    question->offset = question->flushed = input_u8(making->input);
    question->last_epoch = (int32_t)input_below(making->input, 8) - 1;
}

static uint8_t *pack(struct making *making, size_t *size)
{
    struct chain chain;

    chain_init(&chain);
    if (head_pack_request(&making->head, making->payload_size, &chain) != 0)
        abort();
    size_t head_size = chain.size;
    uint8_t *bytes = arena_alloc(making->arena, head_size + making->payload_size), *at = bytes;
    for (struct chain_piece *piece; (piece = chain_pop(&chain)) != NULL; chain_piece_free(piece)) {
        memcpy(at, piece->bytes, piece->size);
        at += piece->size;
    }
    if (making->payload_size > 0)
        memcpy(at, making->payload, making->payload_size);
    *size = head_size + making->payload_size;
    return bytes;
}

/* A head of the fuzzer's own; its correlation id comes first, as ours do. */
static uint8_t *make_raw(struct making *making, size_t *size)
{
    enum { OWN = 3 };
    const uint8_t *bytes = input_bytes(making->input, RAW_MAX, size);
    uint8_t *frame = arena_alloc(making->arena, FRAME_PREFIX + OWN + *size);
    uint64_t correlation = making->head.correlation;

    frame_prefix(frame, OWN + *size, 0);
    frame[FRAME_PREFIX] = 1 << 3;
    frame[FRAME_PREFIX + 1] = (uint8_t)(0x80 | (correlation & 0x7f));
    frame[FRAME_PREFIX + 2] = (uint8_t)(correlation >> 7);
    if (*size > 0)
        memcpy(frame + FRAME_PREFIX + OWN, bytes, *size);
    *size += FRAME_PREFIX + OWN;
    return frame;
}

uint8_t *request_make(struct input *input, struct arena *arena, const struct model *model,
                      uint64_t correlation, size_t *size)
{
    static void (*const makers[])(struct making *) = {
        make_produce, make_fetch, make_list_offsets, make_delete_records, make_join, make_sync,
        make_heartbeat, make_leave, make_commit, make_committed, make_delete_group, make_metadata,
        make_create_topics, make_describe_logs, make_replica_fetch, make_produce,
    };
    enum { MAKERS = sizeof makers / sizeof *makers };
    struct making making = { .input = input, .arena = arena, .model = model };
    unsigned kind = input_below(input, MAKERS + 1);

    kairn__request_head__init(&making.head);
    making.head.correlation = correlation;
    making.head.client_id = (char *)"fuzzer";
    if (kind == MAKERS)
        return make_raw(&making, size);
    makers[kind](&making);
    return pack(&making, size);
}
