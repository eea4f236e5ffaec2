/* group_ages.h - since when records wait for a group: the first that is not committed of each
 * partition is read, and has its timestamp. A broker could only look for times, not tell the one of
 * an offset. */
#ifndef TOOLS_KAIRN_GROUP_AGES_H
#define TOOLS_KAIRN_GROUP_AGES_H

#include "client/klient.h"
#include "tools/kairn/command.h"
#include "tools/kairn/group_rows.h"

/* A consumer for it, in no group. NULL: said, *status is what to exit with. */
klient_consumer_t *group_ages_open(const struct args *args, int *status);

/* Set first_ms of the rows in which records wait and it is not known, as far as that can be read
 * within `timeout_ms`. */
void group_ages_fill(klient_consumer_t *consumer, struct group_rows *rows, int64_t timeout_ms);

#endif
