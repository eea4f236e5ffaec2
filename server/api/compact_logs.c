/* CompactLogs: clean partitions' logs now; answered once that is decided, not when it is done. */
#include "common/error.h"
#include "server/api/handlers.h"
#include "server/api/hint.h"
#include "server/api/logs.h"
#include "server/api/request.h"

static Kairn__Error *explain(struct request *request, const struct outcome *outcome)
{
    if (outcome->code == K_INVALID_TOPIC_EXCEPTION)
        return hint_code(request, outcome->code,
                         "the topic is not compacted: its cleanup.policy says so");
    if (outcome->code == K_INVALID_REQUEST)
        return hint_code(request, outcome->code,
                         "its broker compacts nothing: see log.cleaner.enable and "
                         "log.cleaner.threads");
    return hint_error(request, outcome);
}

static void answer(struct logs_question *question)
{
    struct request *request = question->request;
    void **pointers;
    Kairn__CompactLogsResponse *body = arena_alloc(&request->arena, sizeof *body);
    Kairn__CompactLogsResult *results =
        request_messages(request, question->count, sizeof *results, &pointers);

    if (body == NULL || results == NULL) {
        request_fail(request, K_NOMEM, NULL);
        return;
    }
    for (size_t i = 0; i < question->count; i++) {
        kairn__compact_logs_result__init(&results[i]);
        results[i].error = explain(request, &question->entries[i].question.outcome);
    }
    kairn__compact_logs_response__init(body);
    body->n_results = question->count;
    body->results = (Kairn__CompactLogsResult **)pointers;
    request->response.body_case = KAIRN__RESPONSE_HEAD__BODY_COMPACT_LOGS;
    request->response.compact_logs = body;
    request_finish(request);
}

void api_compact_logs(struct request *request)
{
    const Kairn__CompactLogsRequest *body = request->head->compact_logs;

    logs_ask(request, body->partitions, body->n_partitions, true, OPERATION_ALTER, answer);
}
