/* told.h - a queue of troubles, and the story of what it was told. */
#ifndef TESTS_CLIENT_TOLD_H
#define TESTS_CLIENT_TOLD_H

#include "tests/client/members.h"

enum { MANY = 1000000000 };

/* Times of what is to become persistent, and of what is not. */
extern const char SOON[], LATE[];

extern klient_queue_t *told_queue;
extern klient_trouble_t told_last;      /* the last that was told, without its texts */

void told_setup(void);
void told_teardown(void);

/* Troubles of handles made with it go to the queue. Returns it. */
klient_config_t *telling(klient_config_t *config, const char *persistent_ms);

/* Note what is there, or what comes within the time; false: nothing. */
bool hear(int64_t timeout_ms);

/* "ABOUT:SEVERITY", "ABOUT#BROKER:SEVERITY", the same with ":over". */
bool was_told(const char *what);
bool nothing_was_told(void);
void await(const char *what);

/* The same while the member polls. */
void await_polling(struct member *member, const char *what);

/* All that was told of a kind, in order, and nothing comes after it for a while. */
void expect_all(const char *about, const char *stages);

#endif
