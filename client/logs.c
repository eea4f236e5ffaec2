/* logs.c - what partitions' logs and followers are like, and compaction on request: asked of every
 * leader. */
#include "client/admin_internal.h"
#include "client/error.h"
#include "client/inquiry.h"
#include "client/survey.h"
#include "common/error.h"

struct klient_logs {
    struct survey *survey;              /* owned; this is in its arena */
};

struct item {
    struct answer answer;
    struct inquiry inquiry;
    bool compact;
    klient_log_info_t info;
    klient_follower_info_t *followers;  /* in the survey's arena */
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
    if (item->compact) {
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

/* States of a newer broker are not known here. */
static klient_follower_state_t follower_state_of(Kairn__FollowerInfo__State state)
{
    static const klient_follower_state_t states[] = {
        [KAIRN__FOLLOWER_INFO__STATE__IN_SYNC] = KLIENT_FOLLOWER_IN_SYNC,
        [KAIRN__FOLLOWER_INFO__STATE__LEAVING] = KLIENT_FOLLOWER_LEAVING,
        [KAIRN__FOLLOWER_INFO__STATE__GONE] = KLIENT_FOLLOWER_GONE,
        [KAIRN__FOLLOWER_INFO__STATE__LOST] = KLIENT_FOLLOWER_LOST,
        [KAIRN__FOLLOWER_INFO__STATE__THROTTLED] = KLIENT_FOLLOWER_THROTTLED,
        [KAIRN__FOLLOWER_INFO__STATE__SILENT] = KLIENT_FOLLOWER_SILENT,
        [KAIRN__FOLLOWER_INFO__STATE__BEHIND] = KLIENT_FOLLOWER_BEHIND,
        [KAIRN__FOLLOWER_INFO__STATE__FLUSHING] = KLIENT_FOLLOWER_FLUSHING,
        [KAIRN__FOLLOWER_INFO__STATE__REFUSED] = KLIENT_FOLLOWER_REFUSED,
        [KAIRN__FOLLOWER_INFO__STATE__JOINING] = KLIENT_FOLLOWER_JOINING,
    };
    size_t index = (size_t)state;

    return index < sizeof states / sizeof *states ? states[index] : KLIENT_FOLLOWER_UNKNOWN;
}

static int take_followers(struct item *item, const Kairn__LogInfo *from)
{
    klient_follower_info_t *followers = arena_calloc(&item->answer.survey->arena,
                                                     from->n_followers + 1, sizeof *followers);

    if (followers == NULL)
        return K_NOMEM;
    for (size_t i = 0; i < from->n_followers; i++) {
        const Kairn__FollowerInfo *follower = from->followers[i];
        followers[i] = (klient_follower_info_t){ .broker = follower->broker,
                                                 .state = follower_state_of(follower->state),
                                                 .end = follower->end,
                                                 .lag = (int64_t)follower->lag,
                                                 .behind_ms = (int64_t)follower->behind_ms,
                                                 .silent_ms = (int64_t)follower->silent_ms };
    }
    item->followers = followers;
    item->info.follower_count = from->n_followers;
    return 0;
}

static int take(struct item *item, const Kairn__LogInfo *from)
{
    klient_log_info_t *info = &item->info;
    struct arena *arena = &item->answer.survey->arena;
    const Kairn__LogCleaning *cleaning = from->cleaning;
    char *directory = arena_strdup(arena, from->directory);
    char *why = arena_strdup(arena, cleaning == NULL ? "" : cleaning->error);
    if (directory == NULL || why == NULL || take_followers(item, from) != 0)
        return K_NOMEM;
    info->directory = directory;
    info->start = from->log_start;
    info->end = from->log_end;
    info->high_watermark = from->high_watermark;
    info->bytes = (int64_t)from->bytes;
    info->segments = (int32_t)from->segments;
    info->cleaning_error = why;
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

    if (item->compact) {
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
    survey_answered(&LIST_OWNER(inquiry, struct item, inquiry)->answer, code, text);
}

static void start(struct answer *answer)
{
    struct item *item = LIST_OWNER(answer, struct item, answer);

    item->inquiry.build = build;
    item->inquiry.read = read_answer;
    item->inquiry.done = done;
    inquiry_start(&item->inquiry, answer->survey->klient, answer->topic, answer->partition,
                  answer->survey->deadline_ms);
}

/* NULL when out of memory. */
static klient_logs_t *logs_new(klient_admin_t *admin, bool compact,
                               const klient_topic_partition_t *partitions, size_t count,
                               int64_t deadline_ms)
{
    struct survey *survey = survey_new(admin->klient, partitions, count, sizeof(struct item),
                                       start, deadline_ms);
    if (survey == NULL)
        return NULL;
    klient_logs_t *logs = arena_alloc(&survey->arena, sizeof *logs);
    if (logs == NULL) {
        task_unref(&survey->task);
        return NULL;
    }
    logs->survey = survey;
    survey->context = logs;
    for (size_t i = 0; i < count; i++) {
        struct item *item = survey_row(survey, i);
        item->compact = compact;
        item->info = (klient_log_info_t){ .topic = item->answer.topic,
                                          .partition = item->answer.partition, .directory = "",
                                          .cleaning_error = "", .cleaned_ms = -1,
                                          .cleaned_upto = -1 };
    }
    return logs;
}

/* The task's rows are what the application reads. */
static klient_code_t make(struct task *task, struct product *out, klient_error_t **error)
{
    struct survey *survey = survey_of(task);

    (void)error;
    survey_ref(survey);
    *out = (struct product){ PRODUCT_LOGS, survey->context };
    return KLIENT_OK;
}

static klient_code_t begin(struct call *call, klient_admin_t *admin, bool compact,
                           const klient_topic_partition_t *partitions, size_t count,
                           int64_t timeout_ms, klient_error_t **error)
{
    int64_t deadline_ms = deadline_after(timeout_ms);
    int code = admin_check_partitions(admin, partitions, count);
    klient_logs_t *logs =
        code != 0 ? NULL : logs_new(admin, compact, partitions, count, deadline_ms);

    if (logs == NULL)
        return fail(error, code != 0 ? code : K_NOMEM, NULL);
    survey_call(logs->survey, make, call);
    return KLIENT_OK;
}

static klient_code_t wait(klient_admin_t *admin, bool compact,
                          const klient_topic_partition_t *partitions, size_t count,
                          int64_t timeout_ms, klient_logs_t **out, klient_error_t **error)
{
    struct call call;
    void *made;

    if (out == NULL)
        return fail(error, K_INVALID_ARGUMENT, NULL);
    klient_code_t code = begin(&call, admin, compact, partitions, count, timeout_ms, error);
    if (code == KLIENT_OK)
        code = call_wait(&call, &made, error);
    if (code == KLIENT_OK)
        *out = made;
    return code;
}

static klient_code_t post(klient_admin_t *admin, bool compact,
                          const klient_topic_partition_t *partitions, size_t count,
                          int64_t timeout_ms, klient_queue_t *queue, void *opaque,
                          klient_error_t **error)
{
    struct call call;
    klient_code_t code = begin(&call, admin, compact, partitions, count, timeout_ms, error);

    return code != KLIENT_OK ? code : call_post(&call, queue, opaque, error);
}

klient_code_t klient_admin_describe_logs(klient_admin_t *admin,
                                         const klient_topic_partition_t *partitions, size_t count,
                                         int64_t timeout_ms, klient_logs_t **out,
                                         klient_error_t **error)
{
    return wait(admin, false, partitions, count, timeout_ms, out, error);
}

klient_code_t klient_admin_describe_logs_async(klient_admin_t *admin,
                                               const klient_topic_partition_t *partitions,
                                               size_t count, int64_t timeout_ms,
                                               klient_queue_t *queue, void *opaque,
                                               klient_error_t **error)
{
    return post(admin, false, partitions, count, timeout_ms, queue, opaque, error);
}

klient_code_t klient_admin_compact_logs(klient_admin_t *admin,
                                        const klient_topic_partition_t *partitions, size_t count,
                                        int64_t timeout_ms, klient_logs_t **out,
                                        klient_error_t **error)
{
    return wait(admin, true, partitions, count, timeout_ms, out, error);
}

klient_code_t klient_admin_compact_logs_async(klient_admin_t *admin,
                                              const klient_topic_partition_t *partitions,
                                              size_t count, int64_t timeout_ms,
                                              klient_queue_t *queue, void *opaque,
                                              klient_error_t **error)
{
    return post(admin, true, partitions, count, timeout_ms, queue, opaque, error);
}

size_t klient_logs_count(const klient_logs_t *logs)
{
    return logs->survey->count;
}

klient_code_t klient_logs_get(const klient_logs_t *logs, size_t index, klient_log_info_t *out)
{
    if (index >= logs->survey->count || out->size < sizeof *out)
        return KLIENT_INVALID_ARGUMENT;
    const struct item *item = survey_row(logs->survey, index);
    int code = item->answer.code;
    size_t size = out->size;
    *out = item->info;
    out->size = size;
    out->code = (klient_code_t)code;
    if (code != 0)
        out->cleaning_error = item->answer.text != NULL ? item->answer.text : k_error_text(code);
    return KLIENT_OK;
}

klient_code_t klient_logs_follower(const klient_logs_t *logs, size_t index, size_t follower,
                                   klient_follower_info_t *out)
{
    if (index >= logs->survey->count || out->size < sizeof *out)
        return KLIENT_INVALID_ARGUMENT;
    const struct item *item = survey_row(logs->survey, index);
    if (item->answer.code != 0 || follower >= item->info.follower_count)
        return KLIENT_INVALID_ARGUMENT;
    size_t size = out->size;
    *out = item->followers[follower];
    out->size = size;
    return KLIENT_OK;
}

void klient_logs_free(klient_logs_t *logs)
{
    if (logs != NULL)
        task_unref(&logs->survey->task);
}
