/* admin_import.c - what stands in ZooKeeper of a group's offsets is committed: its coordinator does
 * all of it. */
#include <stdlib.h>

#include "client/admin_internal.h"
#include "client/error.h"
#include "client/group_ask.h"
#include "client/offsets.h"
#include "common/error.h"

struct importing {
    struct group_ask ask;
    klient_offset_t *offsets;           /* in the survey's arena */
    size_t count;
};

static int build(struct group_ask *ask, struct request *request)
{
    Kairn__ImportOffsetsRequest *body = arena_alloc(&request->arena, sizeof *body);

    if (body == NULL)
        return K_NOMEM;
    kairn__import_offsets_request__init(body);
    body->group = (char *)ask->answer.topic;
    request->head.body_case = KAIRN__REQUEST_HEAD__BODY_IMPORT_OFFSETS;
    request->head.import_offsets = body;
    return 0;
}

/* As brokers write it: decimal, without zeros before it. -1: it is none. */
static int32_t number_of(const char *name)
{
    char *end;
    long long number = strtoll(name, &end, 10);
    bool plain = name[0] >= '0' && name[0] <= '9' && (name[0] != '0' || name[1] == '\0');

    return plain && *end == '\0' && number <= INT32_MAX ? (int32_t)number : -1;
}

/* The name of a node that is not a partition's is part of what is wrong with it. */
static int read_one(struct arena *arena, const Kairn__ImportedOffset *from, klient_offset_t *to)
{
    int32_t partition = number_of(from->partition);
    int code = head_error_code(from->error);
    const char *text = code != 0 ? from->error->message : "";

    if (code == 0 && (partition < 0 || from->offset < 0))
        return K_MALFORMED;
    *to = (klient_offset_t){
        .topic = arena_strdup(arena, from->topic),
        .partition = partition,
        .offset = code == 0 ? from->offset : -1,
        .leader_epoch = -1,
        .metadata = code == 0 ? "" : arena_printf(arena, "%s: %s", from->partition, text),
        .code = (klient_code_t)code,
    };
    return to->topic == NULL || to->metadata == NULL ? K_NOMEM : 0;
}

static int read_answer(struct group_ask *ask, const Kairn__ResponseHead *head,
                       const Kairn__Error **error)
{
    struct importing *importing = LIST_OWNER(ask, struct importing, ask);
    struct arena *arena = &ask->answer.survey->arena;
    const Kairn__ImportOffsetsResponse *body = head->import_offsets;
    int code = 0;

    (void)error;
    importing->offsets = arena_calloc(arena, body->n_offsets + 1, sizeof *importing->offsets);
    if (importing->offsets == NULL)
        return K_NOMEM;
    for (size_t i = 0; code == 0 && i < body->n_offsets; i++)
        code = read_one(arena, body->offsets[i], &importing->offsets[i]);
    importing->count = body->n_offsets;
    return code;
}

/* Twice comes to the same. */
static const struct group_ask_kind kind = { .build = build, .read = read_answer };

static klient_code_t take(const struct importing *importing, klient_offsets_t **out,
                          klient_error_t **error)
{
    const struct answer *answer = &importing->ask.answer;

    if (answer->code != 0)
        return fail(error, answer->code, "%s: %s", answer->topic,
                    answer->text != NULL ? answer->text : k_error_text(answer->code));
    klient_offsets_t *offsets = offsets_new(importing->count);
    int code = offsets == NULL ? K_NOMEM : 0;
    for (size_t i = 0; code == 0 && i < importing->count; i++)
        code = offsets_set(offsets, i, &importing->offsets[i]);
    if (code != 0) {
        klient_offsets_free(offsets);
        return fail(error, code, NULL);
    }
    offsets_sort(offsets);
    *out = offsets;
    return KLIENT_OK;
}

klient_code_t klient_admin_import_group_offsets(klient_admin_t *admin, const char *group,
                                                int64_t timeout_ms, klient_offsets_t **out,
                                                klient_error_t **error)
{
    int64_t deadline_ms = deadline_after(timeout_ms);
    int code = admin_check(admin);

    if (code == 0)
        code = admin_check_group(group);
    if (code != 0 || out == NULL)
        return fail(error, code != 0 ? code : K_INVALID_ARGUMENT, NULL);
    struct survey *survey = group_survey_new(admin->klient, &group, 1, sizeof(struct importing),
                                             &kind, deadline_ms);
    if (survey == NULL)
        return fail(error, K_NOMEM, NULL);
    klient_code_t outcome = task_await(&survey->task, admin->klient, deadline_ms, error);
    if (outcome == KLIENT_OK)
        outcome = take(survey_row(survey, 0), out, error);
    task_unref(&survey->task);
    return outcome;
}
