#include "server/runtime/group_members.h"

#include "common/arena.h"
#include "common/error.h"

int group_span_copy(struct arena *arena, struct groups_span span, struct groups_span *out)
{
    void *data = NULL;

    if (span.size > 0) {
        data = arena_copy(arena, span.data, span.size);
        if (data == NULL)
            return K_NOMEM;
    }
    *out = (struct groups_span){data, span.size};
    return 0;
}

/* 0 or NOMEM. NULL stays NULL. */
static int copy_text(struct arena *arena, const char **text)
{
    if (*text != NULL)
        *text = arena_strdup(arena, *text);
    else
        return 0;
    return *text != NULL ? 0 : K_NOMEM;
}

static int copy_member(struct arena *arena, struct groups_member *member)
{
    int code = copy_text(arena, &member->id);
    if (code == 0)
        code = copy_text(arena, &member->client_id);
    if (code == 0)
        code = copy_text(arena, &member->client_host);
    if (code == 0)
        code = copy_text(arena, &member->instance);
    if (code == 0)
        code = group_span_copy(arena, member->metadata, &member->metadata);
    if (code == 0)
        code = group_span_copy(arena, member->assignment, &member->assignment);
    return code;
}

const struct groups_member *group_members_copy(struct arena *arena,
                                               const struct groups_member *members, size_t count)
{
    struct groups_member *copies = arena_calloc(arena, count + 1, sizeof *copies);

    for (size_t i = 0; i < count && copies != NULL; i++) {
        copies[i] = members[i];
        if (copy_member(arena, &copies[i]) != 0)
            copies = NULL;
    }
    return copies;
}
