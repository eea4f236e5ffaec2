#include "bench/phases.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "bench/ownership.h"

enum {
    LIMIT_US = 60 * 1000 * 1000,
    CALM_US = 1500 * 1000,      /* between phases: what is on its way arrives */
    SILENT_AFTER_US = 50 * 1000 /* soon after it has proved its life: that is the worst moment */
};

static void quit(const struct phases *phases, const char *what)
{
    fprintf(stderr, "%s: %s\n", phases->program, what);
    exit(1);
}

/* All but the silent one live in this process. */
static void serve_for(const struct phases *phases, int64_t time_us)
{
    int64_t until_us = ownership_now_us() + time_us;
    while (ownership_now_us() < until_us)
        phases->serve(0, phases->members);
}

static void finish(const struct phases *phases, const char *name, int64_t less_us,
                   int64_t calm_us)
{
    int64_t until_us = ownership_now_us() + LIMIT_US;

    while (!ownership_settled(phases->ownership)) {
        phases->serve(0, phases->members);
        if (ownership_now_us() > until_us) {
            ownership_explain(phases->ownership, stderr);
            quit(phases, name);
        }
    }
    struct ownership_phase phase = ownership_end(phases->ownership);
    printf("%s\"%s_ms\": %.1f, \"%s_still_ms\": %.1f, \"%s_moved\": %d, \"%s_unmoved_paused\": %d",
           strcmp(name, "cold") == 0 ? "{" : ", ", name, (double)(phase.took_us - less_us) / 1e3,
           name, (double)(phase.still_us - less_us) / 1e3, name, phase.moved, name,
           phase.unmoved_paused);
    fflush(stdout);
    serve_for(phases, calm_us);
}

static pid_t start_child(const struct phases *phases, int member, int *go)
{
    int pipes[2];
    char word;

    if (pipe(pipes) != 0)
        quit(phases, "pipe");
    *go = pipes[1];
    pid_t pid = fork();
    if (pid < 0)
        quit(phases, "fork");
    if (pid > 0) {
        close(pipes[0]);
        return pid;
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    phases->open(member);
    if (read(pipes[0], &word, 1) != 1)
        _exit(1);
    phases->join(member);
    for (;;)
        phases->serve(member, member + 1);
}

int phases_run(const struct phases *phases)
{
    struct ownership *ownership = phases->ownership;
    int silent = phases->members, late = phases->members - 1, go;
    pid_t pid = start_child(phases, silent, &go);

    for (int i = 0; i <= late; i++)
        phases->open(i);
    for (int i = 0; i <= silent; i++)
        ownership_set_alive(ownership, i, i != late);

    ownership_begin(ownership);
    if (write(go, "", 1) != 1)
        quit(phases, "pipe");
    for (int i = 0; i < late; i++)
        phases->join(i);
    finish(phases, "cold", 0, CALM_US);

    ownership_set_alive(ownership, late, true);
    ownership_begin(ownership);
    phases->join(late);
    finish(phases, "join", 0, CALM_US);

    ownership_set_alive(ownership, late, false);
    ownership_begin(ownership);
    phases->leave(late);
    finish(phases, "leave", 0, SILENT_AFTER_US);

    ownership_begin(ownership);
    kill(pid, SIGSTOP);
    ownership_fall_silent(ownership, silent);
    finish(phases, "silent_over", phases->session_ms * INT64_C(1000), 0);
    puts("}");
    fflush(stdout);
    kill(pid, SIGKILL);
    return 0;
}
