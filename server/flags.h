/* flags.h - the command line of kairnd. */
#ifndef SERVER_FLAGS_H
#define SERVER_FLAGS_H

enum flags_action { FLAGS_RUN, FLAGS_HELP, FLAGS_VERSION, FLAGS_DOCS, FLAGS_MAN };

enum { FLAGS_LOCAL_MAX = 64 };

struct flags {
    enum flags_action action;
    const char *config_path;        /* NULL: none */
    int local;                      /* brokers in this process; 0: one, as configured */
    int set_count;
    const char **sets;              /* "name=value", in order; owned; the texts are argv's */
};

extern const char flags_help[];

/* Read argv. Returns 0, or INVALID_ARGUMENT / NOMEM after saying why on standard error. */
int flags_parse(int argc, char **argv, struct flags *out);
void flags_fini(struct flags *flags);

#endif
