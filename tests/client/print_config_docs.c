/* print_config_docs.c - makes docs/client-configuration.md: its output is the page. With an
 * argument it makes the table of docs/dead-letters.md. */
#include "client/klient.h"

int main(int argc, char **argv)
{
    (void)argv;
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
