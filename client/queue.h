/* queue.h - a queue of events between any threads and the application, which polls it or has a
 * thread of the library call it.
 *
 * Whoever may post holds a reference; after klient_queue_free() what is posted is freed. */
#ifndef CLIENT_QUEUE_H
#define CLIENT_QUEUE_H

#include "client/event.h"
#include "client/klient.h"

struct klient_queue *queue_ref(struct klient_queue *queue);

/* Any thread; the last one frees it. */
void queue_unref(struct klient_queue *queue);

/* 0, K_INVALID_ARGUMENT (NULL) or K_FORKED. */
int queue_check(const struct klient_queue *queue);

/* Any thread; does not wait, never fails. Takes over the event. */
void queue_post(struct klient_queue *queue, struct klient_event *event);

#endif
