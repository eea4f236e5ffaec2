/* log_copies.h - the copies that brokers keep of partitions that others lead, as the leaders see
 * them: for kairn broker log-dirs. */
#ifndef TOOLS_KAIRN_LOG_COPIES_H
#define TOOLS_KAIRN_LOG_COPIES_H

#include <stdbool.h>
#include <stdint.h>

#include "client/klient.h"
#include "tools/kairn/json.h"

struct table;

/* What was noted, in one of two forms. */
struct log_copies {
    struct table *table;                /* for people; NULL: there are none */
    json_t *by_broker;                  /* for programs: lists, by the broker's id; NULL: none */
};

/* Note the copy of one follower of a log that `leader` leads. */
void log_copies_note(struct log_copies *copies, bool json, int32_t leader,
                     const klient_log_info_t *log, const klient_follower_info_t *follower);

/* A table behind an empty line, if there are any. It is freed. */
void log_copies_print(struct log_copies *copies);

/* Those of one broker. */
json_t *log_copies_json(const struct log_copies *copies, int32_t broker);
void log_copies_free(struct log_copies *copies);

#endif
