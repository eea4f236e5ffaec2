/* golden.h - batches that Kafka and librdkafka wrote; golden/README.md tells how. */
#ifndef TESTS_PROTO_GOLDEN_H
#define TESTS_PROTO_GOLDEN_H

#include "common/buffer.h"

/* The bytes of golden/<name>.bin; fails the test when it can not be read. The caller frees them
 * with buffer_fini(). */
void golden_load(const char *name, struct buffer *out);

#endif
