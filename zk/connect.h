/* zk/connect.h - "host:port,host:port/chroot" taken apart. Only inside zk/. */
#ifndef ZK_CONNECT_H
#define ZK_CONNECT_H

#include "common/error.h"

enum { ZK_CHROOT_MAX = 1000 };

struct zk_connect {
    char *hosts;  /* "host:port,..."; a missing port has become 2181; owned */
    char *chroot; /* "/a/b", or "" for none; owned */
};

/* Returns 0, INVALID_CONFIG or NOMEM; `out` may be given to zk_connect_fini() in any case. */
int zk_connect_parse(const char *text, struct zk_connect *out, struct k_reason *reason);
void zk_connect_fini(struct zk_connect *connect);

#endif
