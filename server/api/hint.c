#include "server/api/hint.h"

#include <string.h>

#include "common/error.h"
#include "proto/head.h"
#include "server/api/request.h"
#include "server/runtime/metadata.h"
#include "server/runtime/partition.h"

const struct metadata_endpoint *hint_endpoint(const struct request *request,
                                              const struct metadata_broker *broker)
{
    for (size_t i = 0; i < broker->endpoint_count; i++) {
        if (strcmp(broker->endpoints[i].listener, request->listener) == 0)
            return &broker->endpoints[i];
    }
    return NULL;
}

Kairn__Error *hint_code(struct request *request, int code, const char *text)
{
    static const Kairn__Error out_of_memory = {
        .base = PROTOBUF_C_MESSAGE_INIT(&kairn__error__descriptor),
        .code = K_NOMEM,
        .message = (char *)"out of memory",
    };
    Kairn__Error *error = head_error(&request->arena, code, text);
    return error != NULL ? error : (Kairn__Error *)&out_of_memory;
}

static Kairn__LeaderHint *leader_hint(struct request *request, const struct outcome *outcome)
{
    Kairn__LeaderHint *hint = arena_alloc(&request->arena, sizeof *hint);
    if (hint == NULL)
        return NULL;
    kairn__leader_hint__init(hint);
    hint->broker = outcome->leader;
    hint->epoch = outcome->leader_epoch;

    const struct metadata_broker *broker =
        metadata_broker(shard_picture(request->shard), outcome->leader);
    const struct metadata_endpoint *endpoint =
        broker == NULL ? NULL : hint_endpoint(request, broker);
    if (endpoint != NULL) {
        hint->host = arena_strdup(&request->arena, endpoint->host);
        hint->port = endpoint->port;
        if (hint->host == NULL)
            return NULL;
    }
    return hint;
}

Kairn__Error *hint_error_text(struct request *request, const struct outcome *outcome,
                              const char *text)
{
    if (outcome->code == 0)
        return NULL;
    Kairn__Error *error = head_error(&request->arena, outcome->code, text);
    if (error == NULL)
        return hint_code(request, K_NOMEM, NULL);
    error->limit = outcome->limit;
    if (outcome->leader_epoch >= 0)
        error->leader = leader_hint(request, outcome);
    return error;
}

Kairn__Error *hint_error(struct request *request, const struct outcome *outcome)
{
    return hint_error_text(request, outcome, NULL);
}
