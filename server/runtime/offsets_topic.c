#include "server/runtime/offsets_topic.h"

#include <inttypes.h>
#include <stdio.h>

#include "common/error.h"
#include "common/log.h"
#include "server/runtime/group_place.h"
#include "server/runtime/make_topic.h"
#include "server/runtime/shard_state.h"

/* A group is one record, and Kafka's usual 1 MB is too little for a thousand members: as much as
 * their leader can be told of. */
#define LARGEST_GROUP "16777216"

static bool exists(const struct shard *shard)
{
    return metadata_topic_by_name(shard_picture(shard), OFFSETS_TOPIC) != NULL;
}

/* Others may come within, and wait for the next answer. */
static void tell_all(struct shard *shard, int code)
{
    struct list told;

    list_init(&told);
    list_move(&told, &shard->offsets_topic.waiting);
    while (!list_empty(&told)) {
        struct offsets_topic_wait *wait =
            LIST_OWNER(list_first(&told), struct offsets_topic_wait, node);
        list_remove(&wait->node);
        wait->ready(wait, code);
    }
}

/* --- asking the controller -------------------------------------------------------------------- */

/* Said once, however often it is tried. */
static void say_failure(struct offsets_topic *topic, int code, const char *text)
{
    if (code != topic->code)
        LOG_WARN("offsets-topic-not-made", "topic=" OFFSETS_TOPIC " error=%s reason=\"%s\"",
                 k_error_name(code), text);
    topic->code = code;
}

static void made(struct shard *shard, void *context, int code, const char *text)
{
    struct offsets_topic *topic = &shard->offsets_topic;
    bool is_made = code == 0 || code == K_TOPIC_ALREADY_EXISTS;

    (void)context;
    topic->asked = false;
    if (is_made)
        topic->code = 0;
    else
        say_failure(topic, code, text);
    if (exists(shard))
        tell_all(shard, 0);
    else if (!is_made || shard->closed)
        tell_all(shard, K_COORDINATOR_NOT_AVAILABLE);
    /* else the picture is on its way */
}

static void ask(struct shard *shard)
{
    const struct offsets_topic_options *options = &shard_options(shard)->offsets_topic;
    char segment_bytes[16];
    const struct metadata_config configs[] = {
        { "cleanup.policy", "compact" },
        { "compression.type", "producer" },
        { "segment.bytes", segment_bytes },
        { "max.message.bytes", LARGEST_GROUP },
    };
    const struct topic_wish wish = {
        .name = OFFSETS_TOPIC,
        .partitions = options->partitions,
        .replication_factor = options->replication_factor,
        .configs = configs,
        .config_count = sizeof configs / sizeof *configs,
    };

    snprintf(segment_bytes, sizeof segment_bytes, "%" PRId32, options->segment_bytes);
    shard->offsets_topic.asked = make_topic(shard, &wish, made, NULL) == 0;
    if (!shard->offsets_topic.asked)
        tell_all(shard, K_COORDINATOR_NOT_AVAILABLE);
}

/* --- waiting ---------------------------------------------------------------------------------- */

static void picture_changed(struct shard_watch *watch, const struct metadata *picture)
{
    struct shard *shard = LIST_OWNER(watch, struct shard, offsets_topic.watch);

    (void)picture;
    if (!exists(shard))
        return;
    shard_watch_stop(watch);
    tell_all(shard, 0);
}

void offsets_topic_init(struct offsets_topic *topic)
{
    list_init(&topic->waiting);
    list_init(&topic->watch.node);
    topic->watch.changed = picture_changed;
}

void offsets_topic_want(struct shard *shard, struct offsets_topic_wait *wait)
{
    struct offsets_topic *topic = &shard->offsets_topic;

    list_init(&wait->node);
    if (exists(shard)) {
        wait->ready(wait, 0);
        return;
    }
    if (shard->closed) {
        wait->ready(wait, K_COORDINATOR_NOT_AVAILABLE);
        return;
    }
    list_append(&topic->waiting, &wait->node);
    if (list_empty(&topic->watch.node))
        shard_watch_start(shard, &topic->watch);
    if (!topic->asked)
        ask(shard);
}

void offsets_topic_leave(struct offsets_topic_wait *wait)
{
    list_remove(&wait->node);
}
