/* print_config_docs.c - makes docs/client-configuration.md: its output is the page. With "man" it
 * makes docs/man/klient.conf.5, with "policy" the table of docs/dead-letters.md. */
#include <string.h>

#include "client/config.h"
#include "client/klient.h"

static void print_man(void)
{
    puts(".\\\" Made by tests/client/print_config_docs man.\n"
         ".Dd November 30, 2026\n"
         ".Dt KLIENT.CONF 5\n"
         ".Os\n"
         ".Sh NAME\n"
         ".Nm klient.conf\n"
         ".Nd configuration of libklient, the client library of Kairn\n"
         ".Sh DESCRIPTION\n"
         "Properties that\n"
         ".Xr klient_config_set 3\n"
         "takes, and a file of lines\n"
         ".Ar name Ns = Ns Ar value\n"
         "that\n"
         ".Xr klient_config_load 3\n"
         "reads; it may have any name.\n"
         ".Xr kairn 1\n"
         "takes them with\n"
         ".Fl -set .\n"
         "Names and meanings are those of Kafka's clients, names of librdkafka are aliases;\n"
         "defaults are those of the Java clients 3.9, except\n"
         ".Va linger.ms\n"
         "and\n"
         ".Va isolation.level .\n"
         "Unknown names are errors, and so are names that Kafka knows and libklient does not\n"
         "serve yet.\n"
         ".Pp\n"
         "Times may be written with a unit (500ms, 30s, 90m, 36h, 14d), and so may sizes\n"
         "(512KiB, 1GiB; 10MB is decimal); where there may be no end, forever and unlimited\n"
         "say so.\n"
         ".Pp\n"
         "What is per topic can be set for a topic as well, in place of the value for all:\n"
         "with\n"
         ".Xr klient_config_set_topic 3 ,\n"
         "or by the name\n"
         ".Va topic/NAME/PROPERTY .\n"
         ".Sh PROPERTIES");
    options_print_man(&config_table, stdout);
    puts(".Sh SEE ALSO\n"
         ".Xr kairn 1 ,\n"
         ".Xr klient 3 ,\n"
         ".Xr klient_config_new 3 ,\n"
         ".Xr kairnd.conf 5");
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "man") == 0) {
        print_man();
        return 0;
    }
    if (argc > 1) {
        klient_retry_policy_print_docs(stdout);
        return 0;
    }
    puts("# Configuration of libklient\n\n"
         "Names and meanings are those of Kafka's clients, names of librdkafka are aliases;\n"
         "defaults are those of the Java clients 3.9, except `linger.ms` and `isolation.level`.\n"
         "Values are set with `klient_config_set()` or read from a file with\n"
         "`klient_config_load()`. Unknown names are errors, and so are names that Kafka knows and\n"
         "libklient does not serve yet. Times may be written with a unit (`500ms`, `30s`, `90m`,\n"
         "`36h`, `14d`), and so may sizes (`512KiB`, `1GiB`; `10MB` is decimal); where there may\n"
         "be no end, `forever` and `unlimited` say so.\n\n"
         "What is marked with \"per topic\" can be set for a topic as well, in place of the value\n"
         "for all: with `klient_config_set_topic()`, or by the name `topic/NAME/PROPERTY`, as in\n"
         "`topic/orders.v1/linger.ms=20`.\n\n"
         "This page is made by `tests/client/print_config_docs`.\n");
    klient_config_print_docs(stdout);
    return 0;
}
