/* standing.h - how a consumer stands in a partition that it has: position, marks and lag, for who
 * does not wait until they are known. Belongs to the loop. */
#ifndef CLIENT_STANDING_H
#define CLIENT_STANDING_H

struct assigned;

/* Where it begins, or what fetches tell of it, has become known: answer what can be answered. */
void standing_look(struct assigned *assigned);

/* It will not become known: answer all with `code`. */
void standing_fail(struct assigned *assigned, int code);

#endif
