/* group_wire.h - the native protocol over a socket, by hand, for probes of groups: one connection,
 * to whoever coordinates. Whatever goes wrong beyond a lost connection ends the process. */
#ifndef TESTS_INTEGRATION_GROUP_WIRE_H
#define TESTS_INTEGRATION_GROUP_WIRE_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/head.h"

enum { PATIENCE_MS = 30000, AGAIN_MS = 20 };

extern const char *bootstrap, *group;       /* set by main() */

void fail(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));
int64_t now_ms(void);

void disconnect(void);
void send_request(Kairn__RequestHead *head, uint64_t correlation);
/* The next answer, valid until the one after; NULL: the connection is gone. */
const Kairn__ResponseHead *receive_answer(void);
/* Ask and wait; the code, NETWORK_EXCEPTION without a connection. */
int ask(Kairn__RequestHead *head, const Kairn__ResponseHead **answer);

/* Not here, not yet, or a lost connection. */
bool is_forgiven(int code);
/* Until the connection goes to the coordinator; its id. */
int32_t find_coordinator(void);

#endif
