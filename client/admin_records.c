/* admin_records.c - delete records: each partition's leader is asked on its own. */
#include <stdlib.h>
#include <string.h>

#include "client/admin_internal.h"
#include "client/config.h"
#include "client/error.h"
#include "client/inquiry.h"
#include "client/task.h"
#include "common/error.h"

struct trim {
    struct inquiry inquiry;
    struct trims *all;
    char *topic;                    /* owned */
    char *text;                     /* owned; why it failed, or NULL */
    int32_t partition;
    int64_t offset;                 /* before it */
    int64_t start;                  /* the answer */
    int code;
};

struct trims {
    struct task task;
    struct klient *klient;
    int64_t deadline_ms;
    size_t count, left;
    struct trim items[];
};

static int build(struct inquiry *inquiry, struct request *request)
{
    struct trim *trim = LIST_OWNER(inquiry, struct trim, inquiry);
    Kairn__DeleteRecordsRequest *body = arena_alloc(&request->arena, sizeof *body);
    Kairn__DeleteRecordsPartition *row = arena_alloc(&request->arena, sizeof *row);

    if (body == NULL || row == NULL)
        return K_NOMEM;
    kairn__delete_records_request__init(body);
    kairn__delete_records_partition__init(row);
    row->topic_id = head_bytes_of_uuid(&inquiry->topic->id);
    row->partition = (uint32_t)inquiry->partition;
    row->offset = trim->offset;
    body->partitions = arena_copy(&request->arena, &row, sizeof row);
    body->n_partitions = 1;
    request->head.body_case = KAIRN__REQUEST_HEAD__BODY_DELETE_RECORDS;
    request->head.delete_records = body;
    return body->partitions == NULL ? K_NOMEM : 0;
}

static int read(struct inquiry *inquiry, const Kairn__ResponseHead *head,
                const Kairn__Error **error)
{
    struct trim *trim = LIST_OWNER(inquiry, struct trim, inquiry);

    if (head->delete_records->n_results != 1)
        return K_MALFORMED;
    const Kairn__DeleteRecordsResult *result = head->delete_records->results[0];
    *error = result->error;
    if (head_error_code(result->error) == 0 && result->log_start < 0)
        return K_MALFORMED;
    trim->start = result->log_start;
    return head_error_code(result->error);
}

static void done(struct inquiry *inquiry, int code, const char *text)
{
    struct trim *trim = LIST_OWNER(inquiry, struct trim, inquiry);
    struct trims *all = trim->all;

    trim->code = code;
    trim->text = code == 0 || text == NULL ? NULL : strdup(text);
    if (--all->left == 0)
        task_done(&all->task, 0);
}

static void run(struct task *task)
{
    struct trims *all = LIST_OWNER(task, struct trims, task);
    size_t count = all->count;

    /* The last to be answered frees `all`, maybe during the last start. */
    for (size_t i = 0; i < count; i++) {
        struct trim *trim = &all->items[i];
        trim->inquiry.build = build;
        trim->inquiry.read = read;
        trim->inquiry.done = done;
        inquiry_start(&trim->inquiry, all->klient, trim->topic, trim->partition,
                      all->deadline_ms);
    }
}

static void dispose(struct task *task)
{
    struct trims *all = LIST_OWNER(task, struct trims, task);

    for (size_t i = 0; i < all->count; i++) {
        free(all->items[i].topic);
        free(all->items[i].text);
    }
    free(all);
}

static klient_code_t take(const struct trims *all, int64_t *starts, klient_code_t *codes,
                          klient_error_t **error)
{
    klient_code_t outcome = KLIENT_OK;

    for (size_t i = 0; i < all->count; i++) {
        const struct trim *trim = &all->items[i];
        if (starts != NULL)
            starts[i] = trim->code == 0 ? trim->start : -1;
        if (codes != NULL)
            codes[i] = (klient_code_t)trim->code;
        if (trim->code != 0 && outcome == KLIENT_OK)
            outcome = fail_partition(error, trim->code, trim->topic, trim->partition, -1,
                                     trim->text);
    }
    return outcome;
}

static struct trims *new_trims(struct klient *klient, const klient_topic_partition_t *partitions,
                               const int64_t *offsets, size_t count)
{
    struct trims *all = calloc(1, sizeof *all + count * sizeof all->items[0]);
    bool copied = true;

    if (all == NULL)
        return NULL;
    task_init(&all->task, run, dispose);
    all->klient = klient;
    all->count = all->left = count;
    for (size_t i = 0; i < count; i++) {
        struct trim *trim = &all->items[i];
        trim->all = all;
        trim->topic = strdup(partitions[i].topic);
        trim->partition = partitions[i].partition;
        trim->offset = offsets[i];
        copied = copied && trim->topic != NULL;
    }
    if (!copied) {
        dispose(&all->task);
        all = NULL;
    }
    return all;
}

klient_code_t klient_admin_delete_records(klient_admin_t *admin,
                                          const klient_topic_partition_t *partitions,
                                          const int64_t *offsets, size_t count,
                                          int64_t timeout_ms, int64_t *starts,
                                          klient_code_t *codes, klient_error_t **error)
{
    int code = admin_check(admin);
    if (code == 0 && (partitions == NULL || offsets == NULL || count == 0))
        code = K_INVALID_ARGUMENT;
    for (size_t i = 0; code == 0 && i < count; i++)
        if (partitions[i].topic == NULL || partitions[i].partition < 0 ||
            (offsets[i] < 0 && offsets[i] != KLIENT_RECORDS_ALL))
            code = K_INVALID_ARGUMENT;
    if (code != 0)
        return fail(error, code, NULL);

    struct trims *all = new_trims(admin->klient, partitions, offsets, count);
    if (all == NULL)
        return fail(error, K_NOMEM, NULL);
    all->deadline_ms = deadline_after(timeout_ms);
    /* The loop keeps the deadline; the extra second only covers a loop that is held up. */
    int64_t patience = all->deadline_ms > INT64_MAX - 1000 ? INT64_MAX : all->deadline_ms + 1000;
    task_start(&all->task, admin->klient);
    klient_code_t outcome = task_wait(&all->task, patience)
                                ? take(all, starts, codes, error)
                                : fail(error, K_REQUEST_TIMED_OUT, NULL);
    task_unref(&all->task);
    return outcome;
}
