/* codec/native/greet.h - the broker's side of the greeting: which loop serves whom. Pure. */
#ifndef CODEC_NATIVE_GREET_H
#define CODEC_NATIVE_GREET_H

#include <stddef.h>
#include <stdint.h>

#include "proto/greeting.h"

/* The loop that gets a connection: the one it asks for, or, without a wish (or with one for a
 * loop that does not exist), the one with the smallest load; the first of equals. count > 0. */
int greet_choose_loop(const struct greeting_client *client, const int64_t *loads, int count);

/* The protocol version both sides then speak. The client's range overlaps ours:
 * greeting_client_read() refused it otherwise. */
uint16_t greet_version(const struct greeting_client *client);

#endif
