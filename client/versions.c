#include "client/versions.h"

#include <stdio.h>

#include "common/error.h"
#include "proto/api_table.h"

#define X(name, body, lowest, highest) \
    _Static_assert((body) < VERSIONS_BODIES_MAX, "raise VERSIONS_BODIES_MAX");
PROTO_API_TABLE(X)
#undef X

void versions_forget(struct versions *versions)
{
    versions->known = false;
}

int versions_learn(struct versions *versions, const Kairn__ApiVersionsResponse *answer)
{
    struct versions fresh = { .known = true };

    for (size_t i = 0; i < answer->n_versions; i++) {
        const Kairn__ApiVersion *row = answer->versions[i];
        if (row->body < VERSIONS_BODIES_MAX)
            fresh.bodies[row->body] = (struct version_range){
                .served = true, .lowest = row->lowest, .highest = row->highest,
            };
    }
    if (!fresh.bodies[KAIRN__REQUEST_HEAD__BODY_API_VERSIONS].served)
        return K_MALFORMED;
    snprintf(fresh.software, sizeof fresh.software, "%s", answer->software_version);
    *versions = fresh;
    return 0;
}

int versions_choose(const struct versions *versions, uint32_t body, uint32_t *version)
{
    const struct api_row *ours = api_find(body);
    const struct version_range *theirs = &versions->bodies[body];

    if (!versions->known) {
        *version = ours->lowest;
        return 0;
    }
    uint32_t highest = theirs->highest < ours->highest ? theirs->highest : ours->highest;
    if (!theirs->served || highest < theirs->lowest || highest < ours->lowest)
        return K_UNSUPPORTED_VERSION;
    *version = highest;
    return 0;
}

void versions_explain(const struct versions *versions, uint32_t body, char *text, size_t size)
{
    const struct api_row *ours = api_find(body);
    const struct version_range *theirs = &versions->bodies[body];
    const char *software = versions->software[0] != '\0' ? versions->software : "unknown";

    if (!theirs->served)
        snprintf(text, size, "the broker (version %s) does not serve %s", software, ours->name);
    else
        snprintf(text, size, "the broker (version %s) serves %s in versions %u to %u, this client "
                 "knows %u to %u: upgrade the older one", software, ours->name, theirs->lowest,
                 theirs->highest, ours->lowest, ours->highest);
}
