/* pair_list.h - lists of replicas as (leader|follower).replication.throttled.replicas has them:
 * "partition:broker,partition:broker", or "*" for all. Pure; results are the caller's, to be given
 * to free(), and NULL when out of memory. */
#ifndef TOOLS_KAIRN_PAIR_LIST_H
#define TOOLS_KAIRN_PAIR_LIST_H

/* All of `list`, and behind it what only `more` has. Of "*" there is no more. */
char *pair_list_with(const char *list, const char *more);

/* `list` without what stands in `less`. Nothing is left beside "*"; and of "*" all is left, unless
 * `less` is "*", too. */
char *pair_list_without(const char *list, const char *less);

#endif
