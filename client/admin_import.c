/* admin_import.c - what stands in ZooKeeper of a group's offsets is committed: its coordinator does
 * all of it. */
#include <stdlib.h>

#include "client/admin_internal.h"
#include "client/admin_offsets.h"
#include "common/error.h"

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
    struct group_offsets_ask *importing = LIST_OWNER(ask, struct group_offsets_ask, ask);
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

klient_code_t klient_admin_import_group_offsets(klient_admin_t *admin, const char *group,
                                                int64_t timeout_ms, klient_offsets_t **out,
                                                klient_error_t **error)
{
    return admin_wait_offsets(admin, group, &kind, timeout_ms, out, error);
}

klient_code_t klient_admin_import_group_offsets_async(klient_admin_t *admin, const char *group,
                                                      int64_t timeout_ms, klient_queue_t *queue,
                                                      void *opaque, klient_error_t **error)
{
    return admin_post_offsets(admin, group, &kind, timeout_ms, queue, opaque, error);
}
