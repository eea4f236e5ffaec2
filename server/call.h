/* call.h - run a function on a loop and wait until it has. For starting and stopping only. */
#ifndef SERVER_CALL_H
#define SERVER_CALL_H

struct loop;

/* Not from the loop itself, nor from one that the loop may be waiting for. All mail posted to the
 * loop before is delivered first. */
void call_on(struct loop *loop, void (*run)(void *context), void *context);

#endif
