# tests/common/: one suite per file of common/.
check_PROGRAMS += tests/common/test_common
TESTS += tests/common/test_common
tests_common_test_common_SOURCES = \
	tests/common/main.c tests/common/suites.h \
	tests/common/memory.h tests/common/memory.c \
	tests/common/test_arena.c \
	tests/common/test_chain.c \
	tests/common/test_clock.c \
	tests/common/test_compress.c \
	tests/common/test_crc32c.c \
	tests/common/test_cursor.c \
	tests/common/test_descriptors.c \
	tests/common/test_error.c \
	tests/common/test_feature.c \
	tests/common/test_hdr.c \
	tests/common/test_heap.c \
	tests/common/test_json_check.c \
	tests/common/test_list.c \
	tests/common/test_log.c \
	tests/common/test_log_flood.c \
	tests/common/test_map.c \
	tests/common/test_metric.c \
	tests/common/test_options.c \
	tests/common/test_options_file.c \
	tests/common/test_pattern.c \
	tests/common/test_quantity.c \
	tests/common/test_rand.c \
	tests/common/test_slab.c \
	tests/common/test_utf8.c \
	tests/common/test_uuid.c
tests_common_test_common_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS)
tests_common_test_common_LDFLAGS = $(AM_LDFLAGS) \
	-Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=strndup
tests_common_test_common_LDADD = libtestlib.la libpattern.la libcommon.la $(CHECK_LIBS)
