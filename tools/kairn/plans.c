#include "tools/kairn/plans.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/error.h"
#include "tools/kairn/bytes.h"
#include "tools/kairn/connect.h"
#include "tools/kairn/move_throttle.h"
#include "tools/kairn/table.h"

enum { AT_ONCE = 5 };                   /* moves that copy to one broker */

static void show_loads(const struct planner_plan *plan)
{
    struct table *table =
        table_new(">BROKER >REPLICAS >THEN >LEADERS >THEN >SIZE >THEN");
    char text[32];

    for (size_t b = 0; b < plan->broker_count; b++) {
        const struct planner_load *before = &plan->before[b], *after = &plan->after[b];
        table_add(table, "%d", (int)before->broker);
        table_add(table, "%d", (int)before->replicas);
        table_add(table, "%d", (int)after->replicas);
        table_add(table, "%d", (int)before->leaders);
        table_add(table, "%d", (int)after->leaders);
        table_add(table, "%s", bytes_text(text, sizeof text, before->bytes));
        table_add(table, "%s", bytes_text(text, sizeof text, after->bytes));
    }
    printf("\n");
    table_print(table);
}

static void loads_json(const struct planner_plan *plan, json_t *object)
{
    json_t *list = json_array();

    for (size_t b = 0; b < plan->broker_count; b++) {
        const struct planner_load *before = &plan->before[b], *after = &plan->after[b];
        json_array_append_new(
            list, json_pack("{s:i, s:{s:i, s:i, s:I}, s:{s:i, s:i, s:I}}", "broker",
                            (int)before->broker, "before", "replicas", (int)before->replicas,
                            "leaders", (int)before->leaders, "bytes", (json_int_t)before->bytes,
                            "after", "replicas", (int)after->replicas, "leaders",
                            (int)after->leaders, "bytes", (json_int_t)after->bytes));
    }
    json_object_set_new(object, "brokers", list);
}

/* True: go on. A person at a terminal is asked, a script has to say --yes where that is a flag. */
static bool confirmed(const struct args *args, const struct moves *moves)
{
    char answer[16] = "";

    if (strcmp(args_command(args)->verb, "drain") != 0 || args_has(args, "--yes") ||
        moves->count == 0)
        return true;
    if (!isatty(STDIN_FILENO) || args_json(args)) {
        command_misuse(args, "--yes is needed to begin, --dry-run shows what would be done");
        return false;
    }
    printf("\nBegin? [y/N] ");
    fflush(stdout);
    return fgets(answer, sizeof answer, stdin) != NULL && (answer[0] == 'y' || answer[0] == 'Y');
}

/* `object` (JSON) is consumed; it gets the moves and what became of them. */
static int carry_out(const struct args *args, klient_admin_t *admin, int64_t timeout_ms,
                     const struct moves *moves, json_t *object, bool complete)
{
    bool begun = false;
    int status = complete ? EXIT_DONE : EXIT_FAILED;

    if (moves->count > 0 || object != NULL)
        moves_show(args, moves, object);
    else if (complete)
        printf("nothing to move\n");
    if (!args_has(args, "--dry-run") && moves->count > 0) {
        if (confirmed(args, moves)) {
            begun = true;
            int run = moves_run(args, admin, timeout_ms, moves);
            status = run != EXIT_DONE ? run : status;
        } else {
            status = EXIT_USAGE;
        }
    }
    const char *outcome = !begun                        ? "planned"
                          : status != EXIT_DONE         ? "failed"
                          : args_has(args, "--no-wait") ? "begun"
                                                        : "done";
    if (object != NULL) {
        json_object_set_new(object, "outcome", json_string(outcome));
        json_line(object);
    } else if (begun && status == EXIT_DONE) {
        printf("\n%s: %zu partitions\n", outcome, moves->count);
    }
    return status;
}

static void say_stuck(const struct args *args, const struct layout *layout,
                      const struct planner_plan *plan, json_t *object)
{
    json_t *list = json_array();

    for (size_t i = 0; i < plan->stuck_count; i++) {
        const struct planner_partition *partition = &layout->partitions[plan->stuck[i]];
        json_array_append_new(list, json_pack("{s:s, s:i}", "topic", partition->topic, "partition",
                                              (int)partition->number));
        command_failed(args, "%s-%d: there are too few brokers for its replicas; it stays",
                       partition->topic, (int)partition->number);
    }
    if (object != NULL)
        json_object_set_new(object, "stuck", list);
    else
        json_decref(list);
}

int plans_run(const struct args *args, klient_admin_t *admin, int64_t timeout_ms,
              const struct layout *layout, const struct planner_task *wishes)
{
    struct planner_task task = *wishes;
    struct planner_plan *plan = NULL;
    struct moves moves;
    int64_t at_once, rate;
    int status = EXIT_FAILED;

    if (!args_number(args, "--at-once", AT_ONCE, 1, INT32_MAX, &at_once) ||
        !move_throttle_read(args, &rate))
        return EXIT_USAGE;
    task.at_once = (int32_t)at_once;
    task.brokers = layout->brokers;
    task.broker_count = layout->broker_count;
    task.partitions = layout->partitions;
    task.partition_count = layout->partition_count;
    if (planner_run(&task, &plan) != 0)
        return command_failed(args, "out of memory");
    if (moves_of_plan(args, layout, plan, &moves)) {
        json_t *object = args_json(args) ? json_object() : NULL;
        say_stuck(args, layout, plan, object);
        if (object != NULL)
            loads_json(plan, object);
        status = carry_out(args, admin, timeout_ms, &moves, object, plan->stuck_count == 0);
        if (object == NULL && args_has(args, "--dry-run") && moves.count > 0)
            show_loads(plan);
        moves_free(&moves);
    }
    planner_free(plan);
    return status;
}
