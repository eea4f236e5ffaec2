/* storage/identity.h - the small property files that say whose a directory is.
 *
 * meta.properties and partition.metadata are Kafka's; kairn.properties is ours beside them. Pure:
 * text in, values out, and back. */
#ifndef STORAGE_IDENTITY_H
#define STORAGE_IDENTITY_H

#include <stdbool.h>
#include <stddef.h>

#include "common/uuid.h"
#include "server/storage/logdir.h"

enum { IDENTITY_TEXT_MAX = 512, IDENTITY_FILE_MAX = 64 << 10 };

/* The value of `name` in a text of "name=value" or "name: value" lines (# and ! comments) into
 * `out`. False when it is not there, or longer than `size` allows. */
bool properties_find(const char *text, const char *name, char *out, size_t size);

/* meta.properties into the identity's fields; what the file does not name is left alone.
 * Returns 0, CORRUPT (version is not 0, ids make no sense). */
int identity_parse(const char *text, struct logdir_identity *identity);
size_t identity_format(const struct logdir_identity *identity, char text[IDENTITY_TEXT_MAX]);

/* partition.metadata. */
int partition_metadata_parse(const char *text, struct uuid *topic_id);
size_t partition_metadata_format(const struct uuid *topic_id, char text[IDENTITY_TEXT_MAX]);

/* "<topic>-<partition>", into what Kafka allows for topic names. False when `name` is not the
 * name of a partition's directory; *topic_size receives the bytes of the topic's name. */
bool partition_name_parse(const char *name, size_t *topic_size, int32_t *partition);

#endif
