/* admin_changes.c - what groups have committed is changed and forgotten by their coordinators: of
 * so many partitions at a time. */
#include <stdlib.h>

#include "client/admin_internal.h"
#include "client/coordinator.h"
#include "client/error.h"
#include "client/group_ask.h"
#include "client/offsets.h"
#include "common/error.h"

enum { ROWS_MAX = 4096 };               /* partitions in one request: a head has its limit */

struct changing {
    struct group_ask ask;
    const klient_offset_t *offsets;     /* of this request; in the survey's arena */
    int *codes;                         /* likewise */
    size_t count;
};

/* What a coordinator says of itself holds for every row. */
static int of_all(const struct changing *changing)
{
    int code = changing->codes[0];

    return coordinator_is_elsewhere(code) || code == K_COORDINATOR_LOAD_IN_PROGRESS ? code : 0;
}

static int build_commit(struct group_ask *ask, struct request *request)
{
    const struct changing *changing = LIST_OWNER(ask, struct changing, ask);
    struct arena *arena = &request->arena;
    Kairn__OffsetCommitRequest *body = arena_alloc(arena, sizeof *body);
    Kairn__OffsetCommitPartition *rows = arena_calloc(arena, changing->count, sizeof *rows);
    Kairn__OffsetCommitPartition **pointers =
        arena_calloc(arena, changing->count, sizeof(Kairn__OffsetCommitPartition *));

    if (body == NULL || rows == NULL || pointers == NULL)
        return K_NOMEM;
    kairn__offset_commit_request__init(body);
    body->group = (char *)ask->answer.topic;
    body->generation = -1;              /* not as a member */
    for (size_t i = 0; i < changing->count; i++) {
        const klient_offset_t *from = &changing->offsets[i];
        kairn__offset_commit_partition__init(&rows[i]);
        rows[i].topic = (char *)from->topic;
        rows[i].partition = (uint32_t)from->partition;
        rows[i].offset = from->offset;
        rows[i].leader_epoch = from->leader_epoch;
        rows[i].metadata = (char *)from->metadata;
        pointers[i] = &rows[i];
    }
    body->partitions = pointers;
    body->n_partitions = changing->count;
    request->head.body_case = KAIRN__REQUEST_HEAD__BODY_OFFSET_COMMIT;
    request->head.offset_commit = body;
    return 0;
}

static int read_commit(struct group_ask *ask, const Kairn__ResponseHead *head,
                       const Kairn__Error **error)
{
    const struct changing *changing = LIST_OWNER(ask, struct changing, ask);

    (void)error;
    if (head->offset_commit->n_results != changing->count)
        return K_MALFORMED;
    for (size_t i = 0; i < changing->count; i++)
        changing->codes[i] = head_error_code(head->offset_commit->results[i]->error);
    return of_all(changing);
}

static int build_forget(struct group_ask *ask, struct request *request)
{
    const struct changing *changing = LIST_OWNER(ask, struct changing, ask);
    struct arena *arena = &request->arena;
    Kairn__OffsetDeleteRequest *body = arena_alloc(arena, sizeof *body);
    Kairn__TopicPartition *rows = arena_calloc(arena, changing->count, sizeof *rows);
    Kairn__TopicPartition **pointers =
        arena_calloc(arena, changing->count, sizeof(Kairn__TopicPartition *));

    if (body == NULL || rows == NULL || pointers == NULL)
        return K_NOMEM;
    kairn__offset_delete_request__init(body);
    body->group = (char *)ask->answer.topic;
    for (size_t i = 0; i < changing->count; i++) {
        kairn__topic_partition__init(&rows[i]);
        rows[i].topic = (char *)changing->offsets[i].topic;
        rows[i].partition = (uint32_t)changing->offsets[i].partition;
        pointers[i] = &rows[i];
    }
    body->partitions = pointers;
    body->n_partitions = changing->count;
    request->head.body_case = KAIRN__REQUEST_HEAD__BODY_OFFSET_DELETE;
    request->head.offset_delete = body;
    return 0;
}

static int read_forget(struct group_ask *ask, const Kairn__ResponseHead *head,
                       const Kairn__Error **error)
{
    const struct changing *changing = LIST_OWNER(ask, struct changing, ask);

    (void)error;
    if (head->offset_delete->n_results != changing->count)
        return K_MALFORMED;
    for (size_t i = 0; i < changing->count; i++)
        changing->codes[i] = head_error_code(head->offset_delete->results[i]->error);
    return of_all(changing);
}

/* Both come to the same when they are carried out twice. */
static const struct group_ask_kind committing = { .build = build_commit, .read = read_commit };
static const struct group_ask_kind forgetting = { .build = build_forget, .read = read_forget };

/* `ours` in the survey's arena, with room for codes; NULL: out of memory. */
static struct survey *changes_new(klient_admin_t *admin, const char *group,
                                  const struct group_ask_kind *kind,
                                  const klient_offset_t *offsets, size_t count,
                                  int64_t deadline_ms)
{
    size_t requests = (count + ROWS_MAX - 1) / ROWS_MAX;
    const char **groups = calloc(requests + 1, sizeof *groups);
    struct survey *survey = NULL;

    for (size_t i = 0; groups != NULL && i < requests; i++)
        groups[i] = group;
    if (groups != NULL)
        survey = group_survey_new(admin->klient, groups, requests, sizeof(struct changing), kind,
                                  deadline_ms);
    free(groups);
    klient_offset_t *ours =
        survey == NULL ? NULL : arena_calloc(&survey->arena, count, sizeof *ours);
    int *codes = ours == NULL ? NULL : arena_calloc(&survey->arena, count, sizeof *codes);
    bool copied = codes != NULL;
    for (size_t i = 0; copied && i < count; i++) {
        ours[i] = offsets[i];
        ours[i].topic = arena_strdup(&survey->arena, offsets[i].topic);
        ours[i].metadata = arena_strdup(&survey->arena,
                                        offsets[i].metadata != NULL ? offsets[i].metadata : "");
        copied = ours[i].topic != NULL && ours[i].metadata != NULL;
    }
    for (size_t i = 0; copied && i < requests; i++) {
        struct changing *changing = survey_row(survey, i);
        changing->offsets = ours + i * ROWS_MAX;
        changing->codes = codes + i * ROWS_MAX;
        changing->count = i + 1 < requests ? ROWS_MAX : count - i * ROWS_MAX;
    }
    if (!copied && survey != NULL)
        task_unref(&survey->task);
    return copied ? survey : NULL;
}

/* To who is no member it says no more than that there are some. */
static int translate(int code)
{
    return code == K_UNKNOWN_MEMBER_ID ? K_NON_EMPTY_GROUP : code;
}

static klient_code_t make_changes(struct task *task, struct product *out, klient_error_t **error)
{
    const struct survey *survey = survey_of(task);
    const struct changing *last = survey_row(survey, survey->count - 1);
    klient_offsets_t *offsets = offsets_new((survey->count - 1) * ROWS_MAX + last->count);
    klient_code_t outcome = KLIENT_OK;
    int failed = offsets == NULL ? K_NOMEM : 0;

    for (size_t r = 0; r < survey->count; r++) {
        const struct changing *changing = survey_row(survey, r);
        const struct answer *answer = &changing->ask.answer;
        if (answer->code != 0 && outcome == KLIENT_OK)
            outcome = fail(error, translate(answer->code), "%s: %s", answer->topic,
                           answer->text != NULL ? answer->text : k_error_text(answer->code));
        for (size_t i = 0; failed == 0 && i < changing->count; i++) {
            klient_offset_t row = changing->offsets[i];
            int code = translate(answer->code != 0 ? answer->code : changing->codes[i]);
            row.code = (klient_code_t)code;
            failed = offsets_set(offsets, r * ROWS_MAX + i, &row);
            if (code != 0 && outcome == KLIENT_OK)
                outcome = fail_partition(error, code, row.topic, row.partition, -1, NULL);
        }
    }
    if (failed != 0) {
        klient_offsets_free(offsets);
        return outcome != KLIENT_OK ? outcome : fail(error, failed, NULL);
    }
    *out = (struct product){ PRODUCT_OFFSETS, offsets };
    return outcome;
}

static klient_code_t begin(struct call *call, klient_admin_t *admin, const char *group,
                           const struct group_ask_kind *kind, const klient_offset_t *offsets,
                           size_t count, int64_t timeout_ms, klient_error_t **error)
{
    struct survey *survey =
        changes_new(admin, group, kind, offsets, count, deadline_after(timeout_ms));

    if (survey == NULL)
        return fail(error, K_NOMEM, NULL);
    survey_call(survey, make_changes, call);
    return KLIENT_OK;
}

static klient_code_t wait_for_codes(struct call *call, klient_code_t *codes,
                                    klient_error_t **error)
{
    void *made;
    klient_code_t code = call_wait(call, &made, error);

    if (made != NULL)
        offsets_tell(made, NULL, codes);
    klient_offsets_free(made);
    return code;
}

static klient_code_t begin_alter(struct call *call, klient_admin_t *admin, const char *group,
                                 const klient_offset_t *const *offsets, size_t count,
                                 int64_t timeout_ms, klient_error_t **error)
{
    int code = admin_check(admin);

    if (code == 0)
        code = admin_check_group(group);
    if (code == 0 && (offsets == NULL || count == 0))
        code = K_INVALID_ARGUMENT;
    for (size_t i = 0; code == 0 && i < count; i++)
        if (offsets[i] == NULL || offsets[i]->size < sizeof *offsets[i] ||
            offsets[i]->topic == NULL || offsets[i]->partition < 0 || offsets[i]->offset < 0)
            code = K_INVALID_ARGUMENT;
    klient_offset_t *copies = code == 0 ? calloc(count, sizeof *copies) : NULL;
    if (copies == NULL)
        return fail(error, code != 0 ? code : K_NOMEM, NULL);
    for (size_t i = 0; i < count; i++)
        copies[i] = *offsets[i];
    klient_code_t outcome =
        begin(call, admin, group, &committing, copies, count, timeout_ms, error);
    free(copies);
    return outcome;
}

klient_code_t klient_admin_alter_group_offsets(klient_admin_t *admin, const char *group,
                                               const klient_offset_t *const *offsets,
                                               size_t count, int64_t timeout_ms,
                                               klient_code_t *codes, klient_error_t **error)
{
    struct call call;
    klient_code_t code = begin_alter(&call, admin, group, offsets, count, timeout_ms, error);

    return code != KLIENT_OK ? code : wait_for_codes(&call, codes, error);
}

klient_code_t klient_admin_alter_group_offsets_async(klient_admin_t *admin, const char *group,
                                                     const klient_offset_t *const *offsets,
                                                     size_t count, int64_t timeout_ms,
                                                     klient_queue_t *queue, void *opaque,
                                                     klient_error_t **error)
{
    struct call call;
    klient_code_t code = begin_alter(&call, admin, group, offsets, count, timeout_ms, error);

    return code != KLIENT_OK ? code : call_post(&call, queue, opaque, error);
}

static klient_code_t begin_forget(struct call *call, klient_admin_t *admin, const char *group,
                                  const klient_topic_partition_t *partitions, size_t count,
                                  int64_t timeout_ms, klient_error_t **error)
{
    int code = admin_check_partitions(admin, partitions, count);

    if (code == 0)
        code = admin_check_group(group);
    klient_offset_t *names = code == 0 ? calloc(count, sizeof *names) : NULL;
    if (names == NULL)
        return fail(error, code != 0 ? code : K_NOMEM, NULL);
    for (size_t i = 0; i < count; i++)
        names[i] = (klient_offset_t){ .topic = partitions[i].topic,
                                      .partition = partitions[i].partition, .offset = -1,
                                      .leader_epoch = -1 };
    klient_code_t outcome =
        begin(call, admin, group, &forgetting, names, count, timeout_ms, error);
    free(names);
    return outcome;
}

klient_code_t klient_admin_delete_group_offsets(klient_admin_t *admin, const char *group,
                                                const klient_topic_partition_t *partitions,
                                                size_t count, int64_t timeout_ms,
                                                klient_code_t *codes, klient_error_t **error)
{
    struct call call;
    klient_code_t code = begin_forget(&call, admin, group, partitions, count, timeout_ms, error);

    return code != KLIENT_OK ? code : wait_for_codes(&call, codes, error);
}

klient_code_t klient_admin_delete_group_offsets_async(klient_admin_t *admin, const char *group,
                                                      const klient_topic_partition_t *partitions,
                                                      size_t count, int64_t timeout_ms,
                                                      klient_queue_t *queue, void *opaque,
                                                      klient_error_t **error)
{
    struct call call;
    klient_code_t code = begin_forget(&call, admin, group, partitions, count, timeout_ms, error);

    return code != KLIENT_OK ? code : call_post(&call, queue, opaque, error);
}
