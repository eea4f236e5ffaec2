/* transcript.h - scenarios of pure cores as text files.
 *
 *   # a comment
 *   > broker 1 up            an event
 *   effect one               what the core must answer, line by line
 *
 * A script turns event lines into steps and effects into lines. With KAIRN_TRANSCRIPTS=update in
 * the environment a file is rewritten with what the core answers now: read the diff. */
#ifndef TESTS_TRANSCRIPT_H
#define TESTS_TRANSCRIPT_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum { TRANSCRIPT_WORDS_MAX = 64 };

struct words {
    int count;
    char *items[TRANSCRIPT_WORDS_MAX];
};

struct transcript_script {
    void *(*start)(void);
    void (*stop)(void *subject);
    /* Carry out one line (without "> "), print what came of it. */
    void (*apply)(void *subject, const struct words *words, FILE *out);
};

/* Fails the running test with a diff when the answers differ. */
void transcript_check(const char *path, const struct transcript_script *script);

/* Run every *.txt of a folder; fails when there is none. */
void transcript_check_folder(const char *folder, const struct transcript_script *script);

/* The word after `key`, or NULL. */
const char *word_after(const struct words *words, const char *key);
/* The same as a number, `fallback` when it is absent. */
int64_t number_after(const struct words *words, const char *key, int64_t fallback);
int has_word(const struct words *words, const char *word);

#endif
