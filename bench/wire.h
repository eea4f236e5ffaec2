/* wire.h - the native protocol by hand, for programs with more connections than a client has.
 *
 * Blocking sockets; whatever goes wrong ends the process. One thread at a time. */
#ifndef BENCH_WIRE_H
#define BENCH_WIRE_H

#include <stddef.h>
#include <stdint.h>

#include "proto/head.h"

/* A socket to "host:port", without Nagle's delay and without a greeting. */
int wire_dial(const char *broker);
/* The same, greeted, on that loop or GREETING_ANY_LOOP. */
int wire_connect(const char *broker, uint16_t loop);

/* Ask and wait; the answer lives until the next question. An error of the request as a whole ends
 * the process. */
const Kairn__ResponseHead *wire_ask(int fd, Kairn__RequestHead *head);

/* Prefix and head of a request whose payload has that size; the caller appends the payload. Its
 * size, at most `room`. */
size_t wire_pack(const Kairn__RequestHead *head, size_t payload_size, uint8_t *to, size_t room);

/* The same for one batch to one partition, acks all; `head` has its number, and what else it
 * tells. */
size_t wire_pack_produce(const Kairn__RequestHead *head, const ProtobufCBinaryData *topic_id,
                         int32_t partition, uint32_t batch_size, uint8_t *to, size_t room);

/* What metadata says of a topic; lives until the next question. */
const Kairn__TopicInfo *wire_topic(int fd, const char *name);

#endif
