#include "client/position.h"

#include <stdlib.h>
#include <string.h>

#include "client/config.h"
#include "client/error.h"
#include "client/task.h"
#include "common/error.h"

static int build(struct inquiry *inquiry, struct request *request)
{
    struct lookup *lookup = LIST_OWNER(inquiry, struct lookup, inquiry);
    Kairn__ListOffsetsRequest *body = arena_alloc(&request->arena, sizeof *body);
    Kairn__ListOffsetsPartition *row = arena_alloc(&request->arena, sizeof *row);

    if (body == NULL || row == NULL)
        return K_NOMEM;
    kairn__list_offsets_request__init(body);
    kairn__list_offsets_partition__init(row);
    row->topic_id = head_bytes_of_uuid(&inquiry->topic->id);
    row->partition = (uint32_t)inquiry->partition;
    row->timestamp = lookup->timestamp;
    row->leader_epoch = inquiry->epoch;
    body->isolation = lookup->isolation == ISOLATION_COMMITTED;
    body->partitions = arena_copy(&request->arena, &row, sizeof row);
    body->n_partitions = 1;
    request->head.body_case = KAIRN__REQUEST_HEAD__BODY_LIST_OFFSETS;
    request->head.list_offsets = body;
    return body->partitions == NULL ? K_NOMEM : 0;
}

static int read(struct inquiry *inquiry, const Kairn__ResponseHead *head,
                const Kairn__Error **error)
{
    struct lookup *lookup = LIST_OWNER(inquiry, struct lookup, inquiry);

    if (head->list_offsets->n_results != 1)
        return K_MALFORMED;
    const Kairn__ListOffsetsResult *result = head->list_offsets->results[0];
    *error = result->error;
    lookup->offset = result->offset;
    if (head_error_code(result->error) == 0 && result->offset < 0 && lookup->timestamp < 0)
        return K_MALFORMED;
    return head_error_code(result->error);
}

static void done(struct inquiry *inquiry, int code, const char *text)
{
    struct lookup *lookup = LIST_OWNER(inquiry, struct lookup, inquiry);

    (void)text;
    lookup->found(lookup, code);
}

void lookup_start(struct lookup *lookup, struct klient *klient, const char *topic,
                  int32_t partition, int64_t deadline_ms)
{
    lookup->inquiry.build = build;
    lookup->inquiry.read = read;
    lookup->inquiry.done = done;
    lookup->inquiry.once = false;
    inquiry_start(&lookup->inquiry, klient, topic, partition, deadline_ms);
}

/* --- many, for an application thread ---------------------------------------------------------- */

struct item {
    struct lookup lookup;
    struct lookups *all;
    char *topic;                    /* owned */
    int32_t partition;
    int code;
};

struct lookups {
    struct task task;
    struct klient *klient;
    int64_t deadline_ms;
    size_t count, left;
    struct item items[];
};

static void one_found(struct lookup *lookup, int code)
{
    struct item *item = LIST_OWNER(lookup, struct item, lookup);
    struct lookups *all = item->all;

    item->code = code;
    if (--all->left == 0)
        task_done(&all->task, 0);
}

static void run(struct task *task)
{
    struct lookups *all = LIST_OWNER(task, struct lookups, task);
    size_t count = all->count;

    /* The last to be found frees `all`, maybe during the last start. */
    for (size_t i = 0; i < count; i++)
        lookup_start(&all->items[i].lookup, all->klient, all->items[i].topic,
                     all->items[i].partition, all->deadline_ms);
}

static void dispose(struct task *task)
{
    struct lookups *all = LIST_OWNER(task, struct lookups, task);

    for (size_t i = 0; i < all->count; i++)
        free(all->items[i].topic);
    free(all);
}

static klient_code_t take(struct lookups *all, int64_t *offsets, klient_error_t **error)
{
    for (size_t i = 0; i < all->count; i++)
        if (all->items[i].code != 0)
            return fail_partition(error, all->items[i].code, all->items[i].topic,
                                  all->items[i].partition, -1, NULL);
    for (size_t i = 0; i < all->count; i++)
        offsets[i] = all->items[i].lookup.offset;
    return KLIENT_OK;
}

klient_code_t lookup_all(struct klient *klient, int isolation,
                         const klient_topic_partition_t *partitions, const int64_t *timestamps,
                         int64_t timestamp, size_t count, int64_t deadline_ms,
                         int (*wait)(void *context, struct task *task, int64_t deadline_ms),
                         void *context, int64_t *offsets, klient_error_t **error)
{
    if (count == 0)
        return KLIENT_OK;
    struct lookups *all = calloc(1, sizeof *all + count * sizeof all->items[0]);
    if (all == NULL)
        return fail(error, K_NOMEM, NULL);
    task_init(&all->task, run, dispose);
    all->klient = klient;
    all->deadline_ms = deadline_ms;
    all->count = all->left = count;
    bool copied = true;
    for (size_t i = 0; i < count; i++) {
        struct item *item = &all->items[i];
        item->all = all;
        item->topic = strdup(partitions[i].topic);
        item->partition = partitions[i].partition;
        item->lookup.timestamp = timestamps == NULL ? timestamp : timestamps[i];
        item->lookup.isolation = isolation;
        item->lookup.found = one_found;
        copied &= item->topic != NULL;
    }
    klient_code_t code;
    if (!copied) {
        code = fail(error, K_NOMEM, NULL);
    } else {
        task_start(&all->task, klient);
        int gave_up = wait(context, &all->task, deadline_ms);
        code = gave_up != 0 ? fail(error, gave_up, NULL) : take(all, offsets, error);
    }
    task_unref(&all->task);
    return code;
}
