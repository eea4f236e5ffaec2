/* controller_load.c - read everything that is stored about topics, once, at election.
 *
 * One sync, then the lists of deletions, of delete requests, of brokers with a configuration and of
 * topics, then
 * per topic its node, its configuration and its partitions' states, and the configurations of
 * brokers, READS_MAX reads at a time. A read that fails ends the
 * load with its code; the caller starts anew, so that nothing is ever decided on half a picture.
 * A topic with a broken node is left out and named in the log; the others are served, and
 * quarantine.c looks after it. A partition
 * with a broken state is as one whose state was never stored, and the store does not overwrite what
 * it finds there (store.c): nobody leads the partition until the state is mended. A topic
 * without an id (Kafka wrote none before 2.8) is given one here, stored before it is used. Of a
 * configuration that can not be served, what the former controller told of it stays. */
#include "server/runtime/control_internal.h"

#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "server/runtime/config_values.h"
#include "server/runtime/state_node.h"
#include "zk/fence.h"

enum { READS_MAX = 256 };

enum read_kind { READ_TOPIC, READ_CONFIG, READ_STATE, READ_ENTITY };

struct load_topic {
    struct controller_topic topic;      /* arrays in the load's arena */
    struct partition_state *partitions;
    bool broken, exists;
};

struct controller_load {
    struct control *control;
    void (*done)(struct control *control, int code);
    struct arena arena;
    struct load_topic *topics;
    const struct metadata *picture;     /* reference: what was told before */
    struct controller_entity *entities; /* brokers, by the names of their configurations */
    size_t entity_count, entity_cursor;
    size_t count, cursor;               /* the next read: of which topic, */
    int32_t part;                       /* which part of it, */
    bool states;                        /* in the second round? */
    size_t in_flight;
    struct unread_state *unread;        /* in the arena */
    int code;
    bool cancelled;                    /* freed by its owner: goes when the last read is answered */
    struct uuid *deleted;
    size_t deleted_count;
    char **doomed;
    size_t doomed_count;
    struct controller_topic *result;
    size_t result_count;
};

struct load_read {
    struct controller_load *load;
    enum read_kind kind;
    size_t topic;                       /* READ_ENTITY: which entity */
    int32_t partition;
};

static void load_destroy(struct controller_load *load)
{
    arena_fini(&load->arena);
    metadata_put(load->picture);
    free(load);
}

void controller_load_free(struct controller_load *load)
{
    if (load == NULL)
        return;
    load->cancelled = true;
    if (load->in_flight == 0)
        load_destroy(load);
}

const struct controller_topic *controller_load_topics(const struct controller_load *load,
                                                      size_t *count)
{
    *count = load->result_count;
    return load->result;
}

const char *controller_load_broken(const struct controller_load *load, size_t *position)
{
    while (*position < load->count) {
        const struct load_topic *topic = &load->topics[(*position)++];
        if (topic->broken)
            return topic->topic.name;
    }
    return NULL;
}

const struct unread_state *controller_load_unread(const struct controller_load *load)
{
    return load->unread;
}

const struct controller_entity *controller_load_entities(const struct controller_load *load,
                                                         size_t *count)
{
    *count = load->entity_count;
    return load->entities;
}

const struct uuid *controller_load_deleted(const struct controller_load *load, size_t *count)
{
    *count = load->deleted_count;
    return load->deleted;
}

int controller_load_decode(struct arena *arena, const char *data, size_t size,
                           struct znode_topic *node, struct k_reason *reason)
{
    int error = znode_decode_topic(arena, data, size, node, reason);

    if (error == 0 &&
        (node->partition_count == 0 || node->partition_count > PARTITIONS_PER_TOPIC_MAX))
        error = k_reason_set(reason, K_CORRUPT, "%zu partitions", node->partition_count);
    for (size_t i = 0; error == 0 && i < node->partition_count; i++)
        if (node->partitions[i].count < 1 || node->partitions[i].count > REPLICAS_MAX)
            error = k_reason_set(reason, K_CORRUPT, "%d replicas of partition %zu",
                                 node->partitions[i].count, i);
    return error;
}

/* --- decoding --------------------------------------------------------------------------------- */

static void load_advance(struct controller_load *load);

static void id_given(void *context, const struct zk_reply *reply)
{
    struct load_read *write = context;
    struct controller_load *load = write->load;
    struct load_topic *topic = &load->topics[write->topic];

    load->in_flight--;
    if (!load->cancelled && load->code == 0 && reply->code != K_NOT_FOUND) {
        load->code = reply->code;        /* also when somebody else wrote it: all is read again */
        topic->exists = reply->code == 0;
    }
    if (topic->exists && !load->cancelled)
        LOG_INFO("topic-id-given", "topic=%s", topic->topic.name);
    free(write);
    load_advance(load);
}

/* The topic counts as soon as its id is stored. */
static int give_id(struct controller_load *load, size_t index, struct znode_topic *node,
                   int32_t version)
{
    struct control *control = load->control;
    struct load_topic *topic = &load->topics[index];
    struct load_read *write = malloc(sizeof *write);
    int error = K_NOMEM;

    topic->topic.id = node->id = uuid_random();
    char *data = znode_encode_topic(&load->arena, node);
    char *path = znode_path(&load->arena, ZNODE_TOPIC, topic->topic.name);
    if (write != NULL && data != NULL && path != NULL) {
        const struct zk_op set = { .kind = ZK_OP_SET, .path = path, .data = data,
                                   .size = strlen(data), .version = version };
        *write = (struct load_read){ .load = load, .topic = index };
        error = zk_fenced(control->session, control->chair.epoch_version, &set, 1, id_given, write);
    }
    if (error == 0)
        load->in_flight++;
    else
        free(write);
    return error;
}

static bool has_id(const struct znode_replicas *sets, size_t partition, int32_t id)
{
    for (int32_t i = 0; sets != NULL && i < sets[partition].count; i++)
        if (sets[partition].ids[i] == id)
            return true;
    return false;
}

/* What is being reassigned. What makes no sense counts as not under way: the core sees to that. */
static int load_moves(struct controller_load *load, struct load_topic *topic,
                      const struct znode_topic *node)
{
    if (node->adding == NULL && node->removing == NULL)
        return 0;
    struct replica_moves *moves = arena_calloc(&load->arena, node->partition_count, sizeof *moves);
    if (moves == NULL)
        return K_NOMEM;
    for (size_t p = 0; p < node->partition_count; p++) {
        const struct replica_set *replicas = &topic->partitions[p].replicas;
        for (int32_t i = 0; i < replicas->count; i++) {
            moves[p].adding |= (uint16_t)(has_id(node->adding, p, replicas->ids[i]) << i);
            moves[p].removing |= (uint16_t)(has_id(node->removing, p, replicas->ids[i]) << i);
        }
    }
    topic->topic.moves = moves;
    return 0;
}

static int decode_topic(struct controller_load *load, size_t index, const struct zk_reply *reply)
{
    struct load_topic *topic = &load->topics[index];
    struct znode_topic node;
    struct k_reason reason = { "" };
    int error = controller_load_decode(&load->arena, reply->data, reply->size, &node, &reason);
    if (error == K_NOMEM)
        return error;
    if (error != 0) {
        LOG_ERROR("topic-quarantined",
                  "topic=%s reason=\"%s\" action=\"mend the znode: it is read again\"",
                  topic->topic.name, reason.text);
        topic->broken = true;
        return 0;
    }
    topic->partitions = arena_calloc(&load->arena, node.partition_count, sizeof *topic->partitions);
    if (topic->partitions == NULL)
        return K_NOMEM;
    topic->topic.partition_count = (int32_t)node.partition_count;
    topic->topic.partitions = topic->partitions;
    for (size_t i = 0; i < node.partition_count; i++) {
        struct partition_state *state = &topic->partitions[i];
        *state = (struct partition_state){
            .version = -1, .leader = -1, .unclean_epoch = -1, .min_insync = 1 };
        state->replicas.count = node.partitions[i].count;
        memcpy(state->replicas.ids, node.partitions[i].ids,
               (size_t)node.partitions[i].count * sizeof(int32_t));
    }
    error = load_moves(load, topic, &node);
    if (error != 0)
        return error;
    if (uuid_is_zero(&node.id))
        return give_id(load, index, &node, reply->stat.version);
    topic->topic.id = node.id;
    topic->exists = true;
    return 0;
}

static int decode_state(struct controller_load *load, struct load_topic *topic, int32_t partition,
                        const struct zk_reply *reply)
{
    struct k_reason reason = { "" };
    struct partition_state *state = &topic->partitions[partition];
    int error = state_node_decode(&load->arena, reply->data, reply->size, state, &reason);

    if (error == K_NOMEM)
        return error;
    if (error != 0) {
        LOG_ERROR("partition-quarantined",
                  "topic=%s partition=%d reason=\"%s\" action=\"mend the znode: it is read again\"",
                  topic->topic.name, partition, reason.text);
        struct unread_state *unread = arena_alloc(&load->arena, sizeof *unread);
        if (unread == NULL)
            return K_NOMEM;
        *unread = (struct unread_state){ load->unread, topic->topic.name, partition };
        load->unread = unread;
        return 0;
    }
    state->version = reply->stat.version;
    return 0;
}

/* What is served of a configuration: what its node says, or, where that makes no sense, what was
 * told before; config_watch.c comes by and logs it. `entity` has its name already. */
static int decode_config(struct controller_load *load, enum entity_kind kind,
                         const struct metadata_config *told, int32_t told_count,
                         const struct zk_reply *reply, struct controller_entity *entity)
{
    struct znode_config node;
    struct controller_config *configs;
    struct controller_config *known = config_from_picture(&load->arena, told, told_count);

    if (known == NULL)
        return K_NOMEM;
    entity->version = reply->stat.version;
    int error = znode_decode_config(&load->arena, reply->data, reply->size, &node, NULL);
    if (error != 0 && error != K_NOMEM) {
        entity->configs = known;
        entity->config_count = told_count;
        return 0;
    }
    if (error == 0)
        error = config_values(&load->arena, load->control->options.broker_options, kind,
                              entity->name, &node, known, told_count, false, &configs);
    if (error != 0)
        return error;
    entity->configs = configs;
    entity->config_count = (int32_t)node.count;
    return 0;
}

static int decode_topic_config(struct controller_load *load, struct load_topic *topic,
                               const struct zk_reply *reply)
{
    struct controller_entity entity = { .name = topic->topic.name };
    const struct metadata_topic *told = metadata_topic_by_name(load->picture, entity.name);
    int error =
        decode_config(load, ENTITY_TOPIC, told != NULL ? told->configs : NULL,
                      told != NULL ? told->config_count : 0, reply, &entity);
    if (error != 0)
        return error;
    topic->topic.configs = entity.configs;
    topic->topic.config_count = entity.config_count;
    topic->topic.config_version = entity.version;
    return 0;
}

static int decode_entity(struct controller_load *load, struct controller_entity *entity,
                         const struct zk_reply *reply)
{
    const struct metadata_settings *told = metadata_settings(load->picture, entity->name);

    return decode_config(load, ENTITY_BROKER, told != NULL ? told->configs : NULL,
                         told != NULL ? told->config_count : 0, reply, entity);
}

/* --- asking ----------------------------------------------------------------------------------- */

static void read_answered(void *context, const struct zk_reply *reply)
{
    struct load_read *read = context;
    struct controller_load *load = read->load;
    int error = reply->code;

    load->in_flight--;
    if (!load->cancelled && load->code == 0) {
        if (error == K_NOT_FOUND)
            error = 0;          /* deleted meanwhile, never configured, or a state not made yet */
        else if (error == 0 && read->kind == READ_TOPIC)
            error = decode_topic(load, read->topic, reply);
        else if (error == 0 && read->kind == READ_CONFIG)
            error = decode_topic_config(load, &load->topics[read->topic], reply);
        else if (error == 0 && read->kind == READ_ENTITY)
            error = decode_entity(load, &load->entities[read->topic], reply);
        else if (error == 0)
            error = decode_state(load, &load->topics[read->topic], read->partition, reply);
        load->code = error;
    }
    free(read);
    load_advance(load);
}

static int ask(struct controller_load *load, enum read_kind kind, size_t topic, int32_t partition)
{
    const char *name =
        kind == READ_ENTITY ? load->entities[topic].name : load->topics[topic].topic.name;
    enum znode node = kind == READ_TOPIC    ? ZNODE_TOPIC
                      : kind == READ_CONFIG ? ZNODE_CONFIG_TOPIC
                      : kind == READ_ENTITY ? ZNODE_CONFIG_BROKER
                                            : ZNODE_PARTITION_STATE;
    char memory[512];
    struct arena arena;
    struct load_read *read = malloc(sizeof *read);

    arena_init(&arena, memory, sizeof memory, 4096);
    char *path = kind == READ_STATE ? znode_path(&arena, node, name, partition)
                                    : znode_path(&arena, node, name);
    int error = K_NOMEM;
    if (read != NULL && path != NULL) {
        *read = (struct load_read){ load, kind, topic, partition };
        error = zk_get(load->control->session, path, NULL, read_answered, read);
    }
    if (error == 0)
        load->in_flight++;
    else
        free(read);
    arena_fini(&arena);
    return error;
}

/* Ask the next read: first every topic's node and configuration, then, once all nodes are known,
 * every partition's state. 1: asked or moved on; 0: nothing to ask until answers come; below 0:
 * not possible. */
static int ask_next(struct controller_load *load)
{
    if (load->entity_cursor < load->entity_count)
        return ask(load, READ_ENTITY, load->entity_cursor++, 0) == 0 ? 1 : -1;
    if (load->cursor == load->count) {
        if (load->states || load->in_flight > 0)
            return 0;
        load->states = true;
        load->cursor = 0;
        load->part = 0;
        return load->count > 0;
    }
    struct load_topic *topic = &load->topics[load->cursor];
    int32_t parts = !load->states                     ? 2
                    : topic->exists && !topic->broken ? topic->topic.partition_count
                                                      : 0;
    if (load->part >= parts) {
        load->cursor++;
        load->part = 0;
        return 1;
    }
    int32_t part = load->part++;
    enum read_kind kind = load->states ? READ_STATE : part == 0 ? READ_TOPIC : READ_CONFIG;
    return ask(load, kind, load->cursor, part) == 0 ? 1 : -1;
}

static int collect(struct controller_load *load)
{
    load->result = arena_calloc(&load->arena, load->count + 1, sizeof *load->result);
    if (load->result == NULL)
        return K_NOMEM;
    for (size_t i = 0; i < load->count; i++) {
        struct load_topic *topic = &load->topics[i];
        if (!topic->exists || topic->broken)
            continue;
        for (size_t d = 0; d < load->doomed_count; d++)
            topic->topic.doomed |= strcmp(load->doomed[d], topic->topic.name) == 0;
        load->result[load->result_count++] = topic->topic;
    }
    return 0;
}

static void load_advance(struct controller_load *load)
{
    if (load->cancelled) {
        if (load->in_flight == 0)
            load_destroy(load);
        return;
    }
    for (int asked = 1; asked == 1 && load->code == 0 && load->in_flight < READS_MAX;) {
        asked = ask_next(load);
        if (asked < 0)
            load->code = K_SESSION_LOST;
    }
    if (load->in_flight > 0)
        return;
    if (load->code == 0)
        load->code = collect(load);
    load->done(load->control, load->code);
}

/* --- the lists -------------------------------------------------------------------------------- */

static void topics_listed(void *context, const struct zk_reply *reply)
{
    struct controller_load *load = context;
    load->in_flight--;
    if (!load->cancelled && load->code == 0) {
        load->code = reply->code;
        if (reply->code == 0) {
            load->topics = arena_calloc(&load->arena, reply->child_count + 1, sizeof *load->topics);
            if (load->topics == NULL)
                load->code = K_NOMEM;
            for (size_t i = 0; load->code == 0 && i < reply->child_count; i++) {
                struct controller_topic *topic = &load->topics[i].topic;
                topic->name = arena_strdup(&load->arena, reply->children[i]);
                topic->config_version = -1;
                if (topic->name == NULL)
                    load->code = K_NOMEM;
                else
                    load->count++;
            }
        }
    }
    load_advance(load);
}

/* The next list, unless the load is over. */
static void list(struct controller_load *load, const char *path, zk_answer listed)
{
    if (!load->cancelled && load->code == 0) {
        if (zk_children(load->control->session, path, NULL, listed, load) == 0) {
            load->in_flight++;
            return;
        }
        load->code = K_SESSION_LOST;
    }
    load_advance(load);
}

static void entities_listed(void *context, const struct zk_reply *reply)
{
    struct controller_load *load = context;
    load->in_flight--;
    if (!load->cancelled && load->code == 0) {
        load->code = reply->code;
        load->entities =
            arena_calloc(&load->arena, reply->child_count + 1, sizeof *load->entities);
        if (load->entities == NULL)
            load->code = K_NOMEM;
        for (size_t i = 0; load->code == 0 && i < reply->child_count; i++) {
            struct controller_entity *entity = &load->entities[i];
            entity->name = arena_strdup(&load->arena, reply->children[i]);
            entity->version = -1;
            if (entity->name == NULL)
                load->code = K_NOMEM;
            else
                load->entity_count++;
        }
    }
    list(load, "/brokers/topics", topics_listed);
}

static void doomed_listed(void *context, const struct zk_reply *reply)
{
    struct controller_load *load = context;
    load->in_flight--;
    if (!load->cancelled && load->code == 0) {
        load->code = reply->code;
        load->doomed = arena_calloc(&load->arena, reply->child_count + 1, sizeof *load->doomed);
        if (load->doomed == NULL)
            load->code = K_NOMEM;
        for (size_t i = 0; load->code == 0 && i < reply->child_count; i++) {
            load->doomed[i] = arena_strdup(&load->arena, reply->children[i]);
            if (load->doomed[i] == NULL)
                load->code = K_NOMEM;
            else
                load->doomed_count++;
        }
    }
    list(load, "/config/brokers", entities_listed);
}

static void deletions_listed(void *context, const struct zk_reply *reply)
{
    struct controller_load *load = context;
    load->in_flight--;
    if (!load->cancelled && load->code == 0 && reply->code != K_NOT_FOUND) {
        load->code = reply->code;
        if (load->code == 0)
            load->code = deletions_read(&load->arena, reply, &load->deleted, &load->deleted_count);
    }
    list(load, "/admin/delete_topics", doomed_listed);
}

static void synced(void *context, const struct zk_reply *reply)
{
    struct controller_load *load = context;
    load->in_flight--;
    if (!load->cancelled)
        load->code = reply->code;
    list(load, "/kairn/deleted", deletions_listed);
}

int controller_load_start(struct control *control, void (*done)(struct control *control, int code))
{
    struct controller_load *load = calloc(1, sizeof *load);
    if (load == NULL)
        return K_NOMEM;
    load->control = control;
    load->done = done;
    load->picture = metadata_get(control->options.cell);
    arena_init(&load->arena, NULL, 0, SIZE_MAX);
    load->in_flight = 1;
    int error = control->session == NULL ? K_SESSION_LOST
                                         : zk_sync(control->session, "/brokers", synced, load);
    if (error != 0) {
        load_destroy(load);
        return error;
    }
    control->chair.load = load;
    return 0;
}
