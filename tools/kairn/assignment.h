/* assignment.h - where the replicas of a new topic are to be, as Kafka's tools write it:
 * "1:2:3,2:3:1" are two partitions of three replicas each, the preferred leader first. Pure. */
#ifndef TOOLS_KAIRN_ASSIGNMENT_H
#define TOOLS_KAIRN_ASSIGNMENT_H

#include <stdbool.h>
#include <stdint.h>

struct assignment {
    int32_t partitions, replicas;   /* of each of them */
    int32_t *brokers;               /* row after row; to be given to free() */
};

/* False: it is none, and `reason` (constant) says why. */
bool assignment_read(const char *text, struct assignment *out, const char **reason);

#endif
