#include "tests/torture/torture.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LIFE_S = 60, MOST = 1000000 };

struct wanted {
    long every, from;
    const char *only;               /* NULL: all */
};

/* Said before, as afterwards may not come. */
static void announce(const struct torture *row, int script, long n, bool lasting)
{
    static char line[200];
    int size = snprintf(line, sizeof line, "\r%s, script %d, n %ld%s   ", row->name, script, n,
                        lasting ? " and all later" : "");

    if (isatty(STDERR_FILENO) || getenv("KAIRN_TELL") != NULL)
        (void)!write(STDERR_FILENO, line, (size_t)size);
}

static void suffer(const struct torture *row, const struct wanted *wanted)
{
    long lives = 0, failures = 0, deepest = 0;

    for (int script = 0; script < row->scripts; script++)
        for (int lasting = 0; lasting < 2; lasting++)
            for (long n = wanted->from; n < MOST; n += wanted->every) {
                announce(row, script, n, lasting);
                alarm(LIFE_S);
                long failed = row->live(script, n, lasting);
                alarm(0);
                if (failed == 0)
                    break;
                lives++;
                failures += failed;
                deepest = n > deepest ? n : deepest;
            }
    printf("%s: %ld lives, n up to %ld, %ld failures\n", row->name, lives, deepest, failures);
    fflush(stdout);
}

int torture_main(int argc, char **argv, const struct torture *rows, int count)
{
    static const struct option known[] = { { "every", required_argument, NULL, 'e' },
                                           { "from", required_argument, NULL, 'f' },
                                           { "only", required_argument, NULL, 'o' },
                                           { NULL, 0, NULL, 0 } };
    struct wanted wanted = { .every = 1, .from = 1 };

    for (int flag; (flag = getopt_long(argc, argv, "", known, NULL)) != -1;) {
        switch (flag) {
        case 'e': wanted.every = strtol(optarg, NULL, 10); break;
        case 'f': wanted.from = strtol(optarg, NULL, 10); break;
        case 'o': wanted.only = optarg; break;
        default: return 2;
        }
    }
    if (wanted.every < 1 || wanted.from < 1 || optind < argc)
        return 2;
    for (int i = 0; i < count; i++)
        if (wanted.only == NULL || strcmp(wanted.only, rows[i].name) == 0)
            suffer(&rows[i], &wanted);
    return 0;
}
