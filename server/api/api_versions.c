/* ApiVersions: which requests this broker serves, in which versions. */
#include "common/error.h"
#include "proto/api_table.h"
#include "server/api/handlers.h"
#include "server/api/request.h"

static const struct { uint32_t body, lowest, highest; } served[] = {
#define X(name, number, low, high) { number, low, high },
    PROTO_API_TABLE(X)
#undef X
};

enum { SERVED_COUNT = sizeof served / sizeof served[0] };

void api_api_versions(struct request *request)
{
    Kairn__ApiVersionsResponse *body = arena_alloc(&request->arena, sizeof *body);
    void **pointers;
    Kairn__ApiVersion *versions = request_messages(request, SERVED_COUNT, sizeof *versions, &pointers);
    if (body == NULL || versions == NULL) {
        request_fail(request, K_NOMEM, NULL);
        return;
    }
    for (size_t i = 0; i < SERVED_COUNT; i++) {
        kairn__api_version__init(&versions[i]);
        versions[i].body = served[i].body;
        versions[i].lowest = served[i].lowest;
        versions[i].highest = served[i].highest;
    }
    kairn__api_versions_response__init(body);
    body->n_versions = SERVED_COUNT;
    body->versions = (Kairn__ApiVersion **)pointers;
    body->software_version = (char *)KAIRN_VERSION;
    request->response.body_case = KAIRN__RESPONSE_HEAD__BODY_API_VERSIONS;
    request->response.api_versions = body;
    request_finish(request);
}
