/* trouble_event.h - a trouble as the application gets it: an event of a queue. */
#ifndef CLIENT_TROUBLE_EVENT_H
#define CLIENT_TROUBLE_EVENT_H

#include <stdint.h>

#include "client/klient.h"
#include "client/trouble.h"

/* `since_ms` of the wall clock. What `news` points to is copied. NULL when out of memory; freed
 * with klient_event_free(). */
struct klient_event *trouble_event_new(const struct trouble_news *news, int64_t since_ms);

#endif
