/* spy.h - interceptors that write down what they see, and do as they are told. */
#ifndef TESTS_CLIENT_SPY_H
#define TESTS_CLIENT_SPY_H

#include "client/klient.h"

/* What happened, in order, as one text:
 *
 *   "a+ID "          a was opened, on a handle with that client.id
 *   "a(VALUE) "      on_send
 *   "a!CODE:P@O "    on_acknowledgement, of partition P and offset O
 *   "a=COUNT "       on_consume, and how many records it left
 *   "-a "            a was closed */
struct story {
    char text[512];
};

void story_tell(struct story *story, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void story_forget(struct story *story);

struct spy {
    struct story *story;
    const char *name;
    int answer;                         /* of every call; SPY_IDLE: it does not start */
    const char *value;                  /* to send instead */
    const char *topic;                  /* to send to instead */
    int touches_opaque, forgets_topic;
    int drops;                          /* one record in so many that are consumed; 0: none */
    int lines;                          /* of the log; see spy_line() */
};
enum { SPY_IDLE = -1, SPY_IDLE_NUMBER = 99 };

/* Which calls it has. */
enum { SENDS = 1, ACKNOWLEDGES = 2, CONSUMES = 4 };

/* Add it under its name. `spy` lives as long as the handles. */
void spy_add(klient_config_t *config, struct spy *spy, int calls);

/* A log function that counts failures of interceptors in the spy that is its context. */
void spy_line(void *context, klient_log_level_t level, const char *line);

#endif
