/* A line of JSON that kairn produce is given holds what the fuzzer likes: it is refused with a
 * reason, or it is a record that kairn consume prints as a line with the same record in it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/target.h"
#include "tools/kairn/record_format.h"
#include "tools/kairn/record_input.h"

static void check_bytes(const void *a, size_t a_size, const void *b, size_t b_size)
{
    if ((a == NULL) != (b == NULL) || a_size != b_size || (a_size > 0 && memcmp(a, b, a_size) != 0))
        abort();
}

static void check_same(const klient_record_t *a, const klient_record_t *b)
{
    check_bytes(a->key, a->key_size, b->key, b->key_size);
    check_bytes(a->value, a->value_size, b->value, b->value_size);
    if (a->header_count != b->header_count || a->timestamp != b->timestamp ||
        (a->partition >= 0 && a->partition != b->partition))
        abort();
    for (size_t i = 0; i < a->header_count; i++) {
        const klient_header_t *x = &a->headers[i], *y = &b->headers[i];
        check_bytes(x->key, x->key_size, y->key, y->key_size);
        check_bytes(x->value, x->value_size, y->value, y->value_size);
    }
}

static void check_printed(klient_record_t *record)
{
    struct record_format *format = record_format_json();
    struct record_input input;
    klient_record_t again;
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    if (format == NULL || out == NULL)
        abort();
    klient_record_init(&again);
    record_input_init(&input, NULL, 0);
    /* Where a record lies is always known to who consumes it. */
    if (record->partition < 0)
        record->partition = 0;
    record_format_print(format, record, out);
    fclose(out);
    if (record_input_read(&input, text, size, &again) != NULL)
        abort();
    check_same(record, &again);
    record_input_fini(&input);
    record_format_free(format);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct record_input input;
    klient_record_t record;

    klient_record_init(&record);
    record.topic = "orders";
    record_input_init(&input, NULL, 0);
    const char *why = record_input_read(&input, (const char *)data, size, &record);
    if (why != NULL && why[0] == '\0')
        abort();
    if (why == NULL)
        check_printed(&record);
    record_input_fini(&input);
    return 0;
}
