/* group.c - kairn group list, delete and remove-members. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tools/kairn/connect.h"
#include "tools/kairn/group_view.h"
#include "tools/kairn/json.h"
#include "tools/kairn/layout.h"
#include "tools/kairn/table.h"
#include "tools/kairn/watch.h"

/* --- list ------------------------------------------------------------------------------------- */

enum { STATES_MAX = 8 };

struct listing {
    klient_admin_t *admin;
    int64_t timeout_ms;
    klient_group_state_t states[STATES_MAX];
    size_t state_count;
};

/* --state Stable,Empty; however it is written. False: said. */
static bool read_states(const struct args *args, struct listing *listing)
{
    const char *text = args_value(args, "--state");

    while (text != NULL && *text != '\0') {
        size_t size = strcspn(text, ",");
        klient_group_state_t state = KLIENT_GROUP_EMPTY;
        for (; state <= KLIENT_GROUP_DEAD; state++) {
            const char *name = klient_group_state_name(state);
            if (strlen(name) == size && strncasecmp(name, text, size) == 0)
                break;
        }
        if (state > KLIENT_GROUP_DEAD || listing->state_count == STATES_MAX) {
            command_misuse(args, "--state takes Stable, Empty, PreparingRebalance, "
                                 "CompletingRebalance or Dead, not '%.*s'",
                           (int)size, text);
            return false;
        }
        listing->states[listing->state_count++] = state;
        text += size + (text[size] == ',');
    }
    return true;
}

static json_t *listed_json(const klient_groups_t *groups)
{
    json_t *list = json_array();

    for (size_t i = 0; i < klient_groups_count(groups); i++) {
        klient_group_info_t group = group_at(groups, i);
        json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:i}", "group", group.group,
                                              "state", klient_group_state_name(group.state),
                                              "type", group.protocol_type, "coordinator",
                                              (int)group.coordinator));
    }
    return list;
}

static void listed_table(const klient_groups_t *groups)
{
    struct table *table = table_new("GROUP STATE TYPE >COORDINATOR");

    for (size_t i = 0; i < klient_groups_count(groups); i++) {
        klient_group_info_t group = group_at(groups, i);
        table_add(table, "%s", group.group);
        table_add(table, "%s", klient_group_state_name(group.state));
        table_add(table, "%s", group.protocol_type[0] != '\0' ? group.protocol_type : "-");
        table_add(table, "%d", (int)group.coordinator);
    }
    table_print(table);
}

/* Groups of brokers that could be asked are shown, whatever became of the others. */
static int look(struct watch *watch, void *context)
{
    struct listing *listing = context;
    klient_groups_t *groups = NULL;
    klient_error_t *error = NULL;
    int status = EXIT_DONE;

    klient_code_t code = klient_admin_list_groups(listing->admin, listing->states,
                                                  listing->state_count, listing->timeout_ms,
                                                  &groups, &error);
    if (groups != NULL) {
        watch_page(watch);
        if (args_json(watch->args))
            json_line(listed_json(groups));
        else
            listed_table(groups);
    }
    if (code != KLIENT_OK)
        status = connect_failed(watch->args, error);
    klient_groups_free(groups);
    return status;
}

int group_list(const struct args *args)
{
    struct listing listing = { 0 };
    int status;

    if (!read_states(args, &listing))
        return EXIT_USAGE;
    listing.admin = connect_admin(args, &listing.timeout_ms, &status);
    if (listing.admin == NULL)
        return status;
    status = watch_run(args, look, &listing);
    klient_admin_close(listing.admin);
    return status;
}

/* --- delete ----------------------------------------------------------------------------------- */

/* What became of one thing, which was to be `done`: `object` (owned) names it to programs. Returns
 * what to exit with. */
static int report(const struct args *args, json_t *list, json_t *object, const char *done,
                  const char *name, klient_code_t code)
{
    int status = EXIT_DONE;

    json_object_set_new(object, done, json_boolean(code == KLIENT_OK));
    if (code != KLIENT_OK) {
        json_object_set_new(object, "error", json_string(klient_code_name(code)));
        status = command_failed(args, "%s: %s: %s", name, klient_code_name(code),
                                klient_code_text(code));
        connect_advise(args, code);
    } else if (list == NULL) {
        printf("%s %s\n", done, name);
    }
    if (list != NULL)
        json_array_append_new(list, object);
    else
        json_decref(object);
    return status;
}

static int delete_groups(const struct args *args, klient_admin_t *admin, int64_t timeout_ms,
                         json_t *list)
{
    size_t count = args_operand_count(args);
    const char **names = calloc(count + 1, sizeof *names);
    klient_code_t *codes = calloc(count + 1, sizeof *codes);
    int status = EXIT_DONE;

    for (size_t i = 0; names != NULL && codes != NULL && i < count; i++) {
        names[i] = args_operand(args, i);
        codes[i] = KLIENT_REQUEST_TIMED_OUT;        /* of those without an answer */
    }
    if (names == NULL || codes == NULL) {
        status = command_failed(args, "out of memory");
        count = 0;
    } else {
        klient_error_t *error = NULL;
        klient_code_t code =
            klient_admin_delete_groups(admin, names, count, timeout_ms, codes, &error);
        if (code == KLIENT_INVALID_GROUP_ID) {
            status = command_misuse(args, "the name of a group is never empty");
            count = 0;
        }
        klient_error_free(error);
    }
    for (size_t i = 0; i < count; i++) {
        char name[300];
        snprintf(name, sizeof name, "group %s", names[i]);
        if (report(args, list, json_pack("{s:s}", "group", names[i]), "deleted", name,
                   codes[i]) != EXIT_DONE)
            status = EXIT_FAILED;
    }
    free(names);
    free(codes);
    return status;
}

/* What --topic names of the one group. */
static int delete_offsets(const struct args *args, klient_admin_t *admin, int64_t timeout_ms,
                          json_t *list)
{
    const char *group = args_operand(args, 0);
    klient_offsets_t *offsets = NULL;
    klient_error_t *error = NULL;
    struct layout layout;
    size_t count = 0;
    int status = EXIT_FAILED;

    if (klient_admin_group_offsets(admin, group, timeout_ms, &offsets, &error) != KLIENT_OK)
        return connect_failed(args, error);
    if (!layout_of_group(args, offsets, &layout)) {
        klient_offsets_free(offsets);
        return EXIT_FAILED;
    }
    bool *chosen = layout_choose(args, "--topic", &layout);
    klient_topic_partition_t *names = calloc(layout.partition_count + 1, sizeof *names);
    klient_code_t *codes = calloc(layout.partition_count + 1, sizeof *codes);
    for (size_t i = 0; chosen != NULL && names != NULL && codes != NULL &&
                       i < layout.partition_count; i++) {
        if (!chosen[i])
            continue;
        codes[count] = KLIENT_REQUEST_TIMED_OUT;
        names[count++] = (klient_topic_partition_t){ layout.partitions[i].topic,
                                                     layout.partitions[i].number };
    }
    if (count > 0) {
        klient_admin_delete_group_offsets(admin, group, names, count, timeout_ms, codes, NULL);
        status = EXIT_DONE;
    }
    for (size_t i = 0; i < count; i++) {
        char name[600];
        snprintf(name, sizeof name, "what group %s has committed of %s-%d", group, names[i].topic,
                 (int)names[i].partition);
        if (report(args, list,
                   json_pack("{s:s, s:s, s:i}", "group", group, "topic", names[i].topic,
                             "partition", (int)names[i].partition),
                   "deleted", name, codes[i]) != EXIT_DONE)
            status = EXIT_FAILED;
    }
    free(chosen);
    free(names);
    free(codes);
    layout_free(&layout);
    klient_offsets_free(offsets);
    return status;
}

int group_delete(const struct args *args)
{
    bool offsets = args_has(args, "--topic");
    int64_t timeout_ms;
    int status;

    if (offsets && args_operand_count(args) > 1)
        return command_misuse(args, "--topic goes with one group");
    klient_admin_t *admin = connect_admin(args, &timeout_ms, &status);
    if (admin == NULL)
        return status;
    json_t *list = args_json(args) ? json_array() : NULL;
    status = offsets ? delete_offsets(args, admin, timeout_ms, list)
                     : delete_groups(args, admin, timeout_ms, list);
    if (list != NULL)
        json_line(list);
    klient_admin_close(admin);
    return status;
}

/* --- remove-members --------------------------------------------------------------------------- */

/* Those that `flag` names: by their ids, or static ones by those of their instances. */
static void add_names(const struct args *args, const char *flag, bool by_id,
                      klient_member_name_t *names, size_t *count)
{
    for (size_t i = 0; i < args_count(args, flag); i++) {
        const char *name = args_nth(args, flag, i);
        names[(*count)++] = by_id ? (klient_member_name_t){ .member = name }
                                  : (klient_member_name_t){ .instance = name };
    }
}

static int remove_members(const struct args *args, klient_admin_t *admin, int64_t timeout_ms,
                          const klient_member_name_t *names, size_t count, json_t *list)
{
    const char *group = args_operand(args, 0);
    klient_code_t *codes = calloc(count, sizeof *codes);
    int status = EXIT_DONE;

    if (codes == NULL)
        return command_failed(args, "out of memory");
    for (size_t i = 0; i < count; i++)
        codes[i] = KLIENT_REQUEST_TIMED_OUT;        /* of those without an answer */
    klient_code_t code =
        klient_admin_remove_members(admin, group, names, count, timeout_ms, codes, NULL);
    if (code == KLIENT_INVALID_GROUP_ID || code == KLIENT_INVALID_ARGUMENT) {
        status = command_misuse(args, "the names of groups and members are never empty");
        count = 0;
    }
    for (size_t i = 0; i < count; i++) {
        bool by_id = names[i].member != NULL;
        const char *kind = by_id ? "member" : "instance";
        const char *name = by_id ? names[i].member : names[i].instance;
        char text[600];
        snprintf(text, sizeof text, "%s %s of group %s", kind, name, group);
        if (report(args, list, json_pack("{s:s, s:s}", "group", group, kind, name), "removed", text,
                   codes[i]) != EXIT_DONE)
            status = EXIT_FAILED;
    }
    free(codes);
    return status;
}

int group_remove_members(const struct args *args)
{
    size_t most = args_count(args, "--member") + args_count(args, "--instance"), count = 0;
    int64_t timeout_ms;
    int status;

    if (most == 0)
        return command_misuse(args, "say who: --member or --instance");
    klient_admin_t *admin = connect_admin(args, &timeout_ms, &status);
    if (admin == NULL)
        return status;
    json_t *list = args_json(args) ? json_array() : NULL;
    klient_member_name_t *names = calloc(most, sizeof *names);
    if (names == NULL) {
        status = command_failed(args, "out of memory");
    } else {
        add_names(args, "--member", true, names, &count);
        add_names(args, "--instance", false, names, &count);
        status = remove_members(args, admin, timeout_ms, names, count, list);
    }
    if (list != NULL)
        json_line(list);
    free(names);
    klient_admin_close(admin);
    return status;
}
