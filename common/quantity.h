/* quantity.h - times and sizes as people write and read them: 14d, 90s, 512KiB, 10MB, forever.
 *
 * What is kept and sent is a plain number, in the unit that the option's name tells. Pure. */
#ifndef COMMON_QUANTITY_H
#define COMMON_QUANTITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum quantity_unit {
    QUANTITY_PLAIN,             /* a number of something else */
    QUANTITY_MS,
    QUANTITY_SECONDS,
    QUANTITY_MINUTES,
    QUANTITY_HOURS,
    QUANTITY_BYTES
};

/* What an option of this name counts: "retention.ms" milliseconds, "segment.bytes" bytes. */
enum quantity_unit quantity_unit_of(const char *name);

/* The number that `text` (`size` bytes) means in this unit: "14d" is 1209600000 of QUANTITY_MS.
 * A plain number is taken as it is; of times there are ms, s, m, h and d, of sizes B, kB, MB, GB,
 * TB (decimal) and KiB, MiB, GiB, TiB (binary), these in upper or lower case. Blanks may stand
 * between number and unit only. False: it is none of these, has a fraction, is not a whole number
 * of the unit, or does not fit. */
bool quantity_read(enum quantity_unit unit, const char *text, size_t size, int64_t *out);

/* "forever", or "unlimited": what number that is, only the option knows. */
bool quantity_is_endless(const char *text, size_t size);

/* "a number of milliseconds, or one with ms, s, m, h or d"; with `endless`, also the word for no
 * end. "an integer" of QUANTITY_PLAIN. Static. */
const char *quantity_expected(enum quantity_unit unit, bool endless);

/* The number with the largest unit that leaves it whole, for people: "14d", "512KiB"; "forever" or
 * "unlimited" of -1 and of INT64_MAX. "" where that says no more than the number itself. Returns
 * `text`, of which `size` is 32 or more. */
const char *quantity_text(enum quantity_unit unit, int64_t number, char *text, size_t size);

#endif
