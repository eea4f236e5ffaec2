/* produce_input.c - kairn produce: lines of files and of standard input. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/kairn/interrupt.h"
#include "tools/kairn/produce.h"

enum { READ_SIZE = 1 << 20, WAIT_MS = 200 };

/* A file that is being read. */
struct source {
    struct producing *producing;
    const char *name;
    int fd;
    uint64_t line;                      /* number of the last line, from 1 */
    char *buffer;                       /* owned */
    size_t capacity, size;
};

static bool is_stdin(const char *file)
{
    return strcmp(file, "-") == 0;
}

bool produce_reads_terminal(const struct args *args)
{
    size_t count = args_count(args, "--file");
    bool reads = count == 0;

    for (size_t i = 0; i < count; i++)
        reads |= is_stdin(args_nth(args, "--file", i));
    return reads && isatty(STDIN_FILENO);
}

/* --- lines ------------------------------------------------------------------------------------ */

static bool send_text(struct producing *producing, const char *line, size_t size)
{
    klient_record_t *record = &producing->record;
    const char *split = producing->separator != NULL
                            ? memmem(line, size, producing->separator, producing->separator_size)
                            : NULL;

    record->key = split != NULL ? line : NULL;
    record->key_size = split != NULL ? (size_t)(split - line) : 0;
    record->value = split != NULL ? split + producing->separator_size : line;
    record->value_size = size - (size_t)((const char *)record->value - line);
    return produce_record(producing, record);
}

static bool is_blank(const char *line, size_t size)
{
    while (size > 0 && strchr(" \t\r", line[size - 1]) != NULL && line[size - 1] != '\0')
        size--;
    return size == 0;
}

static bool send_json(struct source *source, const char *line, size_t size)
{
    struct producing *producing = source->producing;
    klient_record_t record = producing->record;

    if (is_blank(line, size))
        return true;
    const char *why = record_input_read(&producing->json, line, size, &record);
    if (why != NULL)
        return produce_bad_line(producing, source->name, source->line, why);
    if (producing->fixed)
        record.partition = producing->record.partition;
    return produce_record(producing, &record);
}

static bool send_line(struct source *source, const char *line, size_t size)
{
    source->line++;
    return source->producing->reads_json ? send_json(source, line, size)
                                         : send_text(source->producing, line, size);
}

/* All whole lines of the buffer; the rest moves to its start. */
static bool send_lines(struct source *source)
{
    char *at = source->buffer, *end = source->buffer + source->size;
    bool going = true;

    for (char *newline; going && (newline = memchr(at, '\n', (size_t)(end - at))) != NULL;
         at = newline + 1)
        going = send_line(source, at, (size_t)(newline - at));
    source->size = (size_t)(end - at);
    memmove(source->buffer, at, source->size);
    return going;
}

/* --- files ------------------------------------------------------------------------------------ */

/* Until there is input, or its end: what became of earlier records is told meanwhile. */
static bool await_input(const struct source *source)
{
    struct producing *producing = source->producing;
    struct pollfd both[2] = { { .fd = source->fd, .events = POLLIN },
                              { .fd = klient_producer_descriptor(producing->producer),
                                .events = POLLIN } };
    do {
        klient_producer_poll(producing->producer, 0, NULL, NULL);
        produce_show_progress(producing, false);
        if (interrupt_came())
            return false;
    } while (poll(both, 2, WAIT_MS) <= 0 || both[0].revents == 0);
    return true;
}

static bool make_room(struct source *source)
{
    if (source->size < source->capacity)
        return true;
    char *larger = realloc(source->buffer, 2 * source->capacity);
    if (larger == NULL)
        return false;
    source->buffer = larger;
    source->capacity *= 2;
    return true;
}

/* Lines whatever their length; the last may lack its newline. *going: are others to be read? */
static int send_source(struct source *source, bool *going)
{
    struct producing *producing = source->producing;
    ssize_t got = 1;

    while (*going && got > 0 && await_input(source)) {
        if (!make_room(source))
            return command_failed(producing->args, "out of memory for one line");
        got = read(source->fd, source->buffer + source->size, source->capacity - source->size);
        if (got < 0 && errno == EINTR) {
            got = 1;
            continue;
        }
        source->size += got > 0 ? (size_t)got : 0;
        *going = send_lines(source);
    }
    if (*going && got == 0 && source->size > 0)
        *going = send_line(source, source->buffer, source->size);
    if (got < 0)
        return command_failed(producing->args, "%s: %s", source->name, strerror(errno));
    if (got > 0 && interrupt_came())
        return command_failed(producing->args, "%s: interrupted after line %llu", source->name,
                              (unsigned long long)source->line);
    return EXIT_DONE;
}

static int send_file(struct producing *producing, const char *name, int fd, bool *going)
{
    struct source source = { .producing = producing, .name = name, .fd = fd,
                             .capacity = READ_SIZE, .buffer = malloc(READ_SIZE) };
    int status = source.buffer != NULL ? send_source(&source, going)
                                       : command_failed(producing->args, "out of memory");

    free(source.buffer);
    return status;
}

/* Of all, before anything is sent: a slip in a name is no reason to send half. -1: said. */
static int open_file(const struct args *args, const char *file)
{
    int fd = is_stdin(file) ? STDIN_FILENO : open(file, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        command_failed(args, "%s: %s", file, strerror(errno));
    return fd;
}

int produce_inputs(struct producing *producing)
{
    const struct args *args = producing->args;
    size_t count = args_count(args, "--file"), opened = 0;
    int *fds = calloc(count + 1, sizeof *fds), status = EXIT_DONE;
    bool going = true;

    if (fds == NULL)
        return command_failed(args, "out of memory");
    for (; status == EXIT_DONE && opened < count; opened++) {
        fds[opened] = open_file(args, args_nth(args, "--file", opened));
        if (fds[opened] < 0)
            status = EXIT_FAILED;
    }
    if (count == 0)
        status = send_file(producing, "standard input", STDIN_FILENO, &going);
    for (size_t i = 0; i < count && status == EXIT_DONE && going; i++) {
        const char *file = args_nth(args, "--file", i);
        status = send_file(producing, is_stdin(file) ? "standard input" : file, fds[i], &going);
    }
    for (size_t i = 0; i < opened; i++) {
        if (fds[i] > STDIN_FILENO)
            close(fds[i]);
    }
    free(fds);
    return status;
}
