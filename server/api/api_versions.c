/* ApiVersions: which requests this broker serves, in which versions. */
#include "common/error.h"
#include "proto/api_table.h"
#include "server/api/handlers.h"
#include "server/api/request.h"

void api_api_versions(struct request *request)
{
    size_t count;
    const struct api_row *served = api_rows(&count);
    Kairn__ApiVersionsResponse *body = arena_alloc(&request->arena, sizeof *body);
    void **pointers;
    Kairn__ApiVersion *versions = request_messages(request, count, sizeof *versions, &pointers);
    if (body == NULL || versions == NULL) {
        request_fail(request, K_NOMEM, NULL);
        return;
    }
    kairn__api_versions_response__init(body);
    for (size_t i = 0; i < count; i++) {
        if (!api_served(&served[i], &request->api->can))
            continue;
        Kairn__ApiVersion *version = &versions[body->n_versions++];
        kairn__api_version__init(version);
        version->body = served[i].body;
        version->lowest = served[i].lowest;
        version->highest = api_highest(&served[i], &request->api->can);
    }
    body->versions = (Kairn__ApiVersion **)pointers;
    body->software_version = (char *)KAIRN_VERSION;
    request->response.body_case = KAIRN__RESPONSE_HEAD__BODY_API_VERSIONS;
    request->response.api_versions = body;
    request_finish(request);
}
