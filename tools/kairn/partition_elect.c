/* partition_elect.c - kairn partition elect. */
#include <stdio.h>
#include <stdlib.h>

#include "tools/kairn/connect.h"
#include "tools/kairn/json.h"
#include "tools/kairn/layout.h"

static json_t *outcome(const klient_results_t *results, size_t i)
{
    klient_code_t code = klient_results_code(results, i);
    json_t *object = json_pack("{s:s, s:i, s:b}", "topic", klient_results_name(results, i),
                               "partition", (int)klient_results_partition(results, i), "elected",
                               code == KLIENT_OK);

    if (code != KLIENT_OK && code != KLIENT_ELECTION_NOT_NEEDED) {
        json_object_set_new(object, "error", json_string(klient_code_name(code)));
        json_object_set_new(object, "message", json_string(klient_results_text(results, i)));
    }
    return object;
}

/* Who leads already is no failure. */
static int report(const struct args *args, const klient_results_t *results)
{
    json_t *list = args_json(args) ? json_array() : NULL;
    size_t elected = 0, count = klient_results_count(results);
    int status = EXIT_DONE;

    for (size_t i = 0; i < count; i++) {
        klient_code_t code = klient_results_code(results, i);
        elected += code == KLIENT_OK;
        if (code != KLIENT_OK && code != KLIENT_ELECTION_NOT_NEEDED)
            status = command_failed(args, "%s-%d: %s: %s", klient_results_name(results, i),
                                    (int)klient_results_partition(results, i),
                                    klient_code_name(code), klient_results_text(results, i));
        else if (list == NULL && code == KLIENT_OK)
            printf("elected a leader of %s-%d\n", klient_results_name(results, i),
                   (int)klient_results_partition(results, i));
        if (list != NULL)
            json_array_append_new(list, outcome(results, i));
    }
    if (list != NULL)
        json_line(list);
    else if (elected == 0 && status == EXIT_DONE)
        printf("nothing to elect: every partition has the leader that it should have\n");
    return status;
}

static int elect(const struct args *args, klient_admin_t *admin, int64_t timeout_ms,
                 const klient_topic_partition_t *partitions, size_t count)
{
    klient_results_t *results = NULL;
    klient_error_t *error = NULL;
    klient_code_t code = klient_admin_elect_leaders(
        admin, args_has(args, "--unclean") ? KLIENT_ELECTION_UNCLEAN : KLIENT_ELECTION_PREFERRED,
        partitions, count, timeout_ms, &results, &error);
    int status;

    if (results == NULL && code != KLIENT_OK) {
        status = connect_failed(args, error);
    } else {
        klient_error_free(error);
        status = report(args, results);
    }
    klient_results_free(results);
    return status;
}

/* What the operands name; NULL: said. */
static klient_topic_partition_t *name_partitions(const struct args *args,
                                                 const struct layout *layout, size_t *count)
{
    bool *chosen = layout_choose(args, NULL, layout);
    klient_topic_partition_t *names =
        chosen != NULL ? calloc(layout->partition_count + 1, sizeof *names) : NULL;

    *count = 0;
    for (size_t i = 0; names != NULL && i < layout->partition_count; i++)
        if (chosen[i])
            names[(*count)++] = (klient_topic_partition_t){ layout->partitions[i].topic,
                                                            layout->partitions[i].number };
    free(chosen);
    return names;
}

int partition_elect(const struct args *args)
{
    int64_t timeout_ms;
    int status;
    bool all = args_has(args, "--all");
    struct layout layout;
    size_t count;

    if (all == (args_operand_count(args) > 0))
        return command_misuse(args, "name partitions (TOPIC or TOPIC:P,P...), or all by --all");
    klient_admin_t *admin = connect_admin(args, &timeout_ms, &status);
    if (admin == NULL)
        return status;
    if (all) {
        status = elect(args, admin, timeout_ms, NULL, 0);
    } else if (!layout_read(args, admin, timeout_ms, false, &layout)) {
        status = EXIT_FAILED;
    } else {
        klient_topic_partition_t *names = name_partitions(args, &layout, &count);
        status = names != NULL ? elect(args, admin, timeout_ms, names, count) : EXIT_FAILED;
        free(names);
        layout_free(&layout);
    }
    klient_admin_close(admin);
    return status;
}
