/* zookeeper.h - what ZooKeeper servers say of themselves, by the word srvr. */
#ifndef TOOLS_KAIRN_ZOOKEEPER_H
#define TOOLS_KAIRN_ZOOKEEPER_H

#include <stdbool.h>

#include "tools/kairn/facts.h"

/* The next server of a zookeeper.connect, whose end may be a chroot: its address into *out, and
 * *list behind it. False: there is none any more. */
bool zookeeper_next(const char **list, struct facts_zookeeper *out);

/* What `text`, an answer to srvr, says; "": there was none. Pure. */
void zookeeper_read(const char *text, struct facts_zookeeper *out);

/* Ask it, and wait for `timeout_ms` at most. */
void zookeeper_ask(struct facts_zookeeper *server, int timeout_ms);

#endif
