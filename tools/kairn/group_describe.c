/* group_describe.c - kairn group describe: how far groups are. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "tools/kairn/connect.h"
#include "tools/kairn/group_ages.h"
#include "tools/kairn/group_view.h"
#include "tools/kairn/json.h"
#include "tools/kairn/moment.h"
#include "tools/kairn/table.h"
#include "tools/kairn/watch.h"

/* How long reading for timestamps may take: a look that is repeated is not to stall. */
enum { AGES_MS = 5000 };

/* What the looks have in common. */
struct looking {
    klient_admin_t *admin;
    klient_consumer_t *reader;          /* for ages */
    int64_t timeout_ms;
    /* Of the last look, all owned: a view of each group, at the index of the group. */
    klient_groups_t *groups;
    struct group_view *views;
    int64_t at_ms;                      /* mono */
};

static void forget(struct looking *looking)
{
    size_t count = looking->groups != NULL ? klient_groups_count(looking->groups) : 0;

    for (size_t i = 0; looking->views != NULL && i < count; i++)
        group_view_free(&looking->views[i]);
    free(looking->views);
    klient_groups_free(looking->groups);
    looking->views = NULL;
    looking->groups = NULL;
}

/* The view of a group in the last look, or NULL. */
static const struct group_view *view_before(const struct looking *before, const char *group)
{
    size_t count = before->groups != NULL ? klient_groups_count(before->groups) : 0;

    for (size_t i = 0; before->views != NULL && i < count; i++)
        if (strcmp(group_at(before->groups, i).group, group) == 0)
            return &before->views[i];
    return NULL;
}

/* --- describe: JSON --------------------------------------------------------------------------- */

/* null where it is not known. */
static void set_known(json_t *object, const char *name, int64_t value)
{
    json_object_set_new(object, name, value >= 0 ? json_integer(value) : json_null());
}

static json_t *row_json(const klient_groups_t *groups, size_t index, const struct group_row *row,
                        int64_t now_ms)
{
    json_t *object = json_pack("{s:s, s:i}", "topic", row->topic, "partition",
                               (int)row->partition);

    set_known(object, "committed", row->committed);
    set_known(object, "start", row->start);
    set_known(object, "end", row->end);
    set_known(object, "lag", group_row_lag(row));
    set_known(object, "waits_ms", group_row_waits(row, now_ms));
    json_object_set_new(object, "lost", json_integer(group_row_lost(row)));
    if (row->code != KLIENT_OK)
        json_object_set_new(object, "error", json_string(klient_code_name(row->code)));
    if (row->member == GROUP_NOBODY) {
        json_object_set_new(object, "member", json_null());
    } else {
        klient_member_info_t member = member_at(groups, index, row->member);
        json_object_set_new(object, "member", json_string(member.member));
        json_object_set_new(object, "client_id", json_string(member.client_id));
        json_object_set_new(object, "host", json_string(member.client_host));
    }
    return object;
}

static json_t *describe_json(const klient_groups_t *groups, size_t index,
                             const struct group_view *view, int64_t now_ms)
{
    klient_group_info_t group = group_at(groups, index);
    json_t *object = group_head_json(&group), *rows = json_array(), *idle = json_array();
    struct group_totals totals = group_rows_total(&view->rows, now_ms);

    for (size_t m = 0; m < group.member_count; m++) {
        klient_member_info_t member = member_at(groups, index, m);
        if (member_is_idle(&group, &member))
            json_array_append_new(idle, group_member_json(&member));
    }
    for (size_t i = 0; i < view->rows.count; i++)
        json_array_append_new(rows, row_json(groups, index, &view->rows.items[i], now_ms));
    json_object_set_new(object, "members", json_integer((json_int_t)group.member_count));
    json_object_set_new(object, "lag", json_integer(totals.lag));
    json_object_set_new(object, "waits_ms", json_integer(totals.waits_ms));
    json_object_set_new(object, "unknown", json_integer((json_int_t)totals.unknown));
    json_object_set_new(object, "partitions", rows);
    json_object_set_new(object, "idle", idle);
    return object;
}

/* --- describe: tables ------------------------------------------------------------------------- */

static void add_offset(struct table *table, int64_t offset)
{
    if (offset >= 0)
        table_add(table, "%lld", (long long)offset);
    else
        table_add(table, "-");
}

/* Committed since the last look, a second. */
static void add_rate(struct table *table, const struct group_row *row,
                     const struct group_view *before, double seconds)
{
    const struct group_row *old =
        before != NULL ? group_rows_find(&before->rows, row->topic, row->partition) : NULL;

    if (old != NULL && old->committed >= 0 && row->committed >= old->committed && seconds > 0)
        table_add(table, "%.1f", (double)(row->committed - old->committed) / seconds);
    else
        table_add(table, "%s", "");
}

static void add_row(struct table *table, const struct group_row *row, int64_t now_ms)
{
    int64_t waits_ms = group_row_waits(row, now_ms);
    char text[32];

    table_add(table, "%s", row->topic);
    table_add(table, "%d", (int)row->partition);
    add_offset(table, row->committed);
    if (row->code != KLIENT_OK)
        table_add(table, "%s", klient_code_name(row->code));
    else
        add_offset(table, row->end);
    add_offset(table, group_row_lag(row));
    if (waits_ms > 0)
        table_add(table, "%s", moment_duration(text, sizeof text, waits_ms));
    else
        table_add(table, "%s", waits_ms == 0 ? "-" : row->committed < 0 ? "" : "?");
}

static void add_owner(struct table *table, const klient_groups_t *groups, size_t index,
                      const struct group_row *row)
{
    klient_member_info_t member = { 0 };

    if (row->member != GROUP_NOBODY)
        member = member_at(groups, index, row->member);
    table_add(table, "%s", member.member != NULL ? member.client_id : "-");
    table_add(table, "%s", member.member != NULL ? member.client_host : "-");
    table_add(table, "%s", member.member != NULL ? member.member : "-");
}

/* What a table can not say. */
static void print_remarks(const klient_groups_t *groups, size_t index,
                          const struct group_view *view)
{
    klient_group_info_t group = group_at(groups, index);

    for (size_t m = 0; m < group.member_count; m++) {
        klient_member_info_t member = member_at(groups, index, m);
        if (member_is_idle(&group, &member))
            printf("idle: %s at %s has no partition (%s)\n", member.client_id, member.client_host,
                   member.member);
    }
    for (size_t i = 0; i < view->rows.count; i++) {
        const struct group_row *row = &view->rows.items[i];
        if (group_row_lost(row) > 0)
            printf("%s-%d: %lld offsets were deleted before the group read them; the log starts "
                   "at %lld\n",
                   row->topic, (int)row->partition, (long long)group_row_lost(row),
                   (long long)row->start);
    }
}

static void describe_table(const struct watch *watch, const klient_groups_t *groups, size_t index,
                           const struct group_view *view, const struct group_view *before,
                           double seconds, int64_t now_ms)
{
    bool watches = args_has(watch->args, "--watch");
    struct group_totals totals = group_rows_total(&view->rows, now_ms);
    char text[32];

    if (view->rows.count == 0) {
        printf("nothing is committed, and no partition assigned\n");
        print_remarks(groups, index, view);
        return;
    }
    printf("lag %lld", (long long)totals.lag);
    if (totals.waits_ms > 0)
        printf(", the oldest record has waited for %s",
               moment_duration(text, sizeof text, totals.waits_ms));
    if (totals.unknown > 0)
        printf(", not known of %zu partition%s", totals.unknown, totals.unknown == 1 ? "" : "s");
    printf("\n");
    struct table *table = table_new(
        watches ? "TOPIC >PARTITION >COMMITTED >END >LAG >WAITS >PER-SECOND CLIENT HOST MEMBER"
                : "TOPIC >PARTITION >COMMITTED >END >LAG >WAITS CLIENT HOST MEMBER");
    for (size_t i = 0; i < view->rows.count; i++) {
        add_row(table, &view->rows.items[i], now_ms);
        if (watches)
            add_rate(table, &view->rows.items[i], before, seconds);
        add_owner(table, groups, index, &view->rows.items[i]);
    }
    table_print(table);
    print_remarks(groups, index, view);
}

/* --- describe --------------------------------------------------------------------------------- */

/* Take a picture of every group. False: said. */
static bool read_views(const struct args *args, const struct looking *before,
                       const klient_groups_t *groups, struct group_view *views)
{
    int64_t ages_ms = before->timeout_ms < AGES_MS ? before->timeout_ms : AGES_MS;

    for (size_t i = 0; i < klient_groups_count(groups); i++) {
        klient_group_info_t group = group_at(groups, i);
        const struct group_view *old = view_before(before, group.group);
        if (group.code != KLIENT_OK)
            continue;
        if (!group_view_read(args, before->admin, before->timeout_ms, groups, i, &views[i]))
            return false;
        if (old != NULL)
            group_rows_remember(&views[i].rows, &old->rows);
        group_ages_fill(before->reader, &views[i].rows, ages_ms);
    }
    return true;
}

static void print_views(const struct watch *watch, const struct looking *before,
                        const klient_groups_t *groups, const struct group_view *views,
                        double seconds)
{
    json_t *list = args_json(watch->args) ? json_array() : NULL;
    int64_t now_ms = clock_wall_ms(&clock_system);
    bool first = true;

    for (size_t i = 0; groups != NULL && i < klient_groups_count(groups); i++) {
        klient_group_info_t group = group_at(groups, i);
        if (list != NULL) {
            json_array_append_new(list, group.code == KLIENT_OK
                                            ? describe_json(groups, i, &views[i], now_ms)
                                            : group_head_json(&group));
        } else if (group.code == KLIENT_OK) {
            group_head_line(&group, first);
            describe_table(watch, groups, i, &views[i], view_before(before, group.group), seconds,
                           now_ms);
            first = false;
        }
    }
    if (list != NULL)
        json_line(list);
}

static int look(struct watch *watch, void *context)
{
    struct looking *looking = context;
    struct looking now = { .at_ms = clock_mono_ms(&clock_system) };
    int status =
        group_view_describe(watch->args, looking->admin, looking->timeout_ms, &now.groups);
    size_t count = now.groups != NULL ? klient_groups_count(now.groups) : 0;

    now.views = calloc(count + 1, sizeof *now.views);
    if (now.views == NULL)
        status = command_failed(watch->args, "out of memory");
    else if (count > 0 && !read_views(watch->args, looking, now.groups, now.views))
        status = EXIT_FAILED;
    if (now.views != NULL && (count > 0 || status == EXIT_DONE)) {
        watch_page(watch);
        print_views(watch, looking, now.groups, now.views,
                    looking->at_ms > 0 ? (double)(now.at_ms - looking->at_ms) / 1000 : 0);
    }
    forget(looking);
    looking->groups = now.groups;
    looking->views = now.views;
    looking->at_ms = now.at_ms;
    return status;
}

int group_describe(const struct args *args)
{
    struct looking looking = { 0 };
    int status;

    looking.admin = connect_admin(args, &looking.timeout_ms, &status);
    if (looking.admin == NULL)
        return status;
    looking.reader = group_ages_open(args, &status);
    if (looking.reader != NULL)
        status = watch_run(args, look, &looking);
    forget(&looking);
    klient_consumer_close(looking.reader, 0, NULL);
    klient_admin_close(looking.admin);
    return status;
}
