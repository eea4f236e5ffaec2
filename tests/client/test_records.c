#include "tests/client/helpers.h"

Suite *records_suite(void)
{
    return suite_create("client/records");
}
