/* record_copy.h - a received record kept by itself: a chunk with a batch of one. */
#ifndef CLIENT_RECORD_COPY_H
#define CLIENT_RECORD_COPY_H

#include <stddef.h>

#include "client/consumer.h"

/* Copy the record as one of `as` (referenced), with these headers in place of its own. Its bytes
 * count against the budget. 0, K_NOMEM or K_MESSAGE_TOO_LARGE. */
int record_copy(struct budget *budget, struct assigned *as, const klient_record_t *record,
                const klient_header_t *headers, size_t header_count, struct chunk **out);

#endif
