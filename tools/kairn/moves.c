#include "tools/kairn/moves.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "tools/kairn/bytes.h"
#include "tools/kairn/connect.h"
#include "tools/kairn/health.h"
#include "tools/kairn/move_throttle.h"
#include "tools/kairn/table.h"

enum {
    AT_ONCE_MAX = 500,                  /* reassignments of one request */
    LOOK_AGAIN_MS = 300,
    SETTLE_MS = 10000                   /* a broker hears of the end later than the controller */
};

static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
    (void)number;
    interrupted = 1;
}

bool moves_of_plan(const struct args *args, const struct layout *layout,
                   const struct planner_plan *plan, struct moves *out)
{
    *out = (struct moves){ .items = calloc(plan->move_count + 1, sizeof *out->items),
                           .step_count = plan->step_count };
    if (out->items == NULL) {
        command_failed(args, "out of memory");
        return false;
    }
    for (size_t i = 0; i < plan->move_count; i++) {
        const struct planner_move *move = &plan->moves[i];
        const struct planner_partition *partition = &layout->partitions[move->partition];
        out->items[out->count++] = (struct move){
            .topic = partition->topic, .partition = partition->number,
            .from = partition->replicas, .to = move->to, .bytes = move->bytes,
            .step = move->step,
        };
    }
    return true;
}

void moves_free(struct moves *moves)
{
    free(moves->items);
    *moves = (struct moves){ 0 };
}

void moves_show(const struct args *args, const struct moves *moves, json_t *object)
{
    json_t *list = args_json(args) ? json_array() : NULL;
    struct table *table =
        list == NULL ? table_new("TOPIC >PARTITION FROM TO >COPIES >STEP") : NULL;

    for (size_t i = 0; i < moves->count; i++) {
        const struct move *move = &moves->items[i];
        char text[256];
        if (list != NULL) {
            json_array_append_new(
                list, json_pack("{s:s, s:i, s:o, s:o, s:I, s:i}", "topic", move->topic,
                                "partition", (int)move->partition, "from",
                                json_ids(move->from.ids, (size_t)move->from.count), "to",
                                json_ids(move->to.ids, (size_t)move->to.count), "bytes",
                                (json_int_t)move->bytes, "step", (int)move->step));
            continue;
        }
        table_add(table, "%s", move->topic);
        table_add(table, "%d", (int)move->partition);
        table_add(table, "%s", health_ids(text, sizeof text, move->from.ids,
                                          (size_t)move->from.count));
        table_add(table, "%s", health_ids(text, sizeof text, move->to.ids,
                                          (size_t)move->to.count));
        table_add(table, "%s", bytes_text(text, sizeof text, move->bytes));
        table_add(table, "%d", (int)move->step + 1);
    }
    if (list != NULL)
        json_object_set_new(object, "moves", list);
    else
        table_print(table);
}

/* --- carrying them out ------------------------------------------------------------------------ */

struct run {
    const struct args *args;
    klient_admin_t *admin;
    int64_t timeout_ms, deadline_ms;    /* of one request; of all */
    const struct moves *moves;
    bool *done;                         /* per move */
    size_t done_count;
    bool terminal;
};

static void show_progress(const struct run *run, const char *end)
{
    int64_t left = 0;
    char text[32];

    if (!run->terminal)
        return;
    for (size_t i = 0; i < run->moves->count; i++)
        left += run->done[i] ? 0 : run->moves->items[i].bytes;
    fprintf(stderr, "\r%zu of %zu partitions are where they should be, %s to copy \033[K%s",
            run->done_count, run->moves->count, bytes_text(text, sizeof text, left), end);
}

/* What can not be begun is said at once, and ends the run: the rest may depend on it. */
static int begin(struct run *run, size_t first, size_t end)
{
    size_t count = end - first;
    klient_reassignment_t *rows = calloc(count, sizeof *rows);
    const klient_reassignment_t **wishes = calloc(count, sizeof *wishes);
    klient_results_t *results = NULL;
    klient_error_t *error = NULL;
    int status = EXIT_DONE;

    for (size_t i = 0; rows != NULL && wishes != NULL && i < count; i++) {
        const struct move *move = &run->moves->items[first + i];
        rows[i] = (klient_reassignment_t){ .size = sizeof rows[i], .topic = move->topic,
                                           .partition = move->partition,
                                           .replicas = move->to.ids,
                                           .replica_count = (size_t)move->to.count };
        wishes[i] = &rows[i];
    }
    if (rows == NULL || wishes == NULL) {
        status = command_failed(run->args, "out of memory");
    } else if (klient_admin_alter_reassignments(run->admin, wishes, count, run->timeout_ms,
                                                &results, &error) != KLIENT_OK) {
        status = EXIT_FAILED;
        for (size_t i = 0; results != NULL && i < klient_results_count(results); i++)
            if (klient_results_code(results, i) != KLIENT_OK)
                command_failed(run->args, "%s-%d: %s: %s", rows[i].topic, (int)rows[i].partition,
                               klient_code_name(klient_results_code(results, i)),
                               klient_results_text(results, i));
        if (results == NULL)
            connect_failed(run->args, error);
        else
            klient_error_free(error);
    }
    klient_results_free(results);
    free(wishes);
    free(rows);
    return status;
}

static bool is_listed(const klient_reassignments_t *list, const struct move *move)
{
    for (size_t i = 0; i < klient_reassignments_count(list); i++) {
        klient_reassignment_t row = { .size = sizeof row };
        klient_reassignments_get(list, i, &row);
        if (row.partition == move->partition && strcmp(row.topic, move->topic) == 0)
            return true;
    }
    return false;
}

static bool is_there(const struct layout *layout, const struct move *move)
{
    int64_t at = layout_find(layout, move->topic, move->partition);
    const struct planner_replicas *now = at < 0 ? NULL : &layout->partitions[at].replicas;

    return now != NULL && now->count == move->to.count &&
           memcmp(now->ids, move->to.ids, (size_t)now->count * sizeof now->ids[0]) == 0;
}

/* Moves [first, end) that are off the list and whose replicas are as wanted are done. *listed
 * counts those that are under way. False: said. */
static bool look(struct run *run, size_t first, size_t end, size_t *listed)
{
    klient_reassignments_t *list = NULL;
    klient_error_t *error = NULL;
    struct layout layout;

    *listed = 0;
    if (klient_admin_list_reassignments(run->admin, run->timeout_ms, &list, &error) !=
        KLIENT_OK) {
        connect_failed(run->args, error);
        return false;
    }
    if (!layout_read(run->args, run->admin, run->timeout_ms, false, &layout)) {
        klient_reassignments_free(list);
        return false;
    }
    for (size_t i = first; i < end; i++) {
        const struct move *move = &run->moves->items[i];
        bool under_way = is_listed(list, move);
        *listed += under_way;
        if (run->done[i] || under_way || !is_there(&layout, move))
            continue;
        run->done[i] = true;
        run->done_count++;
    }
    layout_free(&layout);
    klient_reassignments_free(list);
    return true;
}

static void pause_ms(int64_t ms)
{
    const struct timespec time = { ms / 1000, ms % 1000 * 1000000 };

    nanosleep(&time, NULL);
}

static int settle(struct run *run, size_t first, size_t end)
{
    int64_t quiet_since_ms = 0;

    for (;;) {
        int64_t now_ms = clock_mono_ms(&clock_system);
        size_t listed, left = 0;

        if (!look(run, first, end, &listed))
            return EXIT_FAILED;
        for (size_t i = first; i < end; i++)
            left += !run->done[i];
        show_progress(run, "");
        if (left == 0)
            return EXIT_DONE;
        quiet_since_ms = listed > 0 ? 0 : quiet_since_ms > 0 ? quiet_since_ms : now_ms;
        if (quiet_since_ms > 0 && now_ms - quiet_since_ms > SETTLE_MS)
            return command_failed(run->args,
                                  "%zu partitions are not where they should be: somebody cancelled "
                                  "or changed their reassignment", left);
        if (interrupted)
            return command_failed(run->args, "interrupted: %zu partitions are still on their way, "
                                             "and go on: kairn partition reassign --list", left);
        if (now_ms > run->deadline_ms)
            return command_failed(run->args,
                                  "%zu partitions are still on their way, and go on: "
                                  "kairn partition reassign --list", left);
        pause_ms(LOOK_AGAIN_MS);
    }
}

static size_t end_of_step(const struct moves *moves, size_t first)
{
    size_t end = first;

    while (end < moves->count && moves->items[end].step == moves->items[first].step)
        end++;
    return end;
}

static int run_steps(const struct args *args, klient_admin_t *admin, int64_t timeout_ms,
                     const struct moves *moves)
{
    struct run run = { .args = args, .admin = admin, .timeout_ms = timeout_ms, .moves = moves,
                       .deadline_ms = INT64_MAX, .done = calloc(moves->count + 1, sizeof(bool)),
                       .terminal = isatty(STDERR_FILENO) != 0 && !args_json(args) };
    bool waits = !args_has(args, "--no-wait");
    int status = run.done == NULL ? command_failed(args, "out of memory") : EXIT_DONE;

    if (args_has(args, "--timeout"))
        run.deadline_ms = clock_mono_ms(&clock_system) + timeout_ms;
    if (interrupted)
        status = command_failed(args, "interrupted: nothing was begun");
    for (size_t first = 0; status == EXIT_DONE && first < moves->count;) {
        size_t end = waits ? end_of_step(moves, first) : moves->count;
        for (size_t at = first; status == EXIT_DONE && at < end; at += AT_ONCE_MAX)
            status = begin(&run, at, end - at > AT_ONCE_MAX ? at + AT_ONCE_MAX : end);
        if (status == EXIT_DONE && waits)
            status = settle(&run, first, end);
        first = end;
    }
    if (waits && moves->count > 0)
        show_progress(&run, "\n");
    free(run.done);
    return status;
}

int moves_run(const struct args *args, klient_admin_t *admin, int64_t timeout_ms,
              const struct moves *moves)
{
    struct move_throttle *throttle = NULL;
    int64_t rate;
    int status;

    if (!move_throttle_read(args, &rate))
        return EXIT_USAGE;
    if (rate == 0)
        return run_steps(args, admin, timeout_ms, moves);
    /* Whatever happens, the throttle does not outlive us; the second signal is not waited for. */
    struct sigaction stop = { .sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND };
    sigaction(SIGINT, &stop, NULL);
    sigaction(SIGTERM, &stop, NULL);
    status = move_throttle_set(args, admin, timeout_ms, moves, rate, &throttle);
    if (status != EXIT_DONE)
        return status;
    status = run_steps(args, admin, timeout_ms, moves);
    int lifted = move_throttle_lift(args, admin, timeout_ms, throttle);
    if (status != EXIT_DONE && lifted == EXIT_DONE)
        command_failed(args, "the throttle is taken away: what is on its way goes on without it");
    return status != EXIT_DONE ? status : lifted;
}
