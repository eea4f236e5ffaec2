#include "client/position.h"

#include "client/config.h"
#include "client/error.h"
#include "client/offsets.h"
#include "client/survey.h"
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
    struct answer answer;
    struct lookup lookup;
};

static void one_found(struct lookup *lookup, int code)
{
    survey_answered(&LIST_OWNER(lookup, struct item, lookup)->answer, code, NULL);
}

static void start(struct answer *answer)
{
    struct item *item = LIST_OWNER(answer, struct item, answer);

    lookup_start(&item->lookup, answer->survey->klient, answer->topic, answer->partition,
                 answer->survey->deadline_ms);
}

static klient_code_t make(struct task *task, struct product *out, klient_error_t **error)
{
    const struct survey *survey = survey_of(task);
    klient_offsets_t *offsets = offsets_new(survey->count);
    klient_code_t outcome = KLIENT_OK;
    int code = offsets == NULL ? K_NOMEM : 0;

    for (size_t i = 0; code == 0 && i < survey->count; i++) {
        const struct item *item = survey_row(survey, i);
        const struct answer *answer = &item->answer;
        code = offsets_set(offsets, i,
                           &(klient_offset_t){ .topic = answer->topic,
                                               .partition = answer->partition,
                                               .offset = answer->code == 0 ? item->lookup.offset
                                                                           : -1,
                                               .leader_epoch = -1,
                                               .metadata = "",
                                               .code = (klient_code_t)answer->code });
        if (code == 0 && answer->code != 0 && outcome == KLIENT_OK)
            outcome =
                fail_partition(error, answer->code, answer->topic, answer->partition, -1, NULL);
    }
    if (code != 0) {
        klient_offsets_free(offsets);
        return outcome != KLIENT_OK ? outcome : fail(error, code, NULL);
    }
    *out = (struct product){ PRODUCT_OFFSETS, offsets };
    return outcome;
}

klient_code_t lookup_all(struct klient *klient, int isolation,
                         const klient_topic_partition_t *partitions, const int64_t *timestamps,
                         int64_t timestamp, size_t count, int64_t deadline_ms, struct call *out,
                         klient_error_t **error)
{
    struct survey *survey = survey_new(klient, partitions, count, sizeof(struct item), start,
                                       deadline_ms);

    if (survey == NULL)
        return fail(error, K_NOMEM, NULL);
    for (size_t i = 0; i < count; i++) {
        struct item *item = survey_row(survey, i);
        item->lookup.timestamp = timestamps == NULL ? timestamp : timestamps[i];
        item->lookup.isolation = isolation;
        item->lookup.found = one_found;
    }
    survey_call(survey, make, out);
    return KLIENT_OK;
}

klient_code_t lookup_wait(struct call *call, int64_t *offsets, klient_code_t *codes,
                          klient_error_t **error)
{
    void *made;
    klient_code_t code = call_wait(call, &made, error);

    if (made != NULL)
        offsets_tell(made, code == KLIENT_OK || codes != NULL ? offsets : NULL, codes);
    klient_offsets_free(made);
    return code;
}
