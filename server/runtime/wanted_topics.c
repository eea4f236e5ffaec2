#include "server/runtime/wanted_topics.h"

#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "common/log.h"
#include "server/runtime/group_place.h"
#include "server/runtime/make_topic.h"
#include "server/runtime/shard_state.h"

enum {
    NAMES_MAX = 256,                /* of a shard; what a hostile client could make us hold */
    REMEMBERED_MS = 1000            /* a failure, and that it was made before the picture tells */
};

struct wanted {
    struct list node;
    int code;                       /* LEADER_NOT_AVAILABLE: it is being made; else the outcome */
    int64_t until_ms;               /* for how long the outcome counts */
    char name[];
};

void wanted_topics_init(struct wanted_topics *wanted)
{
    list_init(&wanted->names);
    wanted->count = 0;
}

static void forget(struct wanted_topics *all, struct wanted *wanted)
{
    list_remove(&wanted->node);
    all->count--;
    free(wanted);
}

void wanted_topics_fini(struct wanted_topics *wanted)
{
    while (!list_empty(&wanted->names))
        forget(wanted, LIST_OWNER(list_first(&wanted->names), struct wanted, node));
}

/* The one of that name; what has lost its use is dropped on the way. */
static struct wanted *find(struct shard *shard, const char *name)
{
    struct wanted_topics *all = &shard->wanted_topics;
    struct wanted *found = NULL;

    LIST_EACH_SAFE(&all->names, node, after)
    {
        struct wanted *wanted = LIST_OWNER(node, struct wanted, node);
        if (shard_now_ms(shard) >= wanted->until_ms)
            forget(all, wanted);
        else if (strcmp(wanted->name, name) == 0)
            found = wanted;
    }
    return found;
}

static void made(struct shard *shard, void *context, int code, const char *text)
{
    struct wanted *wanted = context;
    bool is_there = code == 0 || code == K_TOPIC_ALREADY_EXISTS;

    if (code == 0)
        LOG_INFO("topic-made", "topic=%s reason=\"a client named it\"", wanted->name);
    else if (!is_there)
        LOG_WARN("topic-not-made", "topic=%s error=%s reason=\"%s\"", wanted->name,
                 k_error_name(code), text);
    /* Until the picture has it, it is still being made. */
    wanted->code = is_there ? K_LEADER_NOT_AVAILABLE : code;
    wanted->until_ms = shard_now_ms(shard) + REMEMBERED_MS;
}

int wanted_topics_want(struct shard *shard, const struct topic_wish *wish)
{
    struct wanted_topics *all = &shard->wanted_topics;
    struct wanted *wanted = find(shard, wish->name);
    size_t size = strlen(wish->name) + 1;

    if (wanted != NULL)
        return wanted->code;
    if (shard->closed || topic_is_internal(wish->name) || all->count == NAMES_MAX)
        return K_UNKNOWN_TOPIC_OR_PARTITION;
    wanted = malloc(sizeof *wanted + size);
    if (wanted == NULL)
        return K_UNKNOWN_TOPIC_OR_PARTITION;
    memcpy(wanted->name, wish->name, size);
    wanted->code = K_LEADER_NOT_AVAILABLE;
    wanted->until_ms = INT64_MAX;   /* make_topic() has a deadline of its own */
    list_append(&all->names, &wanted->node);
    all->count++;
    if (make_topic(shard, wish, made, wanted) == 0)
        return K_LEADER_NOT_AVAILABLE;
    forget(all, wanted);
    return K_UNKNOWN_TOPIC_OR_PARTITION;
}
