/* scripts.h - what an application does with libklient and a fake broker, impatiently; whatever it
 * is given, it reads to the end. */
#ifndef TESTS_FUZZ_CLIENT_SCRIPTS_H
#define TESTS_FUZZ_CLIENT_SCRIPTS_H

#include "client/klient.h"
#include "tests/client/fake_broker.h"
#include "tests/fuzz/input.h"

enum { SCRIPT_PRODUCE, SCRIPT_CONSUME, SCRIPT_TAKE_PART, SCRIPT_ADMINISTER, SCRIPTS };

/* Records in topic "t" (two partitions) before anybody comes. */
void script_store(struct fake *fake);

/* For script_run(), with time-outs of some milliseconds; to be freed. */
klient_config_t *script_config(const struct fake *fake);

/* Do it; a few choices come from the input. Calls may fail, handles may not come to be. Returns
 * when all is closed. */
void script_run(unsigned script, klient_config_t *config, struct input *input);

#endif
