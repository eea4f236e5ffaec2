/* Records of the offsets topic, as a coordinator that loads meets them: the same bytes as a key, an
 * offset and a group. What was read is written and read again, and is the same then. */
#include <stdlib.h>
#include <string.h>

#include "proto/offsets_records.h"
#include "tests/fuzz/target.h"

static bool same(struct offsets_text a, struct offsets_text b)
{
    return a.size == b.size && (a.data == NULL) == (b.data == NULL) &&
           (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

static void try_key(const uint8_t *data, size_t size)
{
    struct offsets_key key, again;
    struct buffer out = {0};

    if (offsets_key_read(data, size, &key) != 0 || key.kind == OFFSETS_KEY_OTHER)
        return;
    if (offsets_key_write(&out, &key) != 0 ||
        offsets_key_read(out.bytes, out.size, &again) != 0 || again.kind != key.kind ||
        !same(again.group, key.group) || again.partition != key.partition)
        abort();
    buffer_fini(&out);
}

static void try_value(const uint8_t *data, size_t size)
{
    struct offsets_value value, again;
    struct buffer out = {0};

    if (offsets_value_read(data, size, &value) != 0)
        return;
    if (offsets_value_write(&out, &value) != 0 ||
        offsets_value_read(out.bytes, out.size, &again) != 0 || again.offset != value.offset ||
        again.leader_epoch != value.leader_epoch || !same(again.metadata, value.metadata))
        abort();
    buffer_fini(&out);
}

static void try_group(const uint8_t *data, size_t size)
{
    struct offsets_group group, again;
    struct offsets_member *members, member;
    struct buffer out = {0};
    int more = 0;

    if (offsets_group_read(data, size, &group) != 0 || group.member_count > 4096)
        return;
    members = calloc((size_t)group.member_count + 1, sizeof *members);
    while (members != NULL && (more = offsets_group_next(&group, &member)) == 1)
        members[group.read - 1] = member;
    if (members != NULL && more == 0) {
        if (offsets_group_write(&out, &group, members) != 0 ||
            offsets_group_read(out.bytes, out.size, &again) != 0)
            abort();
        while ((more = offsets_group_next(&again, &member)) == 1)
            if (!same(member.id, members[again.read - 1].id) ||
                !same(member.assignment, members[again.read - 1].assignment))
                abort();
        if (more != 0 || again.read != group.member_count)
            abort();
    }
    buffer_fini(&out);
    free(members);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    try_key(data, size);
    try_value(data, size);
    try_group(data, size);
    return 0;
}
