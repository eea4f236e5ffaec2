/* application.h - a program of a test that fails to process some records: one member of a group
 * that reads topic "t" of three partitions. */
#ifndef TESTS_CLIENT_APPLICATION_H
#define TESTS_CLIENT_APPLICATION_H

#include "tests/client/members.h"

enum { LOG_SIZE = 4096 };

/* What it does, and has seen. */
struct application {
    const char *fails;              /* values that fail, as " 3 5 "; "*": all */
    int times;                      /* so often each */
    klient_verdict_t verdict;
    char seen[LOG_SIZE];            /* values, in order, each with a blank behind it */
    int failed;
    int events[4];                  /* by kind */
    klient_failure_event_t last;    /* without its texts */
    char log[LOG_SIZE];             /* what it says of dead letters */
};

extern struct fake *fake;
extern struct member member;
extern struct application app;

void app_setup(void);
void app_teardown(void);

/* Name, value pairs of a policy up to NULL, on top of short times. */
#define POLICY(...) (const char *const[]){ __VA_ARGS__ __VA_OPT__(, ) NULL }
klient_retry_policy_t *policy_with(const char *const *pairs);

/* A member with such a policy; one that is subscribed to "t". */
void open_member(const char *auto_commit, const char *const *pairs);
void join(const char *auto_commit, const char *const *pairs);

/* Process one record; poll once, and process what came. */
void process(const klient_record_t *record);
void work(void);
void work_for(int turns);

#define WORK_UNTIL(condition)                                                                      \
    do {                                                                                           \
        for (int looks = 0; !(condition); looks++) {                                               \
            ck_assert_msg(looks < 10000, "never: %s; seen: %s", #condition, app.seen);             \
            work();                                                                                \
        }                                                                                          \
    } while (0)

/* What the group has committed of "t"; how many bytes lie in a partition. */
int64_t committed(int partition);
int64_t stored(const char *topic, int partition);

/* The first record of a partition, read by somebody else; *out is to be freed. */
klient_record_t read_first(const char *topic, int partition, klient_records_t **out);

void expect_text(const char *text, size_t size, const char *wanted);

#endif
