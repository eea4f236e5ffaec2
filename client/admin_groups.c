/* admin_groups.c - consumer groups described and deleted, each by its coordinator, and listed by
 * every broker. */
#include <stdlib.h>
#include <string.h>

#include "client/admin_internal.h"
#include "client/error.h"
#include "client/group_ask.h"
#include "client/roster.h"
#include "common/error.h"

int admin_check_group(const char *group)
{
    return group == NULL ? K_INVALID_ARGUMENT : group[0] == '\0' ? K_INVALID_GROUP_ID : 0;
}

static int check_groups(const klient_admin_t *admin, const char *const *groups, size_t count)
{
    int code = admin_check(admin);

    if (code == 0 && (groups == NULL || count == 0))
        code = K_INVALID_ARGUMENT;
    for (size_t i = 0; code == 0 && i < count; i++)
        code = admin_check_group(groups[i]);
    return code;
}

/* --- describe --------------------------------------------------------------------------------- */

struct described {
    struct group_ask ask;
    struct roster_item item;
};

static int build_describe(struct group_ask *ask, struct request *request)
{
    Kairn__DescribeGroupsRequest *body = arena_alloc(&request->arena, sizeof *body);

    if (body == NULL)
        return K_NOMEM;
    kairn__describe_groups_request__init(body);
    body->groups = arena_copy(&request->arena, &ask->answer.topic, sizeof ask->answer.topic);
    body->n_groups = 1;
    request->head.body_case = KAIRN__REQUEST_HEAD__BODY_DESCRIBE_GROUPS;
    request->head.describe_groups = body;
    return body->groups == NULL ? K_NOMEM : 0;
}

static int read_describe(struct group_ask *ask, const Kairn__ResponseHead *head,
                         const Kairn__Error **error)
{
    struct described *described = LIST_OWNER(ask, struct described, ask);

    if (head->describe_groups->n_groups != 1)
        return K_MALFORMED;
    const Kairn__GroupInfo *from = head->describe_groups->groups[0];
    *error = from->error;
    int code = head_error_code(from->error);
    return code != 0 ? code : roster_read(&ask->answer.survey->arena, from, &described->item);
}

static const struct group_ask_kind describing = { .build = build_describe,
                                                  .read = read_describe };

/* What could not be described looks like a group that is not there, with a code. */
static void take_described(const struct described *from, struct roster_item *to)
{
    const struct answer *answer = &from->ask.answer;

    if (answer->code == 0)
        *to = from->item;
    else
        to->info = (klient_group_info_t){ .protocol_type = "", .protocol = "", .leader = "",
                                          .generation = -1, .coordinator = -1 };
    to->info.group = answer->topic;
    to->info.code = (klient_code_t)answer->code;
    to->info.reason = answer->text != NULL ? answer->text : k_error_text(answer->code);
}

static klient_code_t make_described(struct task *task, struct product *out,
                                    klient_error_t **error)
{
    struct survey *survey = survey_of(task);

    survey_ref(survey);
    klient_groups_t *list = roster_new(survey, survey->count);
    if (list == NULL)
        return fail(error, K_NOMEM, NULL);
    for (size_t i = 0; i < survey->count; i++)
        take_described(survey_row(survey, i), &list->items[i]);
    *out = (struct product){ PRODUCT_GROUPS, list };
    return KLIENT_OK;
}

/* A question to the coordinator of each of these groups. */
static klient_code_t begin(struct call *call, klient_admin_t *admin, const char *const *groups,
                           size_t count, size_t row_size, const struct group_ask_kind *kind,
                           product_maker make, int64_t timeout_ms, klient_error_t **error)
{
    int64_t deadline_ms = deadline_after(timeout_ms);
    int code = check_groups(admin, groups, count);
    struct survey *survey =
        code != 0 ? NULL
                  : group_survey_new(admin->klient, groups, count, row_size, kind, deadline_ms);

    if (survey == NULL)
        return fail(error, code != 0 ? code : K_NOMEM, NULL);
    survey_call(survey, make, call);
    return KLIENT_OK;
}

static klient_code_t begin_describe(struct call *call, klient_admin_t *admin,
                                    const char *const *groups, size_t count, int64_t timeout_ms,
                                    klient_error_t **error)
{
    return begin(call, admin, groups, count, sizeof(struct described), &describing,
                 make_described, timeout_ms, error);
}

/* *out as it was when there is none. */
static klient_code_t wait_for_groups(struct call *call, klient_groups_t **out,
                                     klient_error_t **error)
{
    void *made;
    klient_code_t code = call_wait(call, &made, error);

    if (made != NULL)
        *out = made;
    return code;
}

klient_code_t klient_admin_describe_groups(klient_admin_t *admin, const char *const *groups,
                                           size_t count, int64_t timeout_ms,
                                           klient_groups_t **out, klient_error_t **error)
{
    struct call call;

    if (out == NULL)
        return fail(error, K_INVALID_ARGUMENT, NULL);
    klient_code_t code = begin_describe(&call, admin, groups, count, timeout_ms, error);
    return code != KLIENT_OK ? code : wait_for_groups(&call, out, error);
}

klient_code_t klient_admin_describe_groups_async(klient_admin_t *admin, const char *const *groups,
                                                 size_t count, int64_t timeout_ms,
                                                 klient_queue_t *queue, void *opaque,
                                                 klient_error_t **error)
{
    struct call call;
    klient_code_t code = begin_describe(&call, admin, groups, count, timeout_ms, error);

    return code != KLIENT_OK ? code : call_post(&call, queue, opaque, error);
}

/* --- list ------------------------------------------------------------------------------------- */

/* First it is asked which brokers there are. All in the survey's arena. */
struct listing {
    struct inquiry inquiry;
    struct survey *survey;
    klient_group_state_t *states;
    size_t state_count;
    klient_topic_partition_t *brokers;
    size_t broker_count;
};

/* What one broker coordinates. */
struct listed {
    struct answer answer;               /* partition: the broker's id */
    struct inquiry inquiry;
    klient_group_info_t *groups;        /* in the survey's arena */
    size_t count;
};

static int build_list(struct inquiry *inquiry, struct request *request)
{
    const struct listed *listed = LIST_OWNER(inquiry, struct listed, inquiry);
    const struct listing *listing = listed->answer.survey->context;
    Kairn__ListGroupsRequest *body = arena_alloc(&request->arena, sizeof *body);

    if (body == NULL)
        return K_NOMEM;
    kairn__list_groups_request__init(body);
    body->states =
        arena_calloc(&request->arena, listing->state_count + 1, sizeof *body->states);
    if (body->states == NULL)
        return K_NOMEM;
    for (; body->n_states < listing->state_count; body->n_states++)
        body->states[body->n_states] =
            (char *)klient_group_state_name(listing->states[body->n_states]);
    request->head.body_case = KAIRN__REQUEST_HEAD__BODY_LIST_GROUPS;
    request->head.list_groups = body;
    return 0;
}

static int read_list(struct inquiry *inquiry, const Kairn__ResponseHead *head,
                     const Kairn__Error **error)
{
    struct listed *listed = LIST_OWNER(inquiry, struct listed, inquiry);
    struct arena *arena = &listed->answer.survey->arena;
    const Kairn__ListGroupsResponse *body = head->list_groups;
    klient_group_info_t *groups = arena_calloc(arena, body->n_groups + 1, sizeof *groups);

    (void)error;
    for (size_t i = 0; groups != NULL && i < body->n_groups; i++) {
        groups[i] = (klient_group_info_t){
            .group = arena_strdup(arena, body->groups[i]->group),
            .reason = "",
            .state = roster_state_of(body->groups[i]->state),
            .protocol_type = arena_strdup(arena, body->groups[i]->protocol_type),
            .protocol = "",
            .leader = "",
            .generation = -1,
            .coordinator = listed->answer.partition,
        };
        if (groups[i].group == NULL || groups[i].protocol_type == NULL)
            return K_NOMEM;
    }
    listed->groups = groups;
    listed->count = body->n_groups;
    return groups == NULL ? K_NOMEM : 0;
}

static void list_over(struct inquiry *inquiry, int code, const char *text)
{
    survey_answered(&LIST_OWNER(inquiry, struct listed, inquiry)->answer, code, text);
}

static void start_list(struct answer *answer)
{
    struct listed *listed = LIST_OWNER(answer, struct listed, answer);

    listed->inquiry.build = build_list;
    listed->inquiry.read = read_list;
    listed->inquiry.done = list_over;
    listed->inquiry.broker = answer->partition;
    inquiry_start(&listed->inquiry, answer->survey->klient, NULL, 0, answer->survey->deadline_ms);
}

static int by_group(const void *a, const void *b)
{
    const struct roster_item *x = a, *y = b;

    return strcmp(x->info.group, y->info.group);
}

/* All of them, by name; one that was handed over meanwhile may have been listed twice. */
static klient_groups_t *gather(struct survey *survey)
{
    size_t count = 0, kept = 0;

    for (size_t i = 0; i < survey->count; i++)
        count += ((const struct listed *)survey_row(survey, i))->count;
    klient_groups_t *list = roster_new(survey, count);
    if (list == NULL)
        return NULL;
    for (size_t i = 0, at = 0; i < survey->count; i++) {
        const struct listed *listed = survey_row(survey, i);
        for (size_t g = 0; g < listed->count; g++)
            list->items[at++].info = listed->groups[g];
    }
    if (count > 0)
        qsort(list->items, count, sizeof *list->items, by_group);
    for (size_t i = 0; i < count; i++)
        if (i == 0 || by_group(&list->items[i], &list->items[kept - 1]) != 0)
            list->items[kept++] = list->items[i];
    list->count = kept;
    return list;
}

/* --- whom to ask --- */

static int build_brokers(struct inquiry *inquiry, struct request *request)
{
    Kairn__MetadataRequest *body = arena_alloc(&request->arena, sizeof *body);

    (void)inquiry;
    if (body == NULL)
        return K_NOMEM;
    kairn__metadata_request__init(body);
    request->head.body_case = KAIRN__REQUEST_HEAD__BODY_METADATA;
    request->head.metadata = body;
    return 0;
}

static int read_brokers(struct inquiry *inquiry, const Kairn__ResponseHead *head,
                        const Kairn__Error **error)
{
    struct listing *listing = LIST_OWNER(inquiry, struct listing, inquiry);
    size_t count = head->metadata->n_brokers;
    klient_topic_partition_t *brokers =
        arena_calloc(&listing->survey->arena, count + 1, sizeof *brokers);

    (void)error;
    if (brokers == NULL)
        return K_NOMEM;
    for (size_t i = 0; i < count; i++)
        brokers[i] = (klient_topic_partition_t){ "", head->metadata->brokers[i]->id };
    listing->brokers = brokers;
    listing->broker_count = count;
    return 0;
}

/* A row for each live broker. */
static void brokers_known(struct inquiry *inquiry, int code, const char *text)
{
    struct listing *listing = LIST_OWNER(inquiry, struct listing, inquiry);
    struct survey *survey = listing->survey;

    if (code == 0 && listing->broker_count == 0)
        code = K_BROKER_NOT_AVAILABLE;
    else if (code == 0 && !survey_fill(survey, listing->brokers, listing->broker_count))
        code = K_NOMEM;
    if (code == 0) {
        survey_begin(survey);
        return;
    }
    if (text != NULL && text[0] != '\0')
        k_reason_set(&survey->task.reason, code, "%s", text);
    task_done(&survey->task, code);
}

static void find_brokers(struct task *task)
{
    struct survey *survey = survey_of(task);
    struct listing *listing = survey->context;

    listing->inquiry.build = build_brokers;
    listing->inquiry.read = read_brokers;
    listing->inquiry.done = brokers_known;
    listing->inquiry.broker = -1;
    inquiry_start(&listing->inquiry, survey->klient, NULL, 0, survey->deadline_ms);
}

/* NULL when out of memory. */
static struct survey *listing_new(klient_admin_t *admin, const klient_group_state_t *states,
                                  size_t count, int64_t deadline_ms)
{
    struct survey *survey =
        survey_new(admin->klient, NULL, 0, sizeof(struct listed), start_list, deadline_ms);
    struct listing *listing =
        survey == NULL ? NULL : arena_calloc(&survey->arena, 1, sizeof *listing);

    if (listing != NULL)
        listing->states = arena_calloc(&survey->arena, count + 1, sizeof *listing->states);
    if (listing == NULL || listing->states == NULL) {
        if (survey != NULL)
            task_unref(&survey->task);
        return NULL;
    }
    listing->survey = survey;
    listing->state_count = count;
    for (size_t i = 0; i < count; i++)
        listing->states[i] = states[i];
    survey->context = listing;
    survey->task.run = find_brokers;
    return survey;
}

/* With what the others told, though a broker could not be asked. */
static klient_code_t make_list(struct task *task, struct product *out, klient_error_t **error)
{
    struct survey *survey = survey_of(task);
    klient_code_t code = KLIENT_OK;

    survey_ref(survey);
    klient_groups_t *list = gather(survey);
    if (list == NULL)
        return fail(error, K_NOMEM, NULL);
    for (size_t i = 0; i < survey->count && code == KLIENT_OK; i++) {
        const struct answer *answer = survey_row(survey, i);
        if (answer->code != 0)
            code = fail(error, answer->code, "broker %d: %s", (int)answer->partition,
                        answer->text != NULL ? answer->text : k_error_text(answer->code));
    }
    *out = (struct product){ PRODUCT_GROUPS, list };
    return code;
}

static klient_code_t begin_list(struct call *call, klient_admin_t *admin,
                                const klient_group_state_t *states, size_t count,
                                int64_t timeout_ms, klient_error_t **error)
{
    int64_t deadline_ms = deadline_after(timeout_ms);
    int code = admin_check(admin);

    if (code == 0 && states == NULL && count > 0)
        code = K_INVALID_ARGUMENT;
    struct survey *survey = code != 0 ? NULL : listing_new(admin, states, count, deadline_ms);
    if (survey == NULL)
        return fail(error, code != 0 ? code : K_NOMEM, NULL);
    survey_call(survey, make_list, call);
    return KLIENT_OK;
}

klient_code_t klient_admin_list_groups(klient_admin_t *admin, const klient_group_state_t *states,
                                       size_t count, int64_t timeout_ms, klient_groups_t **out,
                                       klient_error_t **error)
{
    struct call call;

    if (out == NULL)
        return fail(error, K_INVALID_ARGUMENT, NULL);
    klient_code_t code = begin_list(&call, admin, states, count, timeout_ms, error);
    return code != KLIENT_OK ? code : wait_for_groups(&call, out, error);
}

klient_code_t klient_admin_list_groups_async(klient_admin_t *admin,
                                             const klient_group_state_t *states, size_t count,
                                             int64_t timeout_ms, klient_queue_t *queue,
                                             void *opaque, klient_error_t **error)
{
    struct call call;
    klient_code_t code = begin_list(&call, admin, states, count, timeout_ms, error);

    return code != KLIENT_OK ? code : call_post(&call, queue, opaque, error);
}

/* --- delete ----------------------------------------------------------------------------------- */

static int build_delete(struct group_ask *ask, struct request *request)
{
    Kairn__DeleteGroupsRequest *body = arena_alloc(&request->arena, sizeof *body);

    if (body == NULL)
        return K_NOMEM;
    kairn__delete_groups_request__init(body);
    body->groups = arena_copy(&request->arena, &ask->answer.topic, sizeof ask->answer.topic);
    body->n_groups = 1;
    request->head.body_case = KAIRN__REQUEST_HEAD__BODY_DELETE_GROUPS;
    request->head.delete_groups = body;
    return body->groups == NULL ? K_NOMEM : 0;
}

static int read_delete(struct group_ask *ask, const Kairn__ResponseHead *head,
                       const Kairn__Error **error)
{
    (void)ask;
    if (head->delete_groups->n_results != 1)
        return K_MALFORMED;
    *error = head->delete_groups->results[0]->error;
    return head_error_code(*error);
}

static const struct group_ask_kind deleting = { .once = true, .build = build_delete,
                                                .read = read_delete };

static klient_code_t make_deleted(struct task *task, struct product *out, klient_error_t **error)
{
    return admin_take_survey(survey_of(task), out, error);
}

static klient_code_t begin_delete(struct call *call, klient_admin_t *admin,
                                  const char *const *groups, size_t count, int64_t timeout_ms,
                                  klient_error_t **error)
{
    return begin(call, admin, groups, count, sizeof(struct group_ask), &deleting, make_deleted,
                 timeout_ms, error);
}

klient_code_t klient_admin_delete_groups(klient_admin_t *admin, const char *const *groups,
                                         size_t count, int64_t timeout_ms, klient_code_t *codes,
                                         klient_error_t **error)
{
    struct call call;
    klient_results_t *results = NULL;
    klient_code_t code = begin_delete(&call, admin, groups, count, timeout_ms, error);

    if (code != KLIENT_OK)
        return code;
    code = admin_wait_results(&call, &results, error);
    admin_tell_codes(results, codes);
    return code;
}

klient_code_t klient_admin_delete_groups_async(klient_admin_t *admin, const char *const *groups,
                                               size_t count, int64_t timeout_ms,
                                               klient_queue_t *queue, void *opaque,
                                               klient_error_t **error)
{
    struct call call;
    klient_code_t code = begin_delete(&call, admin, groups, count, timeout_ms, error);

    return code != KLIENT_OK ? code : call_post(&call, queue, opaque, error);
}
