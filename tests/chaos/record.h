/* record.h - what the records of a chaos run hold: all of it follows from their number. */
#ifndef TESTS_CHAOS_RECORD_H
#define TESTS_CHAOS_RECORD_H

#include <stddef.h>
#include <stdint.h>

#include "client/klient.h"

enum { RECORD_VALUE_MAX = 340 };

/* Write the value of a record, and a 0 that does not count; returns its size. */
size_t record_make_value(uint64_t number, char value[RECORD_VALUE_MAX + 1]);

/* The number, or HISTORY_UNREADABLE. */
uint64_t record_number(const klient_record_t *record);

/* Of key and value: an exchanged key is damage, too. */
uint32_t record_checksum(const klient_record_t *record);

#endif
