/* api/group.h - what the requests to a group's coordinator share: names, questions, errors. On the
 * request's shard. */
#ifndef API_GROUP_H
#define API_GROUP_H

#include <stdbool.h>
#include <stddef.h>

#include "proto/kairn.pb-c.h"
#include "server/api/authorise.h"
#include "server/runtime/group_call.h"

struct request;

enum { GROUP_TEXT_MAX = 32767 };        /* bytes of an id or a name, in the offsets topic */

/* Do all brokers coordinate groups? Until then nobody does, or a group could lose its coordinator
 * to a broker that knows nothing of it. */
bool group_is_served(const struct request *request);

/* 0, INVALID_GROUP_ID, GROUP_AUTHORIZATION_FAILED or COORDINATOR_NOT_AVAILABLE (as above). */
int group_check(const struct request *request, const char *group, enum operation operation);

/* How new the picture is by which the request is judged. */
struct groups_known group_known(const struct request *request);

static inline const char *text_or_null(const char *text)
{
    return text[0] != '\0' ? text : NULL;
}

/* Is it short enough to be stored? */
bool group_text_fits(const char *text);

/* "Stable" and so on, as Kafka has it. */
const char *group_state_name(enum group_state state);

/* Several questions of one request, or one. */
struct group_calls {
    struct request *request;
    size_t count;
    struct group_call *calls;
    /* Finishes the request; all calls have their outcomes. */
    void (*answer)(struct group_calls *calls);
    void *context;                      /* the handler's */

    /* group.c's */
    bool in_turn, running;
    size_t next, left;
};

/* Room for `count` questions, in the request's arena; NULL: none. Each is to be set up by
 * group_calls_add(), in order; an outcome other than 0 says then that it is not to be asked. */
struct group_calls *group_calls_new(struct request *request, size_t count,
                                    void (*answer)(struct group_calls *calls));
/* The same with one, which has an answer beside its outcome. */
struct group_call *group_call_new(struct request *request, const char *group,
                                  void (*answer)(struct group_calls *calls));
struct group_call *group_calls_add(struct group_calls *calls, const char *group);

/* Ask all at once: their answers are outcomes alone. */
void group_calls_start(struct group_calls *calls);
/* Ask one after the other: what they find goes into the request's arena. */
void group_calls_start_in_turn(struct group_calls *calls);
/* The one of group_call_new(). */
void group_call_ask(struct group_call *call);

/* Is it not about the group, but about who coordinates it? */
bool group_is_elsewhere(int code);

/* The outcome as an error; NULL only for success. */
Kairn__Error *group_error(struct request *request, const struct group_call *call);

/* The whole request failed: with the outcome of this call. */
void group_fail(struct request *request, const struct group_call *call);

#endif
