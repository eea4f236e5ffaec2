/* field_writer.h - append the fields of Kafka's messages, in the versions before tagged fields.
 *
 * Writes until the first failure and keeps it, so that a caller writes all its fields and looks
 * once: 0, K_NOMEM, or K_INVALID_ARGUMENT for what no size field can say. */
#ifndef PROTO_FIELD_WRITER_H
#define PROTO_FIELD_WRITER_H

#include <stddef.h>
#include <stdint.h>

struct buffer;

struct field_writer { struct buffer *buffer; int error; };

void field_put_u16(struct field_writer *writer, uint16_t value);
void field_put_u32(struct field_writer *writer, uint32_t value);
void field_put_u64(struct field_writer *writer, uint64_t value);
/* `data` NULL is null. A text is of at most 32767 bytes. */
void field_put_text(struct field_writer *writer, const char *data, size_t size);
void field_put_bytes(struct field_writer *writer, const char *data, size_t size);

#endif
