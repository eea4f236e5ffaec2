#include "server/api/request.h"

#include "common/error.h"
#include "proto/head.h"
#include "server/runtime/shard.h"

void request_init(struct request *request)
{
    kairn__response_head__init(&request->response);
    request->response.correlation = request->head->correlation;
    chain_init(&request->batches);
    request->silent = request->hang_up = false;
    request->hurry = NULL;
    request->started_us = shard_now_us(request->shard);
}

void request_finish(struct request *request)
{
    if (request->response.error != NULL)
        metric_add(request->api->metrics, METRIC_REQUEST_ERRORS, 1);
    request->finished(request);
}

void request_fail(struct request *request, int code, const char *text)
{
    request->response.body_case = KAIRN__RESPONSE_HEAD__BODY__NOT_SET;
    request->response.error = head_error(&request->arena, code, text);
    if (request->response.error == NULL)
        request->hang_up = true;            /* not even memory to say so */
    request_finish(request);
}

void request_observe(const struct request *request, enum metric_id id)
{
    metric_observe(request->api->metrics, id, shard_now_us(request->shard) - request->started_us);
}

int64_t request_deadline_ms(const struct request *request)
{
    int64_t wait = request->head->timeout_ms != 0 ? (int64_t)request->head->timeout_ms
                                                  : request->api->timeout_ms;

    if (wait > REQUEST_WAIT_MAX_MS)
        wait = REQUEST_WAIT_MAX_MS;
    return request->started_us / 1000 + wait;
}

void request_abandon(struct request *request)
{
    if (request->hurry != NULL)
        request->hurry(request);
}

void *request_messages(struct request *request, size_t count, size_t size, void ***pointers)
{
    char *messages = arena_calloc(&request->arena, count > 0 ? count : 1, size);
    void **list = arena_calloc(&request->arena, count > 0 ? count : 1, sizeof *list);
    if (messages == NULL || list == NULL)
        return NULL;

    for (size_t i = 0; i < count; i++)
        list[i] = messages + i * size;
    *pointers = list;
    return messages;
}
