/* dlq_show.c - kairn dlq show: what dead letters say. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tools/kairn/connect.h"
#include "tools/kairn/dlq.h"
#include "tools/kairn/json.h"

struct showing {
    const struct args *args;
    struct letter_filter filter;
    int64_t left;                       /* --max */
    int64_t strangers;                  /* records that are no dead letters */
};

/* What is no text, or would move the cursor, is a dot. */
static void print_bytes(const char *name, const void *bytes, size_t size)
{
    const unsigned char *text = bytes;

    printf("  %-8s", name);
    if (bytes == NULL)
        printf("(null)");
    for (size_t i = 0; bytes != NULL && i < size; i++)
        putchar(text[i] < 0x20 || text[i] == 0x7f ? '.' : text[i]);
    putchar('\n');
}

static void print_letter(const klient_record_t *from, const struct letter *letter)
{
    const klient_record_t *record = &letter->record;

    printf("%s-%d@%" PRId64 "  from %s-%d@%" PRId64 "  group %s  failed %" PRId64
           " times  written %" PRId64 "\n",
           from->topic, (int)from->partition, from->offset, letter->topic, (int)record->partition,
           record->offset, letter->group[0] == '\0' ? "(none)" : letter->group, letter->attempts,
           from->timestamp);
    print_bytes("error", letter->error, strlen(letter->error));
    print_bytes("key", record->key, record->key_size);
    print_bytes("value", record->value, record->value_size);
    for (size_t i = 0; i < record->header_count; i++) {
        printf("  header  ");
        fwrite(record->headers[i].key, 1, record->headers[i].key_size, stdout);
        print_bytes(" =", record->headers[i].value, record->headers[i].value_size);
    }
}

static int show_one(void *context, const klient_record_t *record)
{
    struct showing *showing = context;
    struct letter letter;

    if (showing->left == 0)
        return EXIT_DONE;
    if (!letter_read(record, &letter)) {
        showing->strangers++;
        return EXIT_DONE;
    }
    if (letter_filter_passes(&showing->filter, record, &letter)) {
        showing->left--;
        if (args_json(showing->args))
            json_line(letter_json(record, &letter));
        else
            print_letter(record, &letter);
    }
    letter_free(&letter);
    return EXIT_DONE;
}

int dlq_show(const struct args *args)
{
    struct showing showing = { .args = args };
    struct dlq_visitor visitor = { &showing, show_one, NULL };
    struct reading reading;
    klient_error_t *error = NULL;
    int64_t only;

    if (!letter_filter_read(args, &showing.filter) ||
        !args_number(args, "--partition", -1, 0, INT32_MAX, &only) ||
        !args_number(args, "--max", INT64_MAX, 1, INT64_MAX, &showing.left))
        return EXIT_USAGE;
    int status = dlq_open(&reading, args, args_operand(args, 0), NULL, NULL);
    if (status == EXIT_DONE)
        status = reading_find(&reading, only);
    if (status == EXIT_DONE && reading_assign(&reading, &error) != KLIENT_OK)
        status = connect_failed(args, error);
    if (status == EXIT_DONE)
        status = dlq_read(&reading, &visitor);
    dlq_close(&reading);
    if (showing.strangers > 0)
        fprintf(stderr, "%lld records are no dead letters\n", (long long)showing.strangers);
    return status;
}
