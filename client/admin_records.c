/* admin_records.c - delete records: each partition's leader is asked on its own. */
#include "client/admin_internal.h"
#include "client/config.h"
#include "client/error.h"
#include "client/inquiry.h"
#include "client/offsets.h"
#include "client/survey.h"
#include "common/error.h"

struct trim {
    struct answer answer;
    struct inquiry inquiry;
    int64_t offset;                 /* before it */
    int64_t start;                  /* what is the first from now on */
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
    survey_answered(&LIST_OWNER(inquiry, struct trim, inquiry)->answer, code, text);
}

static void start(struct answer *answer)
{
    struct trim *trim = LIST_OWNER(answer, struct trim, answer);

    trim->inquiry.build = build;
    trim->inquiry.read = read;
    trim->inquiry.done = done;
    inquiry_start(&trim->inquiry, answer->survey->klient, answer->topic, answer->partition,
                  answer->survey->deadline_ms);
}

static klient_code_t make(struct task *task, struct product *out, klient_error_t **error)
{
    const struct survey *survey = survey_of(task);
    klient_offsets_t *starts = offsets_new(survey->count);
    klient_code_t outcome = KLIENT_OK;
    int code = starts == NULL ? K_NOMEM : 0;

    for (size_t i = 0; code == 0 && i < survey->count; i++) {
        const struct trim *trim = survey_row(survey, i);
        const struct answer *answer = &trim->answer;
        code = offsets_set(starts, i,
                           &(klient_offset_t){ .topic = answer->topic,
                                               .partition = answer->partition,
                                               .offset = answer->code == 0 ? trim->start : -1,
                                               .leader_epoch = -1,
                                               .metadata = "",
                                               .code = (klient_code_t)answer->code });
        if (code == 0 && answer->code != 0 && outcome == KLIENT_OK)
            outcome = fail_partition(error, answer->code, answer->topic, answer->partition, -1,
                                     answer->text);
    }
    if (code != 0) {
        klient_offsets_free(starts);
        return outcome != KLIENT_OK ? outcome : fail(error, code, NULL);
    }
    *out = (struct product){ PRODUCT_OFFSETS, starts };
    return outcome;
}

static klient_code_t begin(struct call *call, klient_admin_t *admin,
                           const klient_topic_partition_t *partitions, const int64_t *offsets,
                           size_t count, int64_t timeout_ms, klient_error_t **error)
{
    int code = admin_check_partitions(admin, partitions, count);
    if (code == 0 && offsets == NULL)
        code = K_INVALID_ARGUMENT;
    for (size_t i = 0; code == 0 && i < count; i++)
        if (offsets[i] < 0 && offsets[i] != KLIENT_RECORDS_ALL)
            code = K_INVALID_ARGUMENT;
    struct survey *survey =
        code != 0 ? NULL
                  : survey_new(admin->klient, partitions, count, sizeof(struct trim), start,
                               deadline_after(timeout_ms));
    if (survey == NULL)
        return fail(error, code != 0 ? code : K_NOMEM, NULL);
    for (size_t i = 0; i < count; i++)
        ((struct trim *)survey_row(survey, i))->offset = offsets[i];
    survey_call(survey, make, call);
    return KLIENT_OK;
}

klient_code_t klient_admin_delete_records(klient_admin_t *admin,
                                          const klient_topic_partition_t *partitions,
                                          const int64_t *offsets, size_t count,
                                          int64_t timeout_ms, int64_t *starts,
                                          klient_code_t *codes, klient_error_t **error)
{
    struct call call;
    void *made;
    klient_code_t code = begin(&call, admin, partitions, offsets, count, timeout_ms, error);

    if (code != KLIENT_OK)
        return code;
    code = call_wait(&call, &made, error);
    if (made != NULL)
        offsets_tell(made, starts, codes);
    klient_offsets_free(made);
    return code;
}

klient_code_t klient_admin_delete_records_async(klient_admin_t *admin,
                                                const klient_topic_partition_t *partitions,
                                                const int64_t *offsets, size_t count,
                                                int64_t timeout_ms, klient_queue_t *queue,
                                                void *opaque, klient_error_t **error)
{
    struct call call;
    klient_code_t code = begin(&call, admin, partitions, offsets, count, timeout_ms, error);

    return code != KLIENT_OK ? code : call_post(&call, queue, opaque, error);
}
