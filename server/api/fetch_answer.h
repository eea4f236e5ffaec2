/* api/fetch_answer.h - what Fetch is with a session (fetch_session.c) and without (fetch.c). */
#ifndef API_FETCH_ANSWER_H
#define API_FETCH_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/kairn.pb-c.h"
#include "server/runtime/fetch_read.h"

struct request;

/* Which partition is asked for; returns why it can not be, 0: it can. */
int fetch_question(const struct request *request, const Kairn__FetchPartition *partition,
                   struct partition_key *key);

/* Bytes of the answer at most. */
size_t fetch_bytes_max(const struct request *request);

/* However long the asker says it would wait: not longer than for any other answer. Monotonic. */
int64_t fetch_deadline_ms(const struct request *request);

/* Several loops read without knowing of each other: together they may have read too much. */
bool fetch_answer_fits(const struct request *request, const struct fetch_item *item);

/* Fill in what was found, but which partition it is of; take or drop what was read. `result` is
 * initialised. */
void fetch_answer_fill(struct request *request, struct fetch_item *item,
                       Kairn__FetchResult *result);

/* In fetch_session.c: the request is one of a session. False: it would have begun one, and there is
 * no room. */
bool fetch_in_session(struct request *request);

#endif
