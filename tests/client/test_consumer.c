#include "tests/client/helpers.h"

Suite *consumer_suite(void)
{
    return suite_create("client/consumer");
}
