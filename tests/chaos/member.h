/* member.h - the life of one member of a consumer group in a chaos run: a process of its own. */
#ifndef TESTS_CHAOS_MEMBER_H
#define TESTS_CHAOS_MEMBER_H

#include <stdbool.h>
#include <stdio.h>

/* How a member says what it has processed. */
enum member_commits { COMMIT_ASYNC, COMMIT_SYNC, COMMIT_ALL, COMMIT_AUTO, MEMBER_COMMITS };

struct member_options {
    const char *bootstrap, *topic, *group, *assignors;
    int partitions;
    int number;                 /* of the group, in the history */
    int slot;                   /* its place in the group: the name of a static member */
    bool is_static;
    int process;                /* how many processes were started before */
    enum member_commits commits;
    FILE *history;              /* closed in the end */
};

/* Milliseconds; short, so that much happens. */
enum { MEMBER_SESSION_MS = 3000, MEMBER_HEARTBEAT_MS = 500, MEMBER_POLL_INTERVAL_MS = 5000 };

/* Exit statuses of a member. */
enum { MEMBER_LEFT = 0, MEMBER_FAILED = 1, MEMBER_FENCED = 3 };

/* Read, write down and commit until SIGTERM; SIGUSR1 makes it think for longer than a member may,
 * and commit what it has done then. Returns the exit status; may end the process itself. */
int member_live(const struct member_options *options);

#endif
