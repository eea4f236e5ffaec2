#include "tests/sim/lives.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/sim/shrink.h"

enum { JOBS_MAX = 64, COUNTERS_COUNT_FROM = 2000, FAILURES_MAX = 5 };

struct arguments {
    const struct life_kind *kind;
    uint64_t from, seeds, seed;
    int jobs, failures;
    bool one, verbose, shrink;
    const char *script;
};

/* Shared with the workers. A worker owns the seeds that are its number modulo their count. */
struct progress {
    uint64_t at, done, events, trace;
    int64_t simulated_ms;
    uint64_t counters[LIFE_COUNTERS_MAX];
    uint64_t failed[FAILURES_MAX];
    char why[FAILURES_MAX][LIFE_WHY_SIZE];
    int failures;
};

static int usage(const char *program)
{
    fprintf(stderr,
            "usage: %s [--from N] [--seeds N] [--jobs N] [--failures N]\n"
            "       %s --seed N | --script FILE [--verbose] [--shrink]\n",
            program, program);
    return 2;
}

static bool read_number(const char *text, uint64_t *value)
{
    char *end;
    *value = strtoull(text, &end, 10);
    return *text != '\0' && *end == '\0';
}

static bool read_arguments(int argc, char **argv, struct arguments *arguments)
{
    uint64_t jobs = 0, failures = FAILURES_MAX;

    *arguments = (struct arguments){.kind = arguments->kind, .from = 1, .seeds = 1000};
    for (int i = 1; i < argc; i++) {
        const char *next = i + 1 < argc ? argv[i + 1] : "";
        bool ok = true;
        if (strcmp(argv[i], "--verbose") == 0) {
            arguments->verbose = true;
            continue;
        }
        if (strcmp(argv[i], "--shrink") == 0) {
            arguments->shrink = true;
            continue;
        }
        if (strcmp(argv[i], "--from") == 0)
            ok = read_number(next, &arguments->from);
        else if (strcmp(argv[i], "--seeds") == 0)
            ok = read_number(next, &arguments->seeds);
        else if (strcmp(argv[i], "--jobs") == 0)
            ok = read_number(next, &jobs) && jobs <= JOBS_MAX;
        else if (strcmp(argv[i], "--failures") == 0)
            ok = read_number(next, &failures) && failures > 0 && failures <= FAILURES_MAX;
        else if (strcmp(argv[i], "--seed") == 0)
            ok = arguments->one = read_number(next, &arguments->seed);
        else if (strcmp(argv[i], "--script") == 0)
            arguments->script = next;
        else
            ok = false;
        if (!ok)
            return false;
        i++;
    }
    arguments->failures = (int)failures;
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    arguments->jobs = jobs > 0 ? (int)jobs : cores > 0 && cores < JOBS_MAX ? (int)cores : 1;
    return true;
}

/* --- one life --------------------------------------------------------------------------------- */

static void note_failure(struct progress *progress, uint64_t seed, const char *why)
{
    if (progress->failures == FAILURES_MAX)
        return;
    progress->failed[progress->failures] = seed;
    snprintf(progress->why[progress->failures++], sizeof progress->why[0], "%s", why);
}

static void live(struct progress *progress, const struct life_kind *kind, const struct plan *plan,
                 bool verbose)
{
    struct life life = {0};

    kind->live(plan, verbose, &life);
    if (life.violation[0] != '\0')
        note_failure(progress, plan->seed, life.violation);
    progress->events += life.events;
    progress->simulated_ms += life.simulated_ms;
    progress->trace = progress->trace * 31 + life.trace;
    for (int i = 0; i < kind->counter_count; i++)
        progress->counters[i] += life.counters[i];
}

/* --- many lives ------------------------------------------------------------------------------- */

static void work(struct progress *progress, const struct arguments *arguments)
{
    struct plan plan;

    for (; progress->at < arguments->from + arguments->seeds &&
           progress->failures < arguments->failures;
         progress->at += (uint64_t)arguments->jobs) {
        arguments->kind->form->draw(&plan, progress->at);
        live(progress, arguments->kind, &plan, false);
        progress->done++;
    }
}

static pid_t start_worker(struct progress *progress, const struct arguments *arguments)
{
    fflush(stdout);
    pid_t worker = fork();
    if (worker == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* whoever ends us by a timeout ends all of us */
        work(progress, arguments);
        _exit(0);
    }
    return worker;
}

/* A core that aborts takes its worker with it: the seed is noted, another worker goes on. */
static void run_workers(struct progress *progress, const struct arguments *arguments)
{
    pid_t workers[JOBS_MAX];
    int left = arguments->jobs, status;

    for (int i = 0; i < arguments->jobs; i++) {
        progress[i].at = arguments->from + (uint64_t)i;
        workers[i] = start_worker(&progress[i], arguments);
    }
    while (left > 0) {
        pid_t ended = waitpid(-1, &status, 0);
        if (ended < 0)
            break;
        for (int i = 0; i < arguments->jobs; i++) {
            if (workers[i] != ended)
                continue;
            left--;
            if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
                continue;
            note_failure(&progress[i], progress[i].at, "the process ended: an assertion failed");
            progress[i].at += (uint64_t)arguments->jobs;
            workers[i] = start_worker(&progress[i], arguments);
            left++;
        }
    }
}

/* --- the report ------------------------------------------------------------------------------- */

static int report_counters(const struct life_kind *kind, const uint64_t *counters, bool required)
{
    int missing = 0;

    for (int i = 0; i < kind->counter_count; i++)
        printf("  %12" PRIu64 "  %s\n", counters[i], kind->counters[i].text);
    for (int i = 0; i < kind->counter_count; i++)
        if (required && kind->counters[i].required && counters[i] == 0) {
            printf("NEVER HAPPENED: %s\n", kind->counters[i].text);
            missing++;
        }
    return missing;
}

static double now_s(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static int run_many(const struct arguments *arguments)
{
    size_t size = (size_t)arguments->jobs * sizeof(struct progress);
    struct progress *progress =
        mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    struct progress all = {0};
    double started_s = now_s();
    int failures = 0;

    if (progress == MAP_FAILED)
        return 2;
    run_workers(progress, arguments);
    for (int i = 0; i < arguments->jobs; i++) {
        all.done += progress[i].done;
        all.events += progress[i].events;
        all.simulated_ms += progress[i].simulated_ms;
        all.trace += progress[i].trace * (uint64_t)(i + 1);
        for (int c = 0; c < LIFE_COUNTERS_MAX; c++)
            all.counters[c] += progress[i].counters[c];
        failures += progress[i].failures;
        for (int f = 0; f < progress[i].failures; f++)
            printf("FAIL seed %" PRIu64 ": %s\n", progress[i].failed[f], progress[i].why[f]);
    }
    printf("seeds %" PRIu64 "..%" PRIu64 ": %" PRIu64 " lives, %" PRIu64 " events, %.1f simulated "
           "hours, %.1f s, history %016" PRIx64 "\n",
           arguments->from, arguments->from + arguments->seeds - 1, all.done, all.events,
           (double)all.simulated_ms / 3.6e6, now_s() - started_s, all.trace);
    int missing = report_counters(arguments->kind, all.counters, all.done >= COUNTERS_COUNT_FROM);
    printf("%s\n", failures == 0 && missing == 0 ? "nothing violated" : "FAILED");
    munmap(progress, size);
    return failures == 0 && missing == 0 ? 0 : 1;
}

static int run_one(const struct plan *plan, const struct arguments *arguments)
{
    struct progress progress = {0};

    if (arguments->shrink)
        return shrink(arguments->kind, plan) ? 1 : 0;
    if (arguments->verbose)
        plan_write(arguments->kind->form, plan, stdout);
    live(&progress, arguments->kind, plan, arguments->verbose);
    printf("seed %" PRIu64 ": %" PRIu64 " events, trace %016" PRIx64 "\n", plan->seed,
           progress.events, progress.trace);
    if (progress.failures > 0)
        printf("FAIL %s\n", progress.why[0]);
    return progress.failures > 0 ? 1 : 0;
}

int lives_main(int argc, char **argv, const struct life_kind *kind)
{
    struct arguments arguments = {.kind = kind};
    struct plan plan;
    char error[300];

    if (!read_arguments(argc, argv, &arguments))
        return usage(kind->program);
    if (arguments.script != NULL) {
        FILE *file = fopen(arguments.script, "r");
        bool read = file != NULL && plan_read(kind->form, &plan, file, error, sizeof error);
        if (file != NULL)
            fclose(file);
        if (!read) {
            fprintf(stderr, "%s: %s: %s\n", kind->program, arguments.script,
                    file != NULL ? error : "not there");
            return 2;
        }
        return run_one(&plan, &arguments);
    }
    if (!arguments.one)
        return run_many(&arguments);
    kind->form->draw(&plan, arguments.seed);
    return run_one(&plan, &arguments);
}
