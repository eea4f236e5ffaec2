/* admin_offsets.c - what groups have committed: told, changed and forgotten by their coordinators;
 * and where partitions begin and end, as their leaders say. */
#include <stdlib.h>

#include "client/admin_internal.h"
#include "client/admin_offsets.h"
#include "client/config.h"
#include "client/coordinator.h"
#include "client/error.h"
#include "client/handle.h"
#include "client/offsets.h"
#include "client/position.h"
#include "common/error.h"

enum { ROWS_MAX = 4096 };               /* partitions in one request: a head has its limit */

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

static klient_code_t take_offsets(const struct group_offsets_ask *told, klient_offsets_t **out,
                                  klient_error_t **error)
{
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
    *out = offsets;
    return KLIENT_OK;
}

klient_code_t admin_ask_offsets(klient_admin_t *admin, const char *group,
                                const struct group_ask_kind *kind, int64_t timeout_ms,
                                klient_offsets_t **out, klient_error_t **error)
{
    int64_t deadline_ms = deadline_after(timeout_ms);
    int code = admin_check(admin);

    if (code == 0)
        code = admin_check_group(group);
    if (code != 0 || out == NULL)
        return fail(error, code != 0 ? code : K_INVALID_ARGUMENT, NULL);
    struct survey *survey = group_survey_new(
        admin->klient, &group, 1, sizeof(struct group_offsets_ask), kind, deadline_ms);
    if (survey == NULL)
        return fail(error, K_NOMEM, NULL);
    klient_code_t outcome = task_await(&survey->task, admin->klient, deadline_ms, error);
    if (outcome == KLIENT_OK)
        outcome = take_offsets(survey_row(survey, 0), out, error);
    task_unref(&survey->task);
    return outcome;
}

klient_code_t klient_admin_group_offsets(klient_admin_t *admin, const char *group,
                                         int64_t timeout_ms, klient_offsets_t **out,
                                         klient_error_t **error)
{
    return admin_ask_offsets(admin, group, &fetching, timeout_ms, out, error);
}

/* --- changes: of so many partitions at a time ------------------------------------------------- */

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

static klient_code_t take_changes(const struct survey *survey, klient_code_t *codes,
                                  klient_error_t **error)
{
    klient_code_t outcome = KLIENT_OK;

    for (size_t r = 0; r < survey->count; r++) {
        const struct changing *changing = survey_row(survey, r);
        const struct answer *answer = &changing->ask.answer;
        if (answer->code != 0 && outcome == KLIENT_OK)
            outcome = fail(error, translate(answer->code), "%s: %s", answer->topic,
                           answer->text != NULL ? answer->text : k_error_text(answer->code));
        for (size_t i = 0; i < changing->count; i++) {
            const klient_offset_t *row = &changing->offsets[i];
            int code = translate(answer->code != 0 ? answer->code : changing->codes[i]);
            if (codes != NULL)
                codes[r * ROWS_MAX + i] = (klient_code_t)code;
            if (code != 0 && outcome == KLIENT_OK)
                outcome = fail_partition(error, code, row->topic, row->partition, -1, NULL);
        }
    }
    return outcome;
}

static klient_code_t change(klient_admin_t *admin, const char *group,
                            const struct group_ask_kind *kind, const klient_offset_t *offsets,
                            size_t count, int64_t timeout_ms, klient_code_t *codes,
                            klient_error_t **error)
{
    int64_t deadline_ms = deadline_after(timeout_ms);
    struct survey *survey = changes_new(admin, group, kind, offsets, count, deadline_ms);

    if (survey == NULL)
        return fail(error, K_NOMEM, NULL);
    klient_code_t outcome = task_await(&survey->task, admin->klient, deadline_ms, error);
    if (outcome == KLIENT_OK)
        outcome = take_changes(survey, codes, error);
    task_unref(&survey->task);
    return outcome;
}

klient_code_t klient_admin_alter_group_offsets(klient_admin_t *admin, const char *group,
                                               const klient_offset_t *const *offsets,
                                               size_t count, int64_t timeout_ms,
                                               klient_code_t *codes, klient_error_t **error)
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
        change(admin, group, &committing, copies, count, timeout_ms, codes, error);
    free(copies);
    return outcome;
}

klient_code_t klient_admin_delete_group_offsets(klient_admin_t *admin, const char *group,
                                                const klient_topic_partition_t *partitions,
                                                size_t count, int64_t timeout_ms,
                                                klient_code_t *codes, klient_error_t **error)
{
    int code = admin_check_partitions(admin, partitions, count);

    if (code == 0)
        code = admin_check_group(group);
    klient_offset_t *names = code == 0 ? calloc(count, sizeof *names) : NULL;
    if (names == NULL)
        return fail(error, code != 0 ? code : K_NOMEM, NULL);
    for (size_t i = 0; i < count; i++)
        names[i] = (klient_offset_t){ .topic = partitions[i].topic,
                                      .partition = partitions[i].partition };
    klient_code_t outcome =
        change(admin, group, &forgetting, names, count, timeout_ms, codes, error);
    free(names);
    return outcome;
}

/* --- offsets of partitions -------------------------------------------------------------------- */

static int wait_for(void *context, struct task *task, int64_t deadline_ms)
{
    (void)context;
    return task_wait_patiently(task, deadline_ms);
}

klient_code_t klient_admin_list_offsets(klient_admin_t *admin,
                                        const klient_topic_partition_t *partitions,
                                        const int64_t *timestamps, size_t count,
                                        int64_t timeout_ms, int64_t *offsets,
                                        klient_code_t *codes, klient_error_t **error)
{
    int code = admin_check_partitions(admin, partitions, count);

    if (code == 0 && (timestamps == NULL || offsets == NULL))
        code = K_INVALID_ARGUMENT;
    for (size_t i = 0; code == 0 && i < count; i++)
        if (timestamps[i] < POSITION_BEGINNING)
            code = K_INVALID_ARGUMENT;
    if (code != 0)
        return fail(error, code, NULL);
    return lookup_all(admin->klient, ISOLATION_UNCOMMITTED, partitions, timestamps, 0, count,
                      deadline_after(timeout_ms), wait_for, NULL, offsets, codes, error);
}
