#include "client/cluster_private.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/broker.h"
#include "client/config.h"
#include "client/handle.h"
#include "client/inquiry.h"
#include "client/reach.h"
#include "client/silence.h"
#include "common/compress.h"
#include "common/error.h"

enum {
    PARK_MS = 10000,            /* how long a broker may keep a question for a newer leader */
    METADATA_TIMEOUT_MS = 5000  /* then another broker is asked; or request.timeout.ms */
};

/* A metadata request: an ordinary one for all held topics, or one parked for a newer leader. */
struct question {
    struct list node;
    struct request request;
    struct cluster *cluster;
    struct topic *topic;               /* of a parked one; held */
};

static void ask_all(struct cluster *cluster);
static void plan(struct cluster *cluster);

int64_t cluster_backoff(struct cluster *cluster, int64_t previous_ms)
{
    const struct config_values *values = &cluster->klient->config->values;
    int64_t next = previous_ms == 0 ? values->retry_backoff_ms : previous_ms * 2;

    if (next > values->retry_backoff_max_ms)
        next = values->retry_backoff_max_ms;
    /* A fifth of jitter each way, so that clients that failed together do not return together. */
    int64_t spread = next / 5;
    next += (int64_t)rand_below(&cluster->rand, (uint64_t)(2 * spread + 1)) - spread;
    return next > 0 ? next : 1;
}

/* --- brokers ---------------------------------------------------------------------------------- */

struct broker *cluster_broker(struct cluster *cluster, int32_t id)
{
    LIST_EACH(&cluster->brokers, node) {
        struct broker *broker = LIST_OWNER(node, struct broker, node);
        if (broker->id == id)
            return broker;
    }
    return NULL;
}

bool cluster_learn_broker(struct cluster *cluster, int32_t id, const char *host, uint32_t port)
{
    struct broker *broker = cluster_broker(cluster, id);

    if (id < 0 || host == NULL || host[0] == '\0' || strlen(host) >= sizeof broker->host ||
        port == 0 || port > UINT16_MAX)
        return false;
    if (broker != NULL)
        broker_move(broker, host, (uint16_t)port);
    else if ((broker = broker_new(cluster->klient, id, host, (uint16_t)port)) != NULL)
        list_append(&cluster->brokers, &broker->node);
    return broker != NULL;
}

/* The one that works; else the one that has failed longest ago, so that all get their turn. */
static void prefer(struct list *brokers, struct broker **best)
{
    LIST_EACH(brokers, node) {
        struct broker *broker = LIST_OWNER(node, struct broker, node);
        if (*best == NULL || (broker_ready(broker) && !broker_ready(*best)) ||
            (broker_ready(broker) == broker_ready(*best) &&
             broker->failed_at_ms < (*best)->failed_at_ms))
            *best = broker;
    }
}

struct broker *cluster_any(struct cluster *cluster)
{
    struct broker *best = NULL;

    prefer(&cluster->brokers, &best);
    prefer(&cluster->bootstrap, &best);
    return best;
}

bool cluster_accepts(const struct cluster *cluster, const char *cluster_id)
{
    return cluster->id[0] == '\0' || cluster_id[0] == '\0' || strcmp(cluster->id, cluster_id) == 0;
}

/* --- pictures --------------------------------------------------------------------------------- */

static bool picture_is_old(const struct cluster *cluster, const Kairn__MetadataResponse *picture)
{
    return picture->controller_epoch < cluster->controller_epoch ||
           (picture->controller_epoch == cluster->controller_epoch &&
            picture->sequence < cluster->sequence);
}

static int topic_resize(struct topic *topic, int32_t count)
{
    if (count <= topic->count)
        return 0;
    struct leadership *partitions = realloc(topic->partitions, (size_t)count * sizeof *partitions);
    if (partitions == NULL)
        return K_NOMEM;
    for (int32_t i = topic->count; i < count; i++)
        partitions[i] = (struct leadership){ .leader = -1, .epoch = -1, .loop = -1 };
    topic->partitions = partitions;
    topic->count = count;
    return 0;
}

static int topic_learn_partitions(struct cluster *cluster, struct topic *topic,
                                  const Kairn__TopicInfo *info)
{
    struct uuid id;

    if (info->n_partitions > INT32_MAX / 16 || head_uuid(info->topic_id, &id) != 0)
        return K_MALFORMED;
    for (size_t i = 0; i < info->n_partitions; i++)
        if (info->partitions[i]->partition >= info->n_partitions)
            return K_MALFORMED;
    if (!uuid_equal(&id, &topic->id)) {
        /* Deleted and created again: nothing of the old one is true of the new one. */
        topic->count = 0;
        topic->id = id;
    }
    topic->codec = compress_find(info->codec);
    int code = topic_resize(topic, (int32_t)info->n_partitions);
    for (size_t i = 0; code == 0 && i < info->n_partitions; i++) {
        const Kairn__PartitionInfo *from = info->partitions[i];
        struct leadership *to = &topic->partitions[from->partition];
        if (from->leader_epoch < to->epoch)
            continue;
        if (to->leader != from->leader)
            silence_deposed(cluster_broker(cluster, to->leader));
        to->leader = from->leader;
        to->epoch = from->leader_epoch;
        to->loop = from->loop <= INT32_MAX ? (int32_t)from->loop : -1;
    }
    if (code == 0)
        topic_learn_replicas(topic, info);
    return code;
}

static void topic_learn(struct cluster *cluster, struct topic *topic, const Kairn__TopicInfo *info)
{
    int code = head_error_code(info->error);

    if (code == 0)
        code = topic_learn_partitions(cluster, topic, info);
    if (code != K_UNKNOWN_TOPIC_OR_PARTITION)
        topic->unknown_since_ms = 0;
    else if (topic->unknown_since_ms == 0)
        topic->unknown_since_ms = cluster_now_ms(cluster);
    topic->code = code;
}

static void learn(struct cluster *cluster, const Kairn__MetadataResponse *picture)
{
    cluster->controller_epoch = picture->controller_epoch;
    cluster->sequence = picture->sequence;
    if (picture->cluster_id != NULL && picture->cluster_id[0] != '\0')
        snprintf(cluster->id, sizeof cluster->id, "%s", picture->cluster_id);
    for (size_t i = 0; i < picture->n_brokers; i++) {
        const Kairn__BrokerInfo *info = picture->brokers[i];
        if (cluster_learn_broker(cluster, info->id, info->host, info->port))
            broker_place(cluster_broker(cluster, info->id), info->rack);
    }
    for (size_t i = 0; i < picture->n_topics; i++) {
        struct topic *topic = map_get_text(&cluster->topics_by_name, picture->topics[i]->name);
        if (topic != NULL)
            topic_learn(cluster, topic, picture->topics[i]);
    }
}

static void tell_observers(struct cluster *cluster)
{
    LIST_EACH_SAFE(&cluster->observers, node, after) {
        struct observer *observer = LIST_OWNER(node, struct observer, node);
        observer->changed(observer);
    }
}

/* --- asking ----------------------------------------------------------------------------------- */

static struct question *question_new(struct cluster *cluster, struct topic *topic,
                                     void (*answer)(struct request *, int,
                                                    const Kairn__ResponseHead *, struct slab *,
                                                    const uint8_t *, size_t),
                                     Kairn__MetadataRequest **body)
{
    struct question *question = malloc(sizeof *question);

    if (question == NULL)
        return NULL;
    request_init(&question->request, answer);
    question->cluster = cluster;
    question->topic = topic;
    list_append(&cluster->questions, &question->node);
    *body = arena_alloc(&question->request.arena, sizeof **body);
    assert(*body != NULL);      /* the first block is ours */
    kairn__metadata_request__init(*body);
    question->request.head.body_case = KAIRN__REQUEST_HEAD__BODY_METADATA;
    question->request.head.metadata = *body;
    return question;
}

static void question_free(struct question *question)
{
    list_remove(&question->node);
    request_fini(&question->request);
    free(question);
}

static int take_picture(struct question *question, int code, const Kairn__ResponseHead *head)
{
    if (code == 0 && picture_is_old(question->cluster, head->metadata))
        code = K_LEADER_NOT_AVAILABLE;
    if (code == 0)
        learn(question->cluster, head->metadata);
    else
        question->request.broker->failed_at_ms = cluster_now_ms(question->cluster);
    return code;
}

/* Those that nothing is known of would be waited for in vain. */
static void give_up_unknown(struct cluster *cluster, int code)
{
    LIST_EACH(&cluster->topics, node) {
        struct topic *topic = LIST_OWNER(node, struct topic, node);
        if (topic->code == K_LEADER_NOT_AVAILABLE)
            topic->code = code;
    }
}

static void all_answered(struct request *request, int code, const Kairn__ResponseHead *head,
                         struct slab *slab, const uint8_t *payload, size_t size)
{
    struct question *question = LIST_OWNER(request, struct question, request);
    struct cluster *cluster = question->cluster;

    (void)slab, (void)payload, (void)size;
    cluster->asking = false;
    if (code == K_REQUEST_TIMED_OUT)
        reach_failed(request->broker, code, true);
    code = take_picture(question, code, head);
    question_free(question);
    if (cluster->closing)
        return;

    bool unsure = code != 0;
    LIST_EACH(&cluster->topics, node)
        unsure |= LIST_OWNER(node, struct topic, node)->code != 0;
    cluster->backoff_ms = unsure ? cluster_backoff(cluster, cluster->backoff_ms) : 0;
    cluster->refresh_at_ms =
        cluster_now_ms(cluster) +
        (unsure ? cluster->backoff_ms : cluster->klient->config->values.metadata_max_age_ms);
    if (code == K_UNSUPPORTED_VERSION)
        give_up_unknown(cluster, code);
    if (code == 0 || code == K_UNSUPPORTED_VERSION)
        tell_observers(cluster);
    if (cluster->ask_again && !unsure)
        ask_all(cluster);
    plan(cluster);
}

static void add_names(const struct cluster *cluster, Kairn__MetadataRequest *body, bool wanted)
{
    LIST_EACH(&cluster->topics, node) {
        const struct topic *topic = LIST_OWNER(node, struct topic, node);
        if (topic->wanted == wanted)
            body->topics[body->n_topics++] = topic->name;
    }
}

static void ask_all(struct cluster *cluster)
{
    Kairn__MetadataRequest *body;
    size_t count = 0;

    if (cluster->asking) {
        cluster->ask_again = true;
        return;
    }
    struct broker *broker = cluster_any(cluster);
    struct question *question = question_new(cluster, NULL, all_answered, &body);
    if (question == NULL)
        return;
    LIST_EACH(&cluster->topics, node)
        count++;
    body->topics = arena_calloc(&question->request.arena, count + 1, sizeof *body->topics);
    if (body->topics == NULL) {
        question_free(question);
        return;
    }
    add_names(cluster, body, true);
    body->create_missing = (uint32_t)body->n_topics;
    add_names(cluster, body, false);
    cluster->ask_again = false;
    cluster->asking = true;
    int64_t limit_ms = cluster->klient->config->values.request_timeout_ms;
    if (broker_ask(broker, &question->request, NULL,
                   limit_ms < METADATA_TIMEOUT_MS ? limit_ms : METADATA_TIMEOUT_MS, true) != 0) {
        cluster->asking = false;
        question_free(question);
        cluster->refresh_at_ms = cluster_now_ms(cluster) + cluster_backoff(cluster, 0);
    }
}

static void newer_answered(struct request *request, int code, const Kairn__ResponseHead *head,
                           struct slab *slab, const uint8_t *payload, size_t size)
{
    struct question *question = LIST_OWNER(request, struct question, request);
    struct cluster *cluster = question->cluster;
    struct topic *topic = question->topic;

    (void)slab, (void)payload, (void)size;
    topic->parked = false;
    code = take_picture(question, code, head);
    question_free(question);
    if (!cluster->closing) {
        bool news = code == 0 && (topic->stale_partition >= topic->count ||
                                  topic->partitions[topic->stale_partition].epoch >
                                      topic->stale_epoch);
        topic->stale &= !news;
        topic->backoff_ms = news ? 0 : cluster_backoff(cluster, topic->backoff_ms);
        topic->ask_again_ms = cluster_now_ms(cluster) + topic->backoff_ms;
        if (topic->code != 0 && topic->ask_again_ms < cluster->refresh_at_ms)
            cluster->refresh_at_ms = topic->ask_again_ms;   /* unknown: all_answered() sees to it */
        if (code == 0)
            tell_observers(cluster);
        plan(cluster);
    }
    cluster_release(cluster, topic);
}

static void ask_newer(struct cluster *cluster, struct topic *topic)
{
    Kairn__MetadataRequest *body;
    struct broker *broker = cluster_any(cluster);
    struct question *question = question_new(cluster, topic, newer_answered, &body);

    if (question == NULL)
        return;
    struct arena *arena = &question->request.arena;
    body->topics = arena_copy(arena, &topic->name, sizeof topic->name);
    body->n_topics = 1;
    body->newer_than = arena_alloc(arena, sizeof *body->newer_than);
    assert(body->topics != NULL && body->newer_than != NULL);
    kairn__stale_leader__init(body->newer_than);
    body->newer_than->topic_id = head_bytes_of_uuid(&topic->id);
    body->newer_than->partition = (uint32_t)topic->stale_partition;
    body->newer_than->leader_epoch = topic->stale_epoch;
    topic->parked = true;
    topic->references++;
    if (broker_ask(broker, &question->request, NULL, PARK_MS, true) != 0) {
        topic->parked = false;
        topic->references--;
        topic->ask_again_ms = cluster_now_ms(cluster) + cluster_backoff(cluster, 0);
        question_free(question);
    }
}

/* Ask what is due, and be woken for the rest. */
static void plan(struct cluster *cluster)
{
    int64_t now = cluster_now_ms(cluster), next = INT64_MAX;

    if (list_empty(&cluster->topics)) {
        timer_stop(cluster->timer);
        return;
    }
    LIST_EACH(&cluster->topics, node) {
        struct topic *topic = LIST_OWNER(node, struct topic, node);
        if (!topic->stale || topic->parked || topic->code != 0)
            continue;
        if (topic->ask_again_ms <= now)
            ask_newer(cluster, topic);
        if (!topic->parked && topic->ask_again_ms < next)
            next = topic->ask_again_ms;
    }
    if (!cluster->asking) {
        if (cluster->refresh_at_ms <= now)
            ask_all(cluster);
        if (!cluster->asking && cluster->refresh_at_ms < next)
            next = cluster->refresh_at_ms;
    }
    if (next == INT64_MAX)
        timer_stop(cluster->timer);
    else
        timer_at(cluster->timer, next > now ? next : now + 1);
}

static void timer_fired(void *context)
{
    plan(context);
}

void cluster_refresh(struct cluster *cluster)
{
    ask_all(cluster);
    plan(cluster);
}

bool cluster_stale(struct cluster *cluster, struct topic *topic, int32_t partition, int32_t epoch,
                   const Kairn__Error *error)
{
    const Kairn__LeaderHint *hint = error == NULL ? NULL : error->leader;

    if (partition >= topic->count) {
        cluster_refresh(cluster);
        return false;
    }
    struct leadership *known = &topic->partitions[partition];
    if (known->epoch > epoch)
        return true;                /* somebody else has found out already */
    if (hint != NULL && hint->epoch > known->epoch && hint->broker >= 0) {
        cluster_learn_broker(cluster, hint->broker, hint->host, hint->port);
        *known = (struct leadership){ .leader = hint->broker, .epoch = hint->epoch, .loop = -1 };
        return true;
    }
    if (!topic->stale || !topic->parked) {
        topic->stale = true;
        topic->stale_partition = partition;
        topic->stale_epoch = epoch;
        plan(cluster);
    }
    return false;
}

/* --- life ------------------------------------------------------------------------------------- */

void cluster_observe(struct cluster *cluster, struct observer *observer,
                     void (*changed)(struct observer *observer))
{
    observer->changed = changed;
    list_append(&cluster->observers, &observer->node);
}

void cluster_unobserve(struct observer *observer)
{
    list_remove(&observer->node);
}

struct list *cluster_brokers(struct cluster *cluster)
{
    return &cluster->brokers;
}

struct list *cluster_inquiries(struct cluster *cluster)
{
    return &cluster->inquiries;
}

static int read_bootstrap(struct cluster *cluster)
{
    const char *at = cluster->klient->config->values.bootstrap_servers;
    char host[256];
    uint16_t port;
    int code;

    while ((code = config_next_server(&at, host, sizeof host, &port)) == 1) {
        struct broker *broker = broker_new(cluster->klient, -1, host, port);
        if (broker == NULL)
            return K_NOMEM;
        list_append(&cluster->bootstrap, &broker->node);
    }
    return code;
}

int cluster_new(struct klient *klient, struct cluster **out)
{
    struct cluster *cluster = calloc(1, sizeof *cluster);

    if (cluster == NULL)
        return K_NOMEM;
    cluster->klient = klient;
    list_init(&cluster->brokers);
    list_init(&cluster->bootstrap);
    list_init(&cluster->topics);
    list_init(&cluster->observers);
    list_init(&cluster->inquiries);
    list_init(&cluster->questions);
    map_init(&cluster->topics_by_name);
    rand_seed_from_system(&cluster->rand);
    int code = read_bootstrap(cluster);
    if (code == 0)
        code = timer_new(klient->loop, timer_fired, cluster, &cluster->timer);
    if (code != 0) {
        cluster_free(cluster);
        return code;
    }
    *out = cluster;
    return 0;
}

static void free_brokers(struct list *brokers)
{
    LIST_EACH_SAFE(brokers, node, after)
        broker_free(LIST_OWNER(node, struct broker, node));
}

void cluster_free(struct cluster *cluster)
{
    cluster->closing = true;
    while (!list_empty(&cluster->inquiries))
        inquiry_end(LIST_OWNER(list_first(&cluster->inquiries), struct inquiry, node), K_CLOSED,
                    NULL);
    free_brokers(&cluster->brokers);       /* answers the questions */
    free_brokers(&cluster->bootstrap);
    assert(list_empty(&cluster->questions));
    LIST_EACH_SAFE(&cluster->topics, node, after) {
        struct topic *topic = LIST_OWNER(node, struct topic, node);
        topic->references = 1;
        cluster_release(cluster, topic);
    }
    map_fini(&cluster->topics_by_name);
    timer_free(cluster->timer);
    free(cluster);
}
