/* print_config_docs.c - makes docs/client-configuration.md: its output is the page. */
#include "client/klient.h"

int main(void)
{
    puts("# Configuration of libklient\n\n"
         "Names and meanings are those of Kafka's clients, names of librdkafka are aliases;\n"
         "defaults are those of the Java client 3.6, except `linger.ms`. Values are set with\n"
         "`klient_config_set()` or read from a file with `klient_config_load()`. Unknown names\n"
         "are errors, and so are names that Kafka knows and libklient does not serve yet.\n\n"
         "This page is made by `tests/client/print_config_docs`.\n");
    klient_config_print_docs(stdout);
    return 0;
}
