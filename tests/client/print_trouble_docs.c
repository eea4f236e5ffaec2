/* print_trouble_docs.c - makes docs/troubles.md: its output is the page. */
#include "client/trouble.h"

int main(void)
{
    puts("# Troubles\n\n"
         "Errors that belong to no call of libklient arrive as events of a queue\n"
         "(`klient_config_set_queue()`). `klient_event_trouble()` says what is wrong, since when,\n"
         "how serious it is and what to do next. A trouble is told when it begins, once when it\n"
         "has become persistent (it has lasted longer than `trouble.persistent.ms`), once when it\n"
         "has become fatal, and once when it is over; never more often, however often it is met\n"
         "with. It is over when it has stayed away for a fifth of `trouble.persistent.ms`, for 2\n"
         "seconds at most: what comes and goes is one trouble.\n\n"
         "| severity | means |\n|---|---|\n"
         "| transient | it has just begun, and libklient deals with it |\n"
         "| idle | nobody is waiting for it, as with an idle connection that broke |\n"
         "| persistent | it has lasted: do something |\n"
         "| fatal | the handle can not go on: close it |\n\n"
         "A handle tells those of brokers and the cluster, a producer and a consumer those of\n"
         "their records, topics and group. Of topics that a group subscribes to and that are not\n"
         "there, the member that leads it tells. What is open when its owner is closed ends\n"
         "without an event. Of each owner 256 troubles are kept apart; what is beyond them is one\n"
         "more, `many-troubles`.\n\n"
         "This page is made by `tests/client/print_trouble_docs`.\n");
    trouble_print_docs(stdout);
    return 0;
}
