/* group_members.c - kairn group members: who is in groups, and what they have. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/kairn/connect.h"
#include "tools/kairn/group_view.h"
#include "tools/kairn/json.h"
#include "tools/kairn/table.h"
#include "tools/kairn/watch.h"

struct looking {
    klient_admin_t *admin;
    int64_t timeout_ms;
};

/* What it has, in order; NULL when out of memory. */
static klient_topic_partition_t *assigned_of(const klient_groups_t *groups, size_t index, size_t m)
{
    size_t count = member_at(groups, index, m).assigned_count;
    klient_topic_partition_t *assigned = calloc(count + 1, sizeof *assigned);

    for (size_t i = 0; assigned != NULL && i < count; i++)
        klient_groups_assigned(groups, index, m, i, &assigned[i]);
    if (assigned != NULL)
        group_sort_partitions(assigned, count);
    return assigned;
}

static json_t *members_json(const klient_groups_t *groups, size_t index)
{
    klient_group_info_t group = group_at(groups, index);
    json_t *object = group_head_json(&group), *list = json_array();

    for (size_t m = 0; m < group.member_count; m++) {
        klient_member_info_t member = member_at(groups, index, m);
        klient_topic_partition_t *assigned = assigned_of(groups, index, m);
        json_t *row = group_member_json(&member);
        json_t *topics = json_array(), *partitions = json_array();
        for (size_t i = 0; i < member.topic_count; i++)
            json_array_append_new(topics, json_string(klient_groups_topic(groups, index, m, i)));
        for (size_t i = 0; assigned != NULL && i < member.assigned_count; i++)
            json_array_append_new(partitions,
                                  json_pack("{s:s, s:i}", "topic", assigned[i].topic, "partition",
                                            (int)assigned[i].partition));
        json_object_set_new(row, "session_timeout_ms", json_integer(member.session_timeout_ms));
        json_object_set_new(row, "max_poll_interval_ms",
                            json_integer(member.rebalance_timeout_ms));
        json_object_set_new(row, "leader",
                            json_boolean(strcmp(member.member, group.leader) == 0));
        json_object_set_new(row, "idle", json_boolean(member_is_idle(&group, &member)));
        json_object_set_new(row, "opaque", json_boolean(member.opaque));
        json_object_set_new(row, "topics", topics);
        json_object_set_new(row, "partitions", partitions);
        json_array_append_new(list, row);
        free(assigned);
    }
    if (group.code == KLIENT_OK)
        json_object_set_new(object, "members", list);
    else
        json_decref(list);
    return object;
}

static void members_table(const klient_groups_t *groups, size_t index)
{
    klient_group_info_t group = group_at(groups, index);
    struct table *table = table_new("CLIENT HOST INSTANCE MEMBER >PARTITIONS HAS");

    for (size_t m = 0; m < group.member_count; m++) {
        klient_member_info_t member = member_at(groups, index, m);
        klient_topic_partition_t *assigned = assigned_of(groups, index, m);
        char *ranges = assigned != NULL ? group_ranges(assigned, member.assigned_count) : NULL;
        table_add(table, "%s", member.client_id);
        table_add(table, "%s", member.client_host);
        table_add(table, "%s", member.instance[0] != '\0' ? member.instance : "-");
        table_add(table, "%s", member.member);
        if (member.opaque)
            table_add(table, "?");
        else
            table_add(table, "%zu", member.assigned_count);
        table_add(table, "%s", member.opaque                       ? "(not a consumer's words)"
                               : member_is_idle(&group, &member) ? "idle"
                               : ranges != NULL                    ? ranges
                                                                   : "");
        free(ranges);
        free(assigned);
    }
    table_print(table);
}

static int look(struct watch *watch, void *context)
{
    const struct looking *looking = context;
    json_t *list = args_json(watch->args) ? json_array() : NULL;
    klient_groups_t *groups;
    int status = group_view_describe(watch->args, looking->admin, looking->timeout_ms, &groups);
    bool first = true;

    watch_page(watch);
    for (size_t i = 0; groups != NULL && i < klient_groups_count(groups); i++) {
        klient_group_info_t group = group_at(groups, i);
        if (list != NULL) {
            json_array_append_new(list, members_json(groups, i));
        } else if (group.code == KLIENT_OK) {
            group_head_line(&group, first);
            if (group.member_count > 0)
                members_table(groups, i);
            first = false;
        }
    }
    if (list != NULL)
        json_line(list);
    klient_groups_free(groups);
    return status;
}

int group_members(const struct args *args)
{
    struct looking looking;
    int status;

    looking.admin = connect_admin(args, &looking.timeout_ms, &status);
    if (looking.admin == NULL)
        return status;
    status = watch_run(args, look, &looking);
    klient_admin_close(looking.admin);
    return status;
}
