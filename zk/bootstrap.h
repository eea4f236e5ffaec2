/* zk/bootstrap.h - what the first broker of a cluster finds missing: directories and cluster id. */
#ifndef ZK_BOOTSTRAP_H
#define ZK_BOOTSTRAP_H

#include <stdint.h>

#include "common/error.h"

struct zk_session;

/* Make every node of the catalogue marked "made at start", then read or create /cluster/id.
 * `done(context, code, cluster_id)` runs once; the id is valid during the call. `proposal` is the
 * id to create when there is none. Returns 0, NOMEM or SESSION_LOST (done is not called). */
int zk_bootstrap(struct zk_session *session, const char *proposal,
                 void (*done)(void *context, int code, const char *cluster_id), void *context);

/* Next generated broker id: version of /brokers/seqid after a write, plus `reserved_max`. */
int zk_generate_broker_id(struct zk_session *session, int32_t reserved_max,
                          void (*done)(void *context, int code, int32_t id), void *context);

#endif
