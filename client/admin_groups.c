/* admin_groups.c - consumer groups described and deleted, each by its coordinator, and listed by
 * every broker. */
#include <stdlib.h>
#include <string.h>

#include "client/admin_internal.h"
#include "client/describe.h"
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

klient_code_t klient_admin_describe_groups(klient_admin_t *admin, const char *const *groups,
                                           size_t count, int64_t timeout_ms,
                                           klient_groups_t **out, klient_error_t **error)
{
    int64_t deadline_ms = deadline_after(timeout_ms);
    int code = check_groups(admin, groups, count);

    if (code != 0 || out == NULL)
        return fail(error, code != 0 ? code : K_INVALID_ARGUMENT, NULL);
    struct survey *survey = group_survey_new(admin->klient, groups, count,
                                             sizeof(struct described), &describing, deadline_ms);
    if (survey == NULL)
        return fail(error, K_NOMEM, NULL);
    klient_code_t outcome = task_await(&survey->task, admin->klient, deadline_ms, error);
    if (outcome != KLIENT_OK) {
        task_unref(&survey->task);
        return outcome;
    }
    klient_groups_t *list = roster_new(survey, count);
    if (list == NULL)
        return fail(error, K_NOMEM, NULL);
    for (size_t i = 0; i < count; i++)
        take_described(survey_row(survey, i), &list->items[i]);
    *out = list;
    return KLIENT_OK;
}

/* --- list ------------------------------------------------------------------------------------- */

/* What one broker coordinates. */
struct listed {
    struct answer answer;               /* partition: the broker's id */
    struct inquiry inquiry;
    const klient_group_state_t *states; /* in the survey's arena */
    size_t state_count;
    klient_group_info_t *groups;        /* likewise */
    size_t count;
};

static int build_list(struct inquiry *inquiry, struct request *request)
{
    const struct listed *listed = LIST_OWNER(inquiry, struct listed, inquiry);
    Kairn__ListGroupsRequest *body = arena_alloc(&request->arena, sizeof *body);

    if (body == NULL)
        return K_NOMEM;
    kairn__list_groups_request__init(body);
    body->states =
        arena_calloc(&request->arena, listed->state_count + 1, sizeof *body->states);
    if (body->states == NULL)
        return K_NOMEM;
    for (; body->n_states < listed->state_count; body->n_states++)
        body->states[body->n_states] =
            (char *)klient_group_state_name(listed->states[body->n_states]);
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

/* A row for each live broker. NULL: *code says why. */
static struct survey *survey_brokers(klient_admin_t *admin, const klient_group_state_t *states,
                                     size_t state_count, int64_t deadline_ms,
                                     klient_error_t **error, klient_code_t *code)
{
    klient_metadata_t *metadata = NULL;
    struct survey *survey = NULL;
    int64_t left_ms = deadline_ms - mono_ms();

    *code = describe(admin->klient, NULL, 0, false, false, left_ms > 0 ? left_ms : 0, &metadata,
                     error);
    if (*code != KLIENT_OK)
        return NULL;
    size_t count = klient_metadata_broker_count(metadata);
    if (count == 0) {
        klient_metadata_free(metadata);
        *code = fail(error, K_BROKER_NOT_AVAILABLE, NULL);
        return NULL;
    }
    klient_topic_partition_t *brokers = calloc(count + 1, sizeof *brokers);
    for (size_t i = 0; brokers != NULL && i < count; i++) {
        klient_broker_info_t broker = { .size = sizeof broker };
        klient_metadata_broker(metadata, i, &broker);
        brokers[i] = (klient_topic_partition_t){ .topic = "", .partition = broker.id };
    }
    klient_metadata_free(metadata);
    if (brokers != NULL)
        survey = survey_new(admin->klient, brokers, count, sizeof(struct listed), start_list,
                            deadline_ms);
    free(brokers);
    klient_group_state_t *wanted =
        survey == NULL ? NULL : arena_calloc(&survey->arena, state_count + 1, sizeof *wanted);
    for (size_t i = 0; wanted != NULL && i < state_count; i++)
        wanted[i] = states[i];
    for (size_t i = 0; wanted != NULL && i < count; i++) {
        struct listed *listed = survey_row(survey, i);
        listed->states = wanted;
        listed->state_count = state_count;
    }
    if (wanted != NULL)
        return survey;
    if (survey != NULL)
        task_unref(&survey->task);
    *code = fail(error, K_NOMEM, NULL);
    return NULL;
}

klient_code_t klient_admin_list_groups(klient_admin_t *admin, const klient_group_state_t *states,
                                       size_t count, int64_t timeout_ms, klient_groups_t **out,
                                       klient_error_t **error)
{
    int64_t deadline_ms = deadline_after(timeout_ms);
    int checked = admin_check(admin);
    klient_code_t code;

    if (checked != 0 || out == NULL || (states == NULL && count > 0))
        return fail(error, checked != 0 ? checked : K_INVALID_ARGUMENT, NULL);
    struct survey *survey = survey_brokers(admin, states, count, deadline_ms, error, &code);
    if (survey == NULL)
        return code;
    code = task_await(&survey->task, admin->klient, deadline_ms, error);
    if (code != KLIENT_OK) {
        task_unref(&survey->task);
        return code;
    }
    klient_groups_t *list = gather(survey);
    if (list == NULL)
        return fail(error, K_NOMEM, NULL);
    for (size_t i = 0; i < survey->count && code == KLIENT_OK; i++) {
        const struct answer *answer = survey_row(survey, i);
        if (answer->code != 0)
            code = fail(error, answer->code, "broker %d: %s", (int)answer->partition,
                        answer->text != NULL ? answer->text : k_error_text(answer->code));
    }
    *out = list;
    return code;
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

klient_code_t klient_admin_delete_groups(klient_admin_t *admin, const char *const *groups,
                                         size_t count, int64_t timeout_ms, klient_code_t *codes,
                                         klient_error_t **error)
{
    int64_t deadline_ms = deadline_after(timeout_ms);
    int code = check_groups(admin, groups, count);

    if (code != 0)
        return fail(error, code, NULL);
    struct survey *survey = group_survey_new(admin->klient, groups, count,
                                             sizeof(struct group_ask), &deleting, deadline_ms);
    if (survey == NULL)
        return fail(error, K_NOMEM, NULL);
    klient_code_t outcome = task_await(&survey->task, admin->klient, deadline_ms, error);
    bool answered = outcome == KLIENT_OK;
    for (size_t i = 0; answered && i < count; i++) {
        const struct answer *answer = survey_row(survey, i);
        if (codes != NULL)
            codes[i] = (klient_code_t)answer->code;
        if (answer->code != 0 && outcome == KLIENT_OK)
            outcome = fail(error, answer->code, "%s: %s", answer->topic,
                           answer->text != NULL ? answer->text : k_error_text(answer->code));
    }
    task_unref(&survey->task);
    return outcome;
}
