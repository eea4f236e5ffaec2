/* ailments.h - what keeps brokers from their work although they live: no metadata tell it, but the
 * metrics of each. */
#ifndef TOOLS_KAIRN_AILMENTS_H
#define TOOLS_KAIRN_AILMENTS_H

#include <stddef.h>
#include <stdint.h>

#include "client/klient.h"
#include "tools/kairn/json.h"
#include "tools/kairn/recovery.h"

struct ailments {
    int32_t *cut_off;                   /* brokers that no ZooKeeper server answers; owned */
    int32_t *full;                      /* that refuse records, for a disk is full; owned */
    struct recovery *recoveries;        /* of those that check logs after a crash; owned */
    size_t cut_off_count, full_count, recovery_count;
    size_t brokers;                     /* that live */
};

/* Ask all live brokers. Who does not answer soon is left out: others tell what is wrong with him.
 * An older broker does not tell everything. */
void ailments_ask(klient_admin_t *admin, const klient_metadata_t *metadata, struct ailments *out);
void ailments_free(struct ailments *ailments);

size_t ailments_count(const struct ailments *ailments);
/* A paragraph, unless there are none. */
void ailments_print(const struct ailments *ailments);

#endif
