#include <check.h>
#include <glob.h>
#include <stdio.h>

#include "proto/head.h"
#include "server/runtime/metadata.h"
#include "tests/server/lib/plane.h"

size_t plane_count_files(const struct plane *plane, const char *pattern)
{
    char full[160];
    glob_t found;

    ck_assert_int_lt(snprintf(full, sizeof full, "%s/%s", plane->path, pattern), sizeof full);
    int code = glob(full, 0, NULL, &found);
    ck_assert(code == 0 || code == GLOB_NOMATCH);
    size_t count = code == 0 ? found.gl_pathc : 0;
    globfree(&found);
    return count;
}

int plane_owner(const struct plane *plane, const struct uuid *id, int32_t partition)
{
    return metadata_loop_of(id, partition, plane->loop_count);
}

int plane_stranger(const struct plane *plane, const struct uuid *id, int32_t partition)
{
    return (plane_owner(plane, id, partition) + 1) % plane->loop_count;
}

Kairn__ListOffsetsResult plane_list_offsets(struct plane *plane, int loop, const struct uuid *id,
                                            int32_t partition, int64_t timestamp,
                                            bool read_committed)
{
    Kairn__ListOffsetsPartition entry = KAIRN__LIST_OFFSETS_PARTITION__INIT;
    Kairn__ListOffsetsPartition *entries[] = { &entry };
    Kairn__ListOffsetsRequest body = KAIRN__LIST_OFFSETS_REQUEST__INIT;
    Kairn__RequestHead head = KAIRN__REQUEST_HEAD__INIT;
    head.body_case = KAIRN__REQUEST_HEAD__BODY_LIST_OFFSETS;
    head.list_offsets = &body;
    body.isolation = read_committed;
    body.n_partitions = 1;
    body.partitions = entries;
    entry.topic_id = head_bytes_of_uuid(id);
    entry.partition = (uint32_t)partition;
    entry.timestamp = timestamp;
    entry.leader_epoch = -1;

    struct asked *asked = plane_ask(plane, loop, &head, NULL, 0);
    Kairn__ListOffsetsResult result = *asked->head->list_offsets->results[0];
    ck_assert_ptr_null(result.error);
    asked_free(asked);
    return result;
}

int64_t plane_earliest(struct plane *plane, const struct uuid *id, int32_t partition)
{
    return plane_list_offsets(plane, 0, id, partition, -2, false).offset;
}
