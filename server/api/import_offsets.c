/* ImportOffsets: what stands in ZooKeeper of a group's offsets is committed, a part at a time. What
 * makes no sense there is told, and left out. */
#include "common/error.h"
#include "server/api/group.h"
#include "server/api/handlers.h"
#include "server/api/hint.h"
#include "server/api/request.h"
#include "server/runtime/metadata.h"
#include "server/runtime/offset_import.h"

enum { PART = 1000 };                   /* offsets in one commit */

struct importing {
    struct request *request;
    struct offset_import_ask ask;
    struct group_calls *calls;
    struct groups_event *events;        /* one of each call */
    int *codes;                         /* of the rows: not committed, because; or 0 */
};

/* --- the answer ------------------------------------------------------------------------------- */

/* Of a commit by nobody in particular. */
static void fail(struct request *request, struct group_call *call)
{
    if (call->outcome.code == K_UNKNOWN_MEMBER_ID)
        call->outcome.code = K_NON_EMPTY_GROUP;
    group_fail(request, call);
}

static void answered(struct group_calls *calls)
{
    struct request *request = calls->request;
    const struct importing *importing = calls->context;
    size_t count = importing->ask.count;
    Kairn__ImportOffsetsResponse *body = arena_alloc(&request->arena, sizeof *body);
    void **pointers;
    Kairn__ImportedOffset *rows = request_messages(request, count, sizeof *rows, &pointers);

    for (size_t i = 0; i < calls->count; i++) {
        if (calls->calls[i].outcome.code != 0) {
            fail(request, &calls->calls[i]);
            return;
        }
    }
    if (body == NULL || rows == NULL) {
        request_fail(request, K_NOMEM, NULL);
        return;
    }
    kairn__import_offsets_response__init(body);
    for (size_t i = 0; i < count; i++) {
        const struct import_row *row = &importing->ask.rows[i];
        kairn__imported_offset__init(&rows[i]);
        rows[i].topic = (char *)row->topic;
        rows[i].partition = (char *)row->name;
        rows[i].offset = row->offset;
        if (importing->codes[i] != 0)
            rows[i].error = hint_code(request, importing->codes[i], row->problem);
    }
    body->n_offsets = count;
    body->offsets = (Kairn__ImportedOffset **)pointers;
    request->response.body_case = KAIRN__RESPONSE_HEAD__BODY_IMPORT_OFFSETS;
    request->response.import_offsets = body;
    request_finish(request);
}

/* --- what is committed ------------------------------------------------------------------------ */

/* 0: *id is its topic's. */
static int check(const struct request *request, const struct import_row *row, struct uuid *id)
{
    if (row->problem != NULL)
        return K_CORRUPT;
    int code = authorise_topic(request->principal, OPERATION_READ, row->topic);
    if (code != 0)
        return code;
    const struct metadata_topic *topic =
        metadata_topic_by_name(shard_picture(request->shard), row->topic);
    if (topic == NULL || row->partition >= topic->partition_count)
        return K_UNKNOWN_TOPIC_OR_PARTITION;
    *id = topic->id;
    return 0;
}

/* The event that has room for one more; NULL: out of memory. */
static struct groups_event *event_with_room(struct importing *importing)
{
    struct group_calls *calls = importing->calls;
    struct groups_event *event = &importing->events[calls->count];

    if (calls->count > 0 && event[-1].commit.count < PART)
        return &event[-1];
    event->type = GROUPS_COMMIT;
    event->asker.member = "";
    event->asker.generation = -1;
    event->commit.offsets =
        arena_calloc(&importing->request->arena, PART, sizeof *event->commit.offsets);
    if (event->commit.offsets == NULL)
        return NULL;
    group_calls_add(calls, importing->ask.group)->event = event;
    return event;
}

/* False when out of memory. */
static bool fill(struct importing *importing)
{
    struct request *request = importing->request;
    size_t count = importing->ask.count, parts = count / PART + 1;

    importing->calls = group_calls_new(request, parts, answered);
    importing->events = arena_calloc(&request->arena, parts, sizeof *importing->events);
    importing->codes = arena_calloc(&request->arena, count + 1, sizeof *importing->codes);
    if (importing->calls == NULL || importing->events == NULL || importing->codes == NULL)
        return false;
    importing->calls->context = importing;
    for (size_t i = 0; i < count; i++) {
        const struct import_row *row = &importing->ask.rows[i];
        struct uuid id = {0};
        importing->codes[i] = check(request, row, &id);
        if (importing->codes[i] != 0)
            continue;
        struct groups_event *event = event_with_room(importing);
        if (event == NULL)
            return false;
        struct groups_offset *offsets = (struct groups_offset *)event->commit.offsets;
        offsets[event->commit.count++] = (struct groups_offset){.topic = row->topic,
                                                                .topic_id = id,
                                                                .known = group_known(request),
                                                                .partition = row->partition,
                                                                .offset = row->offset,
                                                                .leader_epoch = -1,
                                                                .metadata = ""};
    }
    return true;
}

static void read(struct offset_import_ask *ask)
{
    struct importing *importing = LIST_OWNER(ask, struct importing, ask);
    struct request *request = importing->request;

    if (ask->code == K_GROUP_ID_NOT_FOUND)
        request_fail(request, ask->code, "nothing stands in ZooKeeper for this group");
    else if (ask->code == K_INVALID_REQUEST)
        request_fail(request, ask->code, "too many nodes stand in ZooKeeper for this group");
    else if (ask->code == K_SESSION_LOST)
        request_fail(request, K_COORDINATOR_NOT_AVAILABLE,
                     "the coordinator does not reach ZooKeeper");
    else if (ask->code != 0)
        request_fail(request, ask->code, NULL);
    else if (!fill(importing))
        request_fail(request, K_NOMEM, NULL);
    else
        group_calls_start_in_turn(importing->calls);
}

void api_import_offsets(struct request *request)
{
    const char *group = request->head->import_offsets->group;
    int code = group_check(request, group, OPERATION_READ);
    struct importing *importing = arena_calloc(&request->arena, 1, sizeof *importing);

    if (code == 0 && importing == NULL)
        code = K_NOMEM;
    if (code != 0) {
        request_fail(request, code, NULL);
        return;
    }
    importing->request = request;
    importing->ask.group = group;
    importing->ask.arena = &request->arena;
    importing->ask.answer_to = shard_mail_target(request->shard);
    importing->ask.answered = read;
    importing->ask.deadline_ms = request_deadline_ms(request);
    request->api->ask_import(request->api->control, &importing->ask);
}
