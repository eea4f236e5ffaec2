#include "tests/chaos/record.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/crc32c.h"
#include "tests/chaos/history.h"

enum { NUMBER_SIZE = 16, VALUE_MIN = 40, VALUE_SPREAD = RECORD_VALUE_MAX - VALUE_MIN };

/* "0000010000000042" and then bytes that only this number has. */
size_t record_make_value(uint64_t number, char value[RECORD_VALUE_MAX + 1])
{
    uint64_t state = number * 0x9e3779b97f4a7c15 + 1;
    size_t size = VALUE_MIN + (size_t)(number * 7919 % VALUE_SPREAD);
    snprintf(value, NUMBER_SIZE + 1, "%016" PRIx64, number);
    for (size_t i = NUMBER_SIZE; i < size; i++) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        value[i] = (char)('a' + state % 26);
    }
    value[size] = '\0';
    return size;
}

uint64_t record_number(const klient_record_t *record)
{
    char text[NUMBER_SIZE + 1] = "", *end;
    if (record->value == NULL || record->value_size < NUMBER_SIZE)
        return HISTORY_UNREADABLE;
    memcpy(text, record->value, NUMBER_SIZE);
    uint64_t number = strtoull(text, &end, 16);
    return *end == '\0' ? number : HISTORY_UNREADABLE;
}

uint32_t record_checksum(const klient_record_t *record)
{
    uint32_t sum = crc32c(0, record->key != NULL ? record->key : "", record->key_size);
    return crc32c(sum, record->value != NULL ? record->value : "", record->value_size);
}
