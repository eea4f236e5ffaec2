/* world.h - a world of brokers, a store and clients around one controller, driven by a seed.
 *
 * The store carries out orders late and in any order, refuses, loses answers and sessions, is
 * written by others behind the controller's back, and elects anew. After every event the
 * controller's invariants are proved and everything it says is compared with what is stored. */
#ifndef TESTS_WORLD_H
#define TESTS_WORLD_H

#include <stdbool.h>
#include <stdint.h>

struct world;

struct world *world_new(uint64_t seed);
void world_free(struct world *world);

/* One random event. */
void world_turn(struct world *world);

/* Faults end: everything in flight is answered, time passes, then the announced pictures of all
 * askers must equal what is stored, and every partition with a live broker must have a leader. */
void world_settle(struct world *world);

#endif
