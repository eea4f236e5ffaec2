/* logs.c - what partitions' logs are like, and compaction on request: asked of every leader. */
#include <stdlib.h>
#include <string.h>

#include "client/admin_internal.h"
#include "client/error.h"
#include "client/handle.h"
#include "client/inquiry.h"
#include "client/task.h"
#include "common/error.h"

struct item {
    struct inquiry inquiry;
    struct klient_logs *all;
    char *topic;                        /* owned */
    klient_log_info_t info;
    char *directory, *error;            /* owned; what info points to */
};

struct klient_logs {
    struct task task;
    struct klient *klient;
    bool compact;
    int64_t deadline_ms;
    size_t count, left;
    struct item items[];
};

static int build(struct inquiry *inquiry, struct request *request)
{
    struct item *item = LIST_OWNER(inquiry, struct item, inquiry);
    Kairn__LogPartition *row = arena_alloc(&request->arena, sizeof *row);
    Kairn__DescribeLogsRequest *describe = arena_alloc(&request->arena, sizeof *describe);
    Kairn__CompactLogsRequest *compact = arena_alloc(&request->arena, sizeof *compact);

    if (row == NULL || describe == NULL || compact == NULL)
        return K_NOMEM;
    kairn__log_partition__init(row);
    row->topic_id = head_bytes_of_uuid(&inquiry->topic->id);
    row->partition = (uint32_t)inquiry->partition;
    Kairn__LogPartition **rows = arena_copy(&request->arena, &row, sizeof row);
    if (rows == NULL)
        return K_NOMEM;
    if (item->all->compact) {
        kairn__compact_logs_request__init(compact);
        compact->partitions = rows;
        compact->n_partitions = 1;
        request->head.body_case = KAIRN__REQUEST_HEAD__BODY_COMPACT_LOGS;
        request->head.compact_logs = compact;
    } else {
        kairn__describe_logs_request__init(describe);
        describe->partitions = rows;
        describe->n_partitions = 1;
        request->head.body_case = KAIRN__REQUEST_HEAD__BODY_DESCRIBE_LOGS;
        request->head.describe_logs = describe;
    }
    return 0;
}

static klient_cleaning_t state_of(Kairn__LogCleaning__State state)
{
    switch (state) {
    case KAIRN__LOG_CLEANING__STATE__IDLE:
        return KLIENT_CLEANING_IDLE;
    case KAIRN__LOG_CLEANING__STATE__RUNNING:
        return KLIENT_CLEANING_RUNNING;
    case KAIRN__LOG_CLEANING__STATE__FAILED:
        return KLIENT_CLEANING_FAILED;
    default:
        return KLIENT_CLEANING_NEVER;
    }
}

static int take(struct item *item, const Kairn__LogInfo *from)
{
    klient_log_info_t *info = &item->info;
    const Kairn__LogCleaning *cleaning = from->cleaning;

    free(item->directory);
    free(item->error);
    item->directory = strdup(from->directory);
    item->error = strdup(cleaning == NULL ? "" : cleaning->error);
    if (item->directory == NULL || item->error == NULL)
        return K_NOMEM;
    info->directory = item->directory;
    info->start = from->log_start;
    info->end = from->log_end;
    info->high_watermark = from->high_watermark;
    info->bytes = (int64_t)from->bytes;
    info->segments = (int32_t)from->segments;
    info->cleaning_error = item->error;
    if (cleaning == NULL)
        return 0;
    info->cleaning = state_of(cleaning->state);
    info->cleaning_bytes_done = (int64_t)cleaning->bytes_done;
    info->cleaning_bytes_to_do = (int64_t)cleaning->bytes_to_do;
    info->cleaned_ms = cleaning->last_ms;
    info->cleaned_upto = cleaning->upto;
    info->cleaned_bytes_before = (int64_t)cleaning->bytes_before;
    info->cleaned_bytes_after = (int64_t)cleaning->bytes_after;
    info->cleaned_took_ms = cleaning->took_ms;
    return 0;
}

static int read_answer(struct inquiry *inquiry, const Kairn__ResponseHead *head,
                       const Kairn__Error **error)
{
    struct item *item = LIST_OWNER(inquiry, struct item, inquiry);

    if (item->all->compact) {
        if (head->compact_logs->n_results != 1)
            return K_MALFORMED;
        *error = head->compact_logs->results[0]->error;
        return head_error_code(*error);
    }
    if (head->describe_logs->n_results != 1)
        return K_MALFORMED;
    const Kairn__LogInfo *result = head->describe_logs->results[0];
    *error = result->error;
    int code = head_error_code(*error);
    return code != 0 ? code : take(item, result);
}

static void done(struct inquiry *inquiry, int code, const char *text)
{
    struct item *item = LIST_OWNER(inquiry, struct item, inquiry);
    struct klient_logs *all = item->all;

    item->info.code = (klient_code_t)code;
    if (code != 0) {
        free(item->error);
        item->error = strdup(text != NULL && text[0] != '\0' ? text : k_error_text(code));
        item->info.cleaning_error = item->error != NULL ? item->error : "";
    }
    if (--all->left == 0)
        task_done(&all->task, 0);
}

static void run(struct task *task)
{
    struct klient_logs *all = LIST_OWNER(task, struct klient_logs, task);
    size_t count = all->count;

    /* The last answer frees `all`, maybe during the last start. */
    for (size_t i = 0; i < count; i++) {
        struct item *item = &all->items[i];
        item->inquiry.build = build;
        item->inquiry.read = read_answer;
        item->inquiry.done = done;
        item->inquiry.once = false;
        inquiry_start(&item->inquiry, all->klient, item->topic, item->info.partition,
                      all->deadline_ms);
    }
}

static void dispose(struct task *task)
{
    struct klient_logs *all = LIST_OWNER(task, struct klient_logs, task);

    for (size_t i = 0; i < all->count; i++) {
        free(all->items[i].topic);
        free(all->items[i].directory);
        free(all->items[i].error);
    }
    free(all);
}

static klient_code_t ask(klient_admin_t *admin, bool compact,
                         const klient_topic_partition_t *partitions, size_t count,
                         int64_t timeout_ms, klient_logs_t **out, klient_error_t **error)
{
    int checked = admin_check(admin);
    if (checked != 0 || out == NULL || count == 0 || partitions == NULL)
        return fail(error, checked != 0 ? checked : K_INVALID_ARGUMENT, NULL);
    struct klient_logs *all = calloc(1, sizeof *all + count * sizeof all->items[0]);
    if (all == NULL)
        return fail(error, K_NOMEM, NULL);
    task_init(&all->task, run, dispose);
    all->klient = admin->klient;
    all->compact = compact;
    all->deadline_ms = deadline_after(timeout_ms);
    all->count = all->left = count;
    bool copied = true;
    for (size_t i = 0; i < count; i++) {
        struct item *item = &all->items[i];
        item->all = all;
        item->topic = partitions[i].topic == NULL ? NULL : strdup(partitions[i].topic);
        item->info = (klient_log_info_t){ .partition = partitions[i].partition, .topic =
                                          item->topic, .directory = "", .cleaning_error = "",
                                          .cleaned_ms = -1, .cleaned_upto = -1 };
        copied = copied && item->topic != NULL;
    }
    if (!copied) {
        task_unref(&all->task);
        return fail(error, K_NOMEM, NULL);
    }
    task_start(&all->task, all->klient);
    int64_t patience = all->deadline_ms > INT64_MAX - 1000 ? INT64_MAX : all->deadline_ms + 1000;
    if (!task_wait(&all->task, patience)) {
        task_unref(&all->task);
        return fail(error, K_REQUEST_TIMED_OUT, NULL);
    }
    *out = all;
    return KLIENT_OK;
}

klient_code_t klient_admin_describe_logs(klient_admin_t *admin,
                                         const klient_topic_partition_t *partitions, size_t count,
                                         int64_t timeout_ms, klient_logs_t **out,
                                         klient_error_t **error)
{
    return ask(admin, false, partitions, count, timeout_ms, out, error);
}

klient_code_t klient_admin_compact_logs(klient_admin_t *admin,
                                        const klient_topic_partition_t *partitions, size_t count,
                                        int64_t timeout_ms, klient_logs_t **out,
                                        klient_error_t **error)
{
    return ask(admin, true, partitions, count, timeout_ms, out, error);
}

size_t klient_logs_count(const klient_logs_t *logs)
{
    return logs->count;
}

klient_code_t klient_logs_get(const klient_logs_t *logs, size_t index, klient_log_info_t *out)
{
    if (index >= logs->count || out->size < sizeof *out)
        return KLIENT_INVALID_ARGUMENT;
    size_t size = out->size;
    *out = logs->items[index].info;
    out->size = size;
    return KLIENT_OK;
}

void klient_logs_free(klient_logs_t *logs)
{
    if (logs != NULL)
        task_unref(&logs->task);
}
