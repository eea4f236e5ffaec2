/* admin_offsets.c - what groups have committed, as their coordinators tell; and where partitions
 * begin and end, as their leaders say. */
#include "client/admin_internal.h"
#include "client/admin_offsets.h"
#include "client/config.h"
#include "client/error.h"
#include "client/offsets.h"
#include "client/position.h"
#include "common/error.h"

/* --- what a group has committed --------------------------------------------------------------- */

static int build_fetch(struct group_ask *ask, struct request *request)
{
    Kairn__OffsetFetchRequest *body = arena_alloc(&request->arena, sizeof *body);

    if (body == NULL)
        return K_NOMEM;
    kairn__offset_fetch_request__init(body);
    body->group = (char *)ask->answer.topic;
    body->all = true;
    request->head.body_case = KAIRN__REQUEST_HEAD__BODY_OFFSET_FETCH;
    request->head.offset_fetch = body;
    return 0;
}

static int read_fetch(struct group_ask *ask, const Kairn__ResponseHead *head,
                      const Kairn__Error **error)
{
    struct group_offsets_ask *fetched = LIST_OWNER(ask, struct group_offsets_ask, ask);
    struct arena *arena = &ask->answer.survey->arena;
    const Kairn__OffsetFetchResponse *body = head->offset_fetch;
    klient_offset_t *offsets = arena_calloc(arena, body->n_offsets + 1, sizeof *offsets);

    (void)error;
    if (offsets == NULL)
        return K_NOMEM;
    for (size_t i = 0; i < body->n_offsets; i++) {
        const Kairn__CommittedOffset *from = body->offsets[i];
        if (from->partition == NULL || from->partition->partition > INT32_MAX || from->offset < -1)
            return K_MALFORMED;
        offsets[i] = (klient_offset_t){
            .topic = arena_strdup(arena, from->partition->topic),
            .partition = (int32_t)from->partition->partition,
            .offset = from->offset,
            .leader_epoch = from->leader_epoch,
            .metadata = arena_strdup(arena, from->metadata),
            .code = (klient_code_t)head_error_code(from->error),
        };
        if (offsets[i].topic == NULL || offsets[i].metadata == NULL)
            return K_NOMEM;
    }
    fetched->offsets = offsets;
    fetched->count = body->n_offsets;
    return 0;
}

static const struct group_ask_kind fetching = { .build = build_fetch, .read = read_fetch };

static klient_code_t make_offsets(struct task *task, struct product *out, klient_error_t **error)
{
    const struct group_offsets_ask *told = survey_row(survey_of(task), 0);
    const struct answer *answer = &told->ask.answer;

    if (answer->code != 0)
        return fail(error, answer->code, "%s: %s", answer->topic,
                    answer->text != NULL ? answer->text : k_error_text(answer->code));
    klient_offsets_t *offsets = offsets_new(told->count);
    int code = offsets == NULL ? K_NOMEM : 0;
    for (size_t i = 0; code == 0 && i < told->count; i++)
        code = offsets_set(offsets, i, &told->offsets[i]);
    if (code != 0) {
        klient_offsets_free(offsets);
        return fail(error, code, NULL);
    }
    offsets_sort(offsets);
    *out = (struct product){ PRODUCT_OFFSETS, offsets };
    return KLIENT_OK;
}

static klient_code_t begin(struct call *call, klient_admin_t *admin, const char *group,
                           const struct group_ask_kind *kind, int64_t timeout_ms,
                           klient_error_t **error)
{
    int64_t deadline_ms = deadline_after(timeout_ms);
    int code = admin_check(admin);

    if (code == 0)
        code = admin_check_group(group);
    struct survey *survey =
        code != 0 ? NULL
                  : group_survey_new(admin->klient, &group, 1, sizeof(struct group_offsets_ask),
                                     kind, deadline_ms);
    if (survey == NULL)
        return fail(error, code != 0 ? code : K_NOMEM, NULL);
    survey_call(survey, make_offsets, call);
    return KLIENT_OK;
}

klient_code_t admin_wait_offsets(klient_admin_t *admin, const char *group,
                                 const struct group_ask_kind *kind, int64_t timeout_ms,
                                 klient_offsets_t **out, klient_error_t **error)
{
    struct call call;
    void *made;

    if (out == NULL)
        return fail(error, K_INVALID_ARGUMENT, NULL);
    klient_code_t code = begin(&call, admin, group, kind, timeout_ms, error);
    if (code == KLIENT_OK)
        code = call_wait(&call, &made, error);
    if (code == KLIENT_OK)
        *out = made;
    return code;
}

klient_code_t admin_post_offsets(klient_admin_t *admin, const char *group,
                                 const struct group_ask_kind *kind, int64_t timeout_ms,
                                 klient_queue_t *queue, void *opaque, klient_error_t **error)
{
    struct call call;
    klient_code_t code = begin(&call, admin, group, kind, timeout_ms, error);

    return code != KLIENT_OK ? code : call_post(&call, queue, opaque, error);
}

klient_code_t klient_admin_group_offsets(klient_admin_t *admin, const char *group,
                                         int64_t timeout_ms, klient_offsets_t **out,
                                         klient_error_t **error)
{
    return admin_wait_offsets(admin, group, &fetching, timeout_ms, out, error);
}

klient_code_t klient_admin_group_offsets_async(klient_admin_t *admin, const char *group,
                                               int64_t timeout_ms, klient_queue_t *queue,
                                               void *opaque, klient_error_t **error)
{
    return admin_post_offsets(admin, group, &fetching, timeout_ms, queue, opaque, error);
}

/* --- offsets of partitions -------------------------------------------------------------------- */

static klient_code_t begin_list(struct call *call, klient_admin_t *admin,
                                const klient_topic_partition_t *partitions,
                                const int64_t *timestamps, size_t count, int64_t timeout_ms,
                                klient_error_t **error)
{
    int code = admin_check_partitions(admin, partitions, count);

    if (code == 0 && timestamps == NULL)
        code = K_INVALID_ARGUMENT;
    for (size_t i = 0; code == 0 && i < count; i++)
        if (timestamps[i] < POSITION_BEGINNING)
            code = K_INVALID_ARGUMENT;
    if (code != 0)
        return fail(error, code, NULL);
    return lookup_all(admin->klient, ISOLATION_UNCOMMITTED, partitions, timestamps, 0, count,
                      deadline_after(timeout_ms), call, error);
}

klient_code_t klient_admin_list_offsets(klient_admin_t *admin,
                                        const klient_topic_partition_t *partitions,
                                        const int64_t *timestamps, size_t count,
                                        int64_t timeout_ms, int64_t *offsets,
                                        klient_code_t *codes, klient_error_t **error)
{
    struct call call;

    if (offsets == NULL)
        return fail(error, K_INVALID_ARGUMENT, NULL);
    klient_code_t code =
        begin_list(&call, admin, partitions, timestamps, count, timeout_ms, error);
    return code != KLIENT_OK ? code : lookup_wait(&call, offsets, codes, error);
}

klient_code_t klient_admin_list_offsets_async(klient_admin_t *admin,
                                              const klient_topic_partition_t *partitions,
                                              const int64_t *timestamps, size_t count,
                                              int64_t timeout_ms, klient_queue_t *queue,
                                              void *opaque, klient_error_t **error)
{
    struct call call;
    klient_code_t code =
        begin_list(&call, admin, partitions, timestamps, count, timeout_ms, error);

    return code != KLIENT_OK ? code : call_post(&call, queue, opaque, error);
}
