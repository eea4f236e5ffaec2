/* log_value.h - keys and values of records by what they were made with. */
#ifndef TOOLS_KAIRN_LOG_VALUE_H
#define TOOLS_KAIRN_LOG_VALUE_H

#include "server/storage/dump.h"

/* What can be asked for, as the help and errors name it. */
#define LOG_VALUE_NAMES "string|int32|int64|double|uuid|bytes|json"

/* The printer of this name; NULL: there is none.
 *
 *   string       UTF-8, quoted
 *   int32 int64  4 or 8 bytes, the highest first, as Java's serializers write them
 *   double       8 bytes of IEEE 754, the highest first
 *   uuid         as text, which is how Java writes it, or 16 bytes
 *   bytes        in hexadecimal digits, quoted
 *   json         as it is, on one line
 *
 * What does not have the form is printed as "hex:" and its digits, quoted. */
log_dump_value *log_value_find(const char *name);

#endif
