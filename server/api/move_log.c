/* MoveLog: take a partition's log to another directory; answered once that is under way. */
#include "common/error.h"
#include "server/api/handlers.h"
#include "server/api/hint.h"
#include "server/api/key.h"
#include "server/api/request.h"
#include "server/runtime/move.h"

struct moving {
    struct scatter scatter;
    struct request *request;
    struct move_entry entry;
};

static Kairn__Error *explain(struct request *request, const struct move_entry *entry)
{
    switch (entry->question.outcome.code) {
    case K_EXISTS:
        return hint_code(request, K_EXISTS, "the log is in that directory already");
    case K_BUSY:
        return hint_code(request, K_BUSY, "the log is on its way to a directory already");
    case K_DISK_FULL:
        return hint_code(request, K_DISK_FULL,
                         "there is no room for the log in that directory: it stays where it is");
    case K_NOT_FOUND:
        return hint_code(request, K_NOT_FOUND, "the log is not on its way");
    default:
        return hint_error(request, &entry->question.outcome);
    }
}

static void answered(struct scatter *scatter)
{
    struct moving *moving = LIST_OWNER(scatter, struct moving, scatter);
    struct request *request = moving->request;
    Kairn__MoveLogResponse *body = arena_alloc(&request->arena, sizeof *body);

    if (body == NULL) {
        request_fail(request, K_NOMEM, NULL);
        return;
    }
    kairn__move_log_response__init(body);
    body->error = explain(request, &moving->entry);
    body->under_way = moving->entry.under_way;
    request->response.body_case = KAIRN__RESPONSE_HEAD__BODY_MOVE_LOG;
    request->response.move_log = body;
    request_finish(request);
}

void api_move_log(struct request *request)
{
    const Kairn__MoveLogRequest *body = request->head->move_log;
    struct moving *moving = arena_calloc(&request->arena, 1, sizeof *moving);

    if (moving == NULL || scatter_init(&moving->scatter, request->shard, &request->arena) != 0) {
        request_fail(request, K_NOMEM, NULL);
        return;
    }
    struct move_entry *entry = &moving->entry;
    entry->question.outcome = OUTCOME_NONE;
    entry->question.leader_epoch = -1;
    entry->directory = body->directory;
    entry->ask = body->ask;
    int code = body->partition == NULL
                   ? K_INVALID_REQUEST
                   : key_read(body->partition->topic_id, body->partition->partition,
                              &entry->question.key);
    if (code == 0)
        code = authorise_cluster(request->principal, OPERATION_ALTER);
    if (code != 0) {
        request_fail(request, code, NULL);
        return;
    }
    moving->request = request;
    moving->scatter.run = move_run;
    moving->scatter.done = answered;
    question_add(&entry->question, &moving->scatter);
    scatter_ask(&moving->scatter);
}
