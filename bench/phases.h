/* phases - a group of consumers from cold, one that joins, one that leaves, one that falls silent:
 * the same story for every client library. */
#ifndef BENCH_PHASES_H
#define BENCH_PHASES_H

struct ownership;

/* Members are numbered from 0; there are never more than `members` + 1. They tell `ownership` what
 * they are told. */
struct phases {
    const char *program;
    struct ownership *ownership;
    int members, session_ms;
    void (*open)(int member);           /* make it, without joining; all before anybody joins */
    void (*join)(int member);
    void (*leave)(int member);          /* its last */
    /* Let members `first` to `end` - 1 do what is to be done; wait for a few milliseconds at most
     * when there is nothing. Those that have not joined or have left are among them. */
    void (*serve)(int first, int end);
};

/* Tell it, and print as one line of JSON how long each phase took until every partition was owned
 * again, evenly; how long partitions stood still; how many have moved; and how many stood still
 * without moving. What falls silent is a process of its own, forked before anything is opened; its
 * time is what comes on top of session_ms. Exit status 1 when a phase does not end. */
int phases_run(const struct phases *phases);

#endif
