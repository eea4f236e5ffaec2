#include "proto/field_writer.h"

#include "common/buffer.h"
#include "common/endian.h"
#include "common/error.h"

static void put(struct field_writer *writer, const void *bytes, size_t size)
{
    if (writer->error == 0 && size > 0)
        writer->error = buffer_copy(writer->buffer, bytes, size);
}

void field_put_u16(struct field_writer *writer, uint16_t value)
{
    uint8_t bytes[2];
    store_u16(bytes, value);
    put(writer, bytes, sizeof bytes);
}

void field_put_u32(struct field_writer *writer, uint32_t value)
{
    uint8_t bytes[4];
    store_u32(bytes, value);
    put(writer, bytes, sizeof bytes);
}

void field_put_u64(struct field_writer *writer, uint64_t value)
{
    uint8_t bytes[8];
    store_u64(bytes, value);
    put(writer, bytes, sizeof bytes);
}

void field_put_text(struct field_writer *writer, const char *data, size_t size)
{
    if (size > INT16_MAX && writer->error == 0)
        writer->error = K_INVALID_ARGUMENT;
    field_put_u16(writer, data == NULL ? UINT16_MAX : (uint16_t)size);
    put(writer, data, size);
}

void field_put_bytes(struct field_writer *writer, const char *data, size_t size)
{
    if (size > INT32_MAX && writer->error == 0)
        writer->error = K_INVALID_ARGUMENT;
    field_put_u32(writer, data == NULL ? UINT32_MAX : (uint32_t)size);
    put(writer, data, size);
}
