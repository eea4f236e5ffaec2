#include "tools/kairn/group_view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/kairn/connect.h"

klient_group_info_t group_at(const klient_groups_t *groups, size_t index)
{
    klient_group_info_t group = { .size = sizeof group };
    klient_groups_get(groups, index, &group);
    return group;
}

klient_member_info_t member_at(const klient_groups_t *groups, size_t index, size_t member)
{
    klient_member_info_t info = { .size = sizeof info };
    klient_groups_member(groups, index, member, &info);
    return info;
}

bool member_is_idle(const klient_group_info_t *group, const klient_member_info_t *member)
{
    return group->state == KLIENT_GROUP_STABLE && !member->opaque && member->assigned_count == 0;
}

/* --- in words --------------------------------------------------------------------------------- */

json_t *group_head_json(const klient_group_info_t *group)
{
    json_t *object = json_pack("{s:s}", "group", group->group);

    if (group->code != KLIENT_OK) {
        json_object_set_new(object, "error", json_string(klient_code_name(group->code)));
        json_object_set_new(object, "message", json_string(group->reason));
        return object;
    }
    json_object_set_new(object, "state", json_string(klient_group_state_name(group->state)));
    json_object_set_new(object, "type", json_string(group->protocol_type));
    json_object_set_new(object, "assignor", json_string(group->protocol));
    json_object_set_new(object, "generation", json_integer(group->generation));
    json_object_set_new(object, "coordinator", json_integer(group->coordinator));
    return object;
}

void group_head_line(const klient_group_info_t *group, bool first)
{
    printf("%s%s  %s", first ? "" : "\n", group->group, klient_group_state_name(group->state));
    if (group->member_count > 0)
        printf(", %zu member%s, %s, generation %d", group->member_count,
               group->member_count == 1 ? "" : "s",
               group->protocol[0] != '\0' ? group->protocol : "no assignor yet",
               (int)group->generation);
    printf(", coordinated by broker %d\n", (int)group->coordinator);
}

json_t *group_member_json(const klient_member_info_t *member)
{
    return json_pack("{s:s, s:s?, s:s, s:s}", "member", member->member, "instance",
                     member->instance[0] != '\0' ? member->instance : NULL, "client_id",
                     member->client_id, "host", member->client_host);
}

/* --- which groups ----------------------------------------------------------------------------- */

struct names {
    char **items;                   /* owned, as the texts are */
    size_t count;
};

static void names_free(struct names *names)
{
    for (size_t i = 0; i < names->count; i++)
        free(names->items[i]);
    free(names->items);
}

/* Copies, because a list is gone when they are used. False: said. */
static bool names_add(const struct args *args, struct names *names, const char *name)
{
    names->items[names->count] = strdup(name);
    if (names->items[names->count] == NULL)
        return command_failed(args, "out of memory") == EXIT_DONE;
    names->count++;
    return true;
}

static bool names_new(const struct args *args, struct names *names, size_t room)
{
    *names = (struct names){ .items = calloc(room + 1, sizeof *names->items) };
    return names->items != NULL || command_failed(args, "out of memory") == EXIT_DONE;
}

/* Every group that is known; who could not be asked is said, and the rest counts. */
static int list_all(const struct args *args, klient_admin_t *admin, int64_t timeout_ms,
                    struct names *names)
{
    klient_groups_t *all = NULL;
    klient_error_t *error = NULL;
    int status = EXIT_DONE;

    *names = (struct names){ 0 };
    if (klient_admin_list_groups(admin, NULL, 0, timeout_ms, &all, &error) != KLIENT_OK)
        status = connect_failed(args, error);
    if (all == NULL)
        return status;
    size_t count = klient_groups_count(all);
    bool room = names_new(args, names, count);
    for (size_t i = 0; room && i < count; i++)
        room = names_add(args, names, group_at(all, i).group);
    klient_groups_free(all);
    return room ? status : EXIT_FAILED;
}

static int choose(const struct args *args, klient_admin_t *admin, int64_t timeout_ms,
                  struct names *names)
{
    size_t count = args_operand_count(args);

    if (count == 0)
        return list_all(args, admin, timeout_ms, names);
    bool room = names_new(args, names, count);
    for (size_t i = 0; room && i < count; i++)
        room = names_add(args, names, args_operand(args, i));
    return room ? EXIT_DONE : EXIT_FAILED;
}

int group_view_describe(const struct args *args, klient_admin_t *admin, int64_t timeout_ms,
                        klient_groups_t **out)
{
    klient_error_t *error = NULL;
    struct names names;
    int status = choose(args, admin, timeout_ms, &names);

    *out = NULL;
    if (names.count > 0 &&
        klient_admin_describe_groups(admin, (const char *const *)names.items, names.count,
                                     timeout_ms, out, &error) != KLIENT_OK)
        status = connect_failed(args, error);
    for (size_t i = 0; *out != NULL && i < names.count; i++) {
        klient_group_info_t group = group_at(*out, i);
        if (group.code == KLIENT_OK)
            continue;
        status = command_failed(args, "%s: %s: %s", group.group, klient_code_name(group.code),
                                group.reason);
        connect_advise(args, group.code);
    }
    names_free(&names);
    return status;
}

/* --- how far one is --------------------------------------------------------------------------- */

bool group_view_ends(const struct args *args, klient_admin_t *admin, int64_t timeout_ms,
                     struct group_rows *rows)
{
    size_t count = rows->count;
    klient_topic_partition_t *partitions = calloc(2 * count + 1, sizeof *partitions);
    int64_t *wanted = calloc(2 * count + 1, sizeof *wanted);
    int64_t *found = calloc(2 * count + 1, sizeof *found);
    klient_code_t *codes = calloc(2 * count + 1, sizeof *codes);
    bool room = partitions != NULL && wanted != NULL && found != NULL && codes != NULL;

    for (size_t i = 0; room && i < 2 * count; i++) {
        const struct group_row *row = &rows->items[i / 2];
        partitions[i] = (klient_topic_partition_t){ row->topic, row->partition };
        wanted[i] = i % 2 == 0 ? KLIENT_OFFSETS_BEGINNING : KLIENT_OFFSETS_END;
        found[i] = -1;
        codes[i] = KLIENT_REQUEST_TIMED_OUT;        /* of those without an answer */
    }
    if (room && count > 0)
        klient_admin_list_offsets(admin, partitions, wanted, 2 * count, timeout_ms, found, codes,
                                  NULL);
    for (size_t i = 0; room && i < count; i++) {
        struct group_row *row = &rows->items[i];
        row->code = codes[2 * i] != KLIENT_OK ? codes[2 * i] : codes[2 * i + 1];
        row->start = found[2 * i];
        row->end = found[2 * i + 1];
    }
    free(partitions);
    free(wanted);
    free(found);
    free(codes);
    return room || command_failed(args, "out of memory") == EXIT_DONE;
}

static size_t count_assigned(const klient_groups_t *groups, size_t index)
{
    size_t count = 0;

    for (size_t m = 0; m < group_at(groups, index).member_count; m++)
        count += member_at(groups, index, m).assigned_count;
    return count;
}

static void add_assigned(const klient_groups_t *groups, size_t index, struct group_rows *rows)
{
    for (size_t m = 0; m < group_at(groups, index).member_count; m++) {
        size_t count = member_at(groups, index, m).assigned_count;
        for (size_t i = 0; i < count; i++) {
            klient_topic_partition_t partition = { 0 };
            klient_groups_assigned(groups, index, m, i, &partition);
            struct group_row row = group_row_of(partition.topic, partition.partition);
            row.member = m;
            if (partition.partition >= 0)
                rows->items[rows->count++] = row;
        }
    }
}

bool group_view_read(const struct args *args, klient_admin_t *admin, int64_t timeout_ms,
                     const klient_groups_t *groups, size_t index, struct group_view *out)
{
    klient_error_t *error = NULL;

    *out = (struct group_view){ 0 };
    if (klient_admin_group_offsets(admin, group_at(groups, index).group, timeout_ms,
                                   &out->offsets, &error) != KLIENT_OK)
        return connect_failed(args, error) == EXIT_DONE;
    size_t committed = klient_offsets_count(out->offsets);
    struct group_rows *rows = &out->rows;
    rows->items = calloc(committed + count_assigned(groups, index) + 1, sizeof *rows->items);
    if (rows->items == NULL)
        return command_failed(args, "out of memory") == EXIT_DONE;
    for (size_t i = 0; i < committed; i++) {
        klient_offset_t offset = { .size = sizeof offset };
        klient_offsets_get(out->offsets, i, &offset);
        rows->items[rows->count] = group_row_of(offset.topic, offset.partition);
        rows->items[rows->count++].committed = offset.offset;
    }
    add_assigned(groups, index, rows);
    group_rows_unite(rows);
    return group_view_ends(args, admin, timeout_ms, rows);
}

void group_view_free(struct group_view *view)
{
    klient_offsets_free(view->offsets);
    free(view->rows.items);
    *view = (struct group_view){ 0 };
}
