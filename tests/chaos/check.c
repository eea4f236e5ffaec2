/* check - judge the history of a chaos run.
 *
 *   check [--acks-min N] [--commits-min N] FILE... [--killed FILE...]
 *
 * Who wrote what comes after --killed may have been killed within an event. Prints the first few of
 * what is wrong, then one line of counts. Exit status 0 when nothing is wrong, 1 when something is,
 * 2 when the files are no history, 3 (VOID) when nothing is wrong but fewer than N records, or
 * commits, were acknowledged: that proves nothing. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/chaos/judge.h"

enum { STATUS_WRONG = 1, STATUS_MISUSE = 2, STATUS_VOID = 3 };

static int usage(void)
{
    fputs("usage: check [--acks-min N] [--commits-min N] FILE... [--killed FILE...]\n", stderr);
    return STATUS_MISUSE;
}

static void print(const struct judge_verdict *verdict)
{
    printf("sent %" PRIu64 " acked %" PRIu64 " refused %" PRIu64 " unknown %" PRIu64
           " read %" PRIu64 " stored %" PRIu64 " longest-pause-ms %" PRId64,
           verdict->sent, verdict->acked, verdict->refused, verdict->unknown, verdict->read,
           verdict->final, verdict->pause_us / 1000);
    printf(" generations %" PRIu64 " processed %" PRIu64 " commits %" PRIu64,
           verdict->generations, verdict->processed, verdict->commits);
    for (int i = 0; i < JUDGE_FAULTS; i++)
        printf(" %s %" PRIu64, judge_word((enum judge_fault)i), verdict->faults[i]);
    putchar('\n');
}

/* 0, or 3 when too little was acknowledged. */
static int weigh(uint64_t count, uint64_t least, const char *what)
{
    if (count >= least)
        return 0;
    printf("VOID: %" PRIu64 " acknowledged %s are too few\n", count, what);
    return STATUS_VOID;
}

static int judge_files(char **paths, size_t count, uint64_t acks_min, uint64_t commits_min)
{
    struct history *histories = calloc(count, sizeof *histories);
    struct judge_verdict verdict;
    size_t loaded = 0;
    bool killed = false;
    int status = STATUS_MISUSE;

    if (histories == NULL)
        return status;
    for (size_t i = 0; i < count; i++) {
        if (strcmp(paths[i], "--killed") == 0)
            killed = true;
        else if (history_load(paths[i], killed, &histories[loaded++]) != 0)
            goto free_histories;
    }
    if (judge(histories, loaded, stdout, &verdict) != 0) {
        fputs("check: these files are not what clients write\n", stderr);
        goto free_histories;
    }
    print(&verdict);
    status = !judge_is_clean(&verdict) ? STATUS_WRONG : 0;
    if (status == 0)
        status = weigh(verdict.acked, acks_min, "records");
    if (status == 0)
        status = weigh(verdict.commits, commits_min, "commits");
free_histories:
    for (size_t i = 0; i < loaded; i++)
        history_fini(&histories[i]);
    free(histories);
    return status;
}

int main(int argc, char **argv)
{
    uint64_t acks_min = 1, commits_min = 0;
    int first = 1;

    for (; first + 1 < argc; first += 2) {
        if (strcmp(argv[first], "--acks-min") == 0)
            acks_min = strtoull(argv[first + 1], NULL, 10);
        else if (strcmp(argv[first], "--commits-min") == 0)
            commits_min = strtoull(argv[first + 1], NULL, 10);
        else
            break;
    }
    return first < argc ? judge_files(argv + first, (size_t)(argc - first), acks_min, commits_min)
                        : usage();
}
