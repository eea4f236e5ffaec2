/* check - judge the history of a chaos run.
 *
 *   check [--acks-min N] FILE...
 *
 * Prints the first few of what is wrong, then one line of counts. Exit status 0 when nothing is
 * wrong, 1 when something is, 2 when the files are no history, 3 (VOID) when nothing is wrong but
 * fewer than N records were acknowledged: that proves nothing. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/chaos/judge.h"

enum { STATUS_WRONG = 1, STATUS_MISUSE = 2, STATUS_VOID = 3 };

static int usage(void)
{
    fputs("usage: check [--acks-min N] FILE...\n", stderr);
    return STATUS_MISUSE;
}

static void print(const struct judge_verdict *verdict)
{
    printf("sent %" PRIu64 " acked %" PRIu64 " refused %" PRIu64 " unknown %" PRIu64
           " read %" PRIu64 " stored %" PRIu64 " longest-pause-ms %" PRId64,
           verdict->sent, verdict->acked, verdict->refused, verdict->unknown, verdict->read,
           verdict->final, verdict->pause_us / 1000);
    for (int i = 0; i < JUDGE_FAULTS; i++)
        printf(" %s %" PRIu64, judge_word((enum judge_fault)i), verdict->faults[i]);
    putchar('\n');
}

static int judge_files(char **paths, size_t count, uint64_t acks_min)
{
    struct history *histories = calloc(count, sizeof *histories);
    struct judge_verdict verdict;
    int status = STATUS_MISUSE;

    if (histories == NULL)
        return status;
    for (size_t i = 0; i < count; i++)
        if (history_load(paths[i], &histories[i]) != 0)
            goto free_histories;
    if (judge(histories, count, stdout, &verdict) != 0) {
        fputs("check: these files are not what clients write\n", stderr);
        goto free_histories;
    }
    print(&verdict);
    status = !judge_is_clean(&verdict) ? STATUS_WRONG : 0;
    if (status == 0 && verdict.acked < acks_min) {
        printf("VOID: %" PRIu64 " acknowledgements are too few\n", verdict.acked);
        status = STATUS_VOID;
    }
free_histories:
    for (size_t i = 0; i < count; i++)
        history_fini(&histories[i]);
    free(histories);
    return status;
}

int main(int argc, char **argv)
{
    uint64_t acks_min = 1;
    int first = 1;

    if (argc >= 3 && strcmp(argv[1], "--acks-min") == 0) {
        acks_min = strtoull(argv[2], NULL, 10);
        first = 3;
    }
    return first < argc ? judge_files(argv + first, (size_t)(argc - first), acks_min) : usage();
}
