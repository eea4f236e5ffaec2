/* admin_members.c - members are made to leave a group, by its coordinator. */
#include "client/admin_internal.h"
#include "client/error.h"
#include "client/group_ask.h"
#include "common/error.h"

/* The only row of its survey. */
struct removing {
    struct group_ask ask;
    klient_member_name_t *members;      /* in the survey's arena, as is */
    struct answer *answers;             /* what became of each, by whichever name it was given */
    size_t count;
};

static int build(struct group_ask *ask, struct request *request)
{
    const struct removing *removing = LIST_OWNER(ask, struct removing, ask);
    struct arena *arena = &request->arena;
    Kairn__LeaveGroupRequest *body = arena_alloc(arena, sizeof *body);
    Kairn__LeavingMember *rows = arena_calloc(arena, removing->count, sizeof *rows);
    Kairn__LeavingMember **pointers =
        arena_calloc(arena, removing->count, sizeof(Kairn__LeavingMember *));

    if (body == NULL || rows == NULL || pointers == NULL)
        return K_NOMEM;
    kairn__leave_group_request__init(body);
    body->group = (char *)ask->answer.topic;
    for (size_t i = 0; i < removing->count; i++) {
        kairn__leaving_member__init(&rows[i]);
        if (removing->members[i].member != NULL)
            rows[i].member = (char *)removing->members[i].member;
        else
            rows[i].instance = (char *)removing->members[i].instance;
        pointers[i] = &rows[i];
    }
    body->members = pointers;
    body->n_members = removing->count;
    request->head.body_case = KAIRN__REQUEST_HEAD__BODY_LEAVE_GROUP;
    request->head.leave_group = body;
    return 0;
}

static int read(struct group_ask *ask, const Kairn__ResponseHead *head,
                const Kairn__Error **error)
{
    const struct removing *removing = LIST_OWNER(ask, struct removing, ask);

    (void)error;
    if (head->leave_group->n_results != removing->count)
        return K_MALFORMED;
    for (size_t i = 0; i < removing->count; i++)
        removing->answers[i].code = head_error_code(head->leave_group->results[i]->error);
    return 0;
}

/* By its instance's name another one may have joined meanwhile. */
static const struct group_ask_kind leaving = { .once = true, .build = build, .read = read };

static klient_code_t make(struct task *task, struct product *out, klient_error_t **error)
{
    struct survey *survey = survey_of(task);
    struct removing *removing = survey_row(survey, 0);
    const struct answer *all = &removing->ask.answer;

    for (size_t i = 0; i < removing->count && all->code != 0; i++) {
        removing->answers[i].code = all->code;
        removing->answers[i].text = all->text;
    }
    return admin_take_answers(survey, removing->answers, sizeof *removing->answers,
                              removing->count, out, error);
}

/* NULL when out of memory. */
static struct survey *removing_new(klient_admin_t *admin, const char *group,
                                   const klient_member_name_t *members, size_t count,
                                   int64_t deadline_ms)
{
    struct survey *survey = group_survey_new(admin->klient, &group, 1, sizeof(struct removing),
                                             &leaving, deadline_ms);
    if (survey == NULL)
        return NULL;
    struct removing *removing = survey_row(survey, 0);
    removing->members = arena_calloc(&survey->arena, count, sizeof *removing->members);
    removing->answers = arena_calloc(&survey->arena, count, sizeof *removing->answers);
    bool copied = removing->members != NULL && removing->answers != NULL;
    for (size_t i = 0; copied && i < count; i++) {
        bool by_id = members[i].member != NULL;
        char *name = arena_strdup(&survey->arena, by_id ? members[i].member : members[i].instance);
        if (by_id)
            removing->members[i].member = name;
        else
            removing->members[i].instance = name;
        removing->answers[i].topic = name;
        copied = name != NULL;
    }
    removing->count = count;
    if (copied)
        return survey;
    task_unref(&survey->task);
    return NULL;
}

static int check(const klient_admin_t *admin, const char *group,
                 const klient_member_name_t *members, size_t count)
{
    int code = admin_check(admin);

    if (code == 0)
        code = admin_check_group(group);
    if (code == 0 && (members == NULL || count == 0))
        code = K_INVALID_ARGUMENT;
    for (size_t i = 0; code == 0 && i < count; i++) {
        const char *name = members[i].member != NULL ? members[i].member : members[i].instance;
        if (name == NULL || name[0] == '\0' ||
            (members[i].member != NULL && members[i].instance != NULL))
            code = K_INVALID_ARGUMENT;
    }
    return code;
}

static klient_code_t begin(struct call *call, klient_admin_t *admin, const char *group,
                           const klient_member_name_t *members, size_t count, int64_t timeout_ms,
                           klient_error_t **error)
{
    int64_t deadline_ms = deadline_after(timeout_ms);
    int code = check(admin, group, members, count);
    struct survey *survey =
        code != 0 ? NULL : removing_new(admin, group, members, count, deadline_ms);

    if (survey == NULL)
        return fail(error, code != 0 ? code : K_NOMEM, NULL);
    survey_call(survey, make, call);
    return KLIENT_OK;
}

klient_code_t klient_admin_remove_members(klient_admin_t *admin, const char *group,
                                          const klient_member_name_t *members, size_t count,
                                          int64_t timeout_ms, klient_code_t *codes,
                                          klient_error_t **error)
{
    struct call call;
    klient_results_t *results = NULL;
    klient_code_t code = begin(&call, admin, group, members, count, timeout_ms, error);

    if (code != KLIENT_OK)
        return code;
    code = admin_wait_results(&call, &results, error);
    admin_tell_codes(results, codes);
    return code;
}

klient_code_t klient_admin_remove_members_async(klient_admin_t *admin, const char *group,
                                                const klient_member_name_t *members, size_t count,
                                                int64_t timeout_ms, klient_queue_t *queue,
                                                void *opaque, klient_error_t **error)
{
    struct call call;
    klient_code_t code = begin(&call, admin, group, members, count, timeout_ms, error);

    return code != KLIENT_OK ? code : call_post(&call, queue, opaque, error);
}
