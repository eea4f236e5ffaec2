/* follower.h - how another replica of a partition is, in a word and in a sentence. */
#ifndef TOOLS_KAIRN_FOLLOWER_H
#define TOOLS_KAIRN_FOLLOWER_H

#include <stddef.h>

#include "client/klient.h"

/* "in-sync", "silent", ..., for programs. */
const char *follower_name(klient_follower_state_t state);

/* In sync, or why not, for people, into `text`. Returns `text`. */
const char *follower_explain(const klient_follower_info_t *follower, char *text, size_t size);

/* How long it has lacked records, in seconds: "3.2s"; "-": it lacks none. Returns `text`. */
const char *follower_behind(const klient_follower_info_t *follower, char *text, size_t size);

#endif
