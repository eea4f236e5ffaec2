/* group_ask.h - an application thread asks the coordinators of groups something: each is found,
 * asked, and found again when it turns out to be another one.
 *
 *   survey = group_survey_new(klient, groups, count, sizeof(struct mine), &kind, deadline_ms);
 *   ... struct mine begins with a struct group_ask; from here on as with any survey, in which
 *       answer.topic is the group's id ...
 *
 * What was asked may have been carried out though its answer was lost: unless the kind says `once`,
 * it is asked again. */
#ifndef CLIENT_GROUP_ASK_H
#define CLIENT_GROUP_ASK_H

#include <stdbool.h>

#include "client/inquiry.h"
#include "client/survey.h"

struct group_ask;

struct group_ask_kind {
    bool once;                          /* do not repeat what may have been carried out */
    /* On the loop. Fill in the body: 0 or K_NOMEM. */
    int (*build)(struct group_ask *ask, struct request *request);
    /* Look at an answer: 0, or what it says of the whole question; *error as in struct inquiry. */
    int (*read)(struct group_ask *ask, const Kairn__ResponseHead *head,
                const Kairn__Error **error);
};

struct group_ask {
    struct answer answer;               /* topic: the group's id */
    const struct group_ask_kind *kind;  /* borrowed: a constant */
    struct inquiry inquiry;             /* for the coordinator, then of the coordinator */
    int32_t coordinator;                /* broker id */
    bool finding;
    int32_t doubted;                    /* who was said to be it, and was not; -1: nobody */
};

/* NULL when out of memory. */
struct survey *group_survey_new(struct klient *klient, const char *const *groups, size_t count,
                                size_t row_size, const struct group_ask_kind *kind,
                                int64_t deadline_ms);

#endif
