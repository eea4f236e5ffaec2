/* admin_internal.h - what the files of the admin share. Any thread. */
#ifndef CLIENT_ADMIN_INTERNAL_H
#define CLIENT_ADMIN_INTERNAL_H

#include "client/call.h"
#include "client/klient.h"
#include "client/survey.h"
#include "proto/head.h"

struct klient_admin {
    struct klient *klient;              /* referenced */
};

struct klient_results {
    Kairn__ResponseHead *head;          /* owned */
    Kairn__TopicResult **rows;
    size_t count;
    void *made;                         /* owned: rows that are not the head's; or NULL */
    const int32_t *numbers;             /* of partitions, within `made`; NULL: rows are of topics */
    struct survey *survey;              /* referenced: that rows are in the arena of; or NULL */
};

/* May a call go on? 0, K_INVALID_ARGUMENT or K_FORKED. */
int admin_check(const klient_admin_t *admin);

/* The same for a call about these partitions: at least one, each with a topic and a number. */
int admin_check_partitions(const klient_admin_t *admin,
                           const klient_topic_partition_t *partitions, size_t count);

/* Is it a group's id? 0, K_INVALID_ARGUMENT or K_INVALID_GROUP_ID. */
int admin_check_group(const char *group);

/* Only when nothing at all was carried out does asking again make sense: then why, else 0. */
int admin_judge(Kairn__TopicResult *const *rows, size_t count);

/* Outcomes for the application, which come with a failure, too; takes over `head` and `made` (may
 * be NULL). The first failure is returned. */
klient_code_t admin_take(Kairn__ResponseHead *head, Kairn__TopicResult **rows, size_t count,
                         size_t expected, void *made, struct product *out,
                         klient_error_t **error);

/* The same for outcomes of partitions, whose numbers are within `made`. */
klient_code_t admin_take_partitions(Kairn__ResponseHead *head, Kairn__TopicResult **rows,
                                    size_t count, size_t expected, void *made,
                                    const int32_t *numbers, struct product *out,
                                    klient_error_t **error);

/* The same for the rows of a survey, by the names of its topics. */
klient_code_t admin_take_survey(struct survey *survey, struct product *out,
                                klient_error_t **error);

/* The same for `count` answers, each at the beginning of `size` bytes of the survey's arena. */
klient_code_t admin_take_answers(struct survey *survey, const void *answers, size_t size,
                                 size_t count, struct product *out, klient_error_t **error);

/* Wait for a call that makes such outcomes. `results` may be NULL. */
klient_code_t admin_wait_results(struct call *call, klient_results_t **results,
                                 klient_error_t **error);

/* Into codes[i] (may be NULL) the outcome of each, and free them (NULL is allowed). */
void admin_tell_codes(klient_results_t *results, klient_code_t *codes);

/* `rows` rows of `width` broker ids each, in the arena. 0, K_NOMEM or
 * K_INVALID_REPLICA_ASSIGNMENT. */
int admin_assignment(struct arena *arena, const int32_t *ids, int32_t rows, int32_t width,
                     Kairn__ReplicaList ***out);

#endif
